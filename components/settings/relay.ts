import { parsePrefix } from "../network/prefix.ts";
import type { Prefix } from "../network/prefix.ts";
import { defaults } from "./defaults.ts";
import type { Place, Read } from "./place.ts";
import { distinct, fields, oneOf, optional, parsed, text, wholeNumber } from "./readers.ts";
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
  adminCidrs: optional(readAdminCidrs, defaults.relay.adminCidrs),
});

function hetznerName(example: string) {
  return text(
    (name) => /^[a-z][a-z0-9-]*$/.test(name),
    "must be Hetzner's name, of lower-case letters, digits and hyphens",
    `write it like ${example}`,
  );
}

function readAdminCidrs(value: unknown, place: Place): Read<readonly Prefix[]> {
  if (Array.isArray(value) && value.length === 0)
    return place.refuse(
      "is an empty list: nobody could open an SSH connection to the relay, and neither could this program",
      "write the addresses that you connect from, or remove the key to admit everybody who has the key",
    );
  const prefix = parsed(parsePrefix, 'write address/length, like "192.0.2.0/24" or "2001:db8::/32"');
  return distinct(prefix, ({ text }) => text)(value, place);
}
