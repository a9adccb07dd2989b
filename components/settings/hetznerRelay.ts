import { adminCidrs } from "./adminCidrs.ts";
import { record, withDefault } from "./fields.ts";
import type { Fields } from "./fields.ts";
import { includedTrafficGb } from "./includedTraffic.ts";
import { metricsPeers } from "./metricsPeers.ts";
import { peerNames } from "./peerNames.ts";
import { oneOf, text, wholeNumber } from "./readers.ts";
import type { RelaySection } from "./relaySection.ts";
import type { HetznerRelaySettings } from "./settings.ts";

/** The system images on which our scripts are tried: systemd, apt, nftables and a kernel with WireGuard. */
const images = ["debian-13", "debian-12"] as const;

/** Whether Hetzner has such a location or type is asked of Hetzner, later. */
const fields: Fields<HetznerRelaySettings> = {
  provider: withDefault(oneOf(["hetzner"]), {
    default: "hetzner",
    means: "Hetzner makes the relay, and takes it back with the stack.",
    example: "hetzner",
  }),
  location: withDefault(hetznerName("nbg1"), {
    default: "nbg1",
    means:
      "Where the relay stands: nbg1, fsn1, hel1, ash, hil or sin. Another location means other addresses.",
    example: "hel1",
  }),
  serverType: withDefault(hetznerName("cx23"), {
    default: "cx23",
    means: "How large the server is. A change restarts it; its disk and addresses stay.",
    example: "cax11",
  }),
  image: withDefault(oneOf(images), {
    default: "debian-13",
    means: "The relay's system. A change makes a new server at the same address.",
    example: "debian-12",
  }),
  sshPort: withDefault(wholeNumber(1, 65535, "TCP port"), {
    default: 22,
    means: "Where the relay's sshd listens. A change opens the new port before it closes the old one.",
    example: 2222,
  }),
  sshKeyGeneration: withDefault(
    wholeNumber(1, 1_000_000, "number", "start at 1 and raise it by one for new keys"),
    {
      default: 1,
      means:
        "Raise it by one to get a new SSH key for pulumi and a new host key for the relay (docs/operate.md); 1 brings the first ones back.",
      example: 2,
    },
  ),
  adminCidrs,
  sshVia: withDefault(oneOf(["public", "tunnel"]), {
    default: "public",
    means:
      "How SSH reaches the relay. With tunnel, the public address takes no SSH, and sshPeers names who may.",
    example: "tunnel",
  }),
  sshPeers: withDefault(peerNames, {
    default: [],
    means: "Who may open an SSH connection to the relay through the tunnel.",
    example: ["nas"],
  }),
  metricsPeers,
  includedTrafficGb,
};

export const hetznerRelay: RelaySection<HetznerRelaySettings> = {
  ...record(fields, "provider: hetzner"),
  compare: ({ sshPort, sshVia, sshPeers, metricsPeers: readers }, place) => ({
    sshPort,
    moveSsh: `move SSH away with ${place.at("sshPort").path}`,
    sshThroughTunnel: { sshVia, sshPeers },
    metricsPeers: readers,
    machine: undefined,
  }),
};

function hetznerName(example: string) {
  return text({
    pattern: /^[a-z][a-z0-9-]*$/,
    shape: "Hetzner's name",
    rule: "must be Hetzner's name, of lower-case letters, digits and hyphens",
    mend: `write it like ${example}`,
  });
}
