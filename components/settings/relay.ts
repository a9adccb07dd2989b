import { defaults } from "./defaults.ts";
import { sources } from "./prefixes.ts";
import { distinct, fields, oneOf, optional, text, wholeNumber } from "./readers.ts";
import type { RelaySettings } from "./settings.ts";

/** The system images on which our scripts are tried: systemd, apt, nftables and a kernel with WireGuard. */
const images = ["debian-13", "debian-12"] as const;

/** The `relay` section. Whether Hetzner has such a location or type is asked of Hetzner, later. */
export const readRelay = fields<RelaySettings>({
  provider: optional(oneOf(["hetzner"]), "hetzner"),
  location: optional(hetznerName("nbg1"), defaults.relay.location),
  serverType: optional(hetznerName("cx23"), defaults.relay.serverType),
  image: optional(oneOf(images), defaults.relay.image),
  sshPort: optional(wholeNumber(1, 65535), defaults.relay.sshPort),
  adminCidrs: optional(
    sources({
      empty: "nobody could open an SSH connection to the relay, and neither could this program",
      mend: "write the addresses that you connect from, or remove the key to admit everybody who has the key",
    }),
    defaults.relay.adminCidrs,
  ),
  sshVia: optional(oneOf(["public", "tunnel"]), defaults.relay.sshVia),
  sshPeers: optional(
    distinct(
      text((name) => name !== "", "must be the name of a peer", "write it like nas"),
      (name) => name,
    ),
    defaults.relay.sshPeers,
  ),
});

function hetznerName(example: string) {
  return text(
    (name) => /^[a-z][a-z0-9-]*$/.test(name),
    "must be Hetzner's name, of lower-case letters, digits and hyphens",
    `write it like ${example}`,
  );
}
