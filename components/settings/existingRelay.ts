import { parseAddress } from "../network/prefix.ts";
import { adminCidrs } from "./adminCidrs.ts";
import { optional, record, required } from "./fields.ts";
import { includedTrafficGb } from "./includedTraffic.ts";
import { metricsPeers } from "./metricsPeers.ts";
import { isRead, refused } from "./place.ts";
import type { Place, Read } from "./place.ts";
import { oneOf, parsed } from "./readers.ts";
import type { RelaySection } from "./relaySection.ts";
import type { ExistingRelaySettings } from "./settings.ts";
import { refuseSshConflicts, sshFields } from "./ssh.ts";

/** As it is written: `ipv4` may be left out. */
type WrittenRelay = Omit<ExistingRelaySettings, "ipv4"> & {
  readonly ipv4: string | undefined;
};

const written = record<WrittenRelay>(
  {
    provider: required(oneOf(["ssh"]), {
      means: "A machine that you already have, reached over SSH. Whatever else is on it stays.",
      example: "ssh",
    }),
    ...sshFields,
    ipv4: optional(
      parsed(
        (text) => parsePublicAddress(text, "ipv4"),
        "IPv4 address",
        "write the machine's public IPv4 address",
      ),
      {
        otherwise: "host, where that is one",
        means: "The machine's public IPv4 address.",
        example: "203.0.113.5",
      },
    ),
    ipv6: optional(
      parsed(
        (text) => parsePublicAddress(text, "ipv6"),
        "IPv6 address",
        "write the machine's public IPv6 address, or remove the key to do without IPv6",
      ),
      {
        otherwise: "none: the forwards answer over IPv4 alone",
        means: "The machine's public IPv6 address.",
        example: "2001:db8::5",
      },
    ),
    adminCidrs,
    metricsPeers,
    includedTrafficGb,
  },
  "provider: ssh",
);

export const existingRelay: RelaySection<ExistingRelaySettings> = {
  ...written,
  read: (value, place, siblings) => {
    const draft = written.read(value, place, siblings);
    if (!isRead(draft)) return refused;
    refuseSshConflicts(draft, place);
    const ipv4 = draft.ipv4 ?? publicAddressOf(draft.host, place.at("ipv4"));
    return { ...draft, ipv4 };
  },
  compare: ({ host, port, hostKey, metricsPeers: readers }, place) => ({
    sshPort: port,
    moveSsh: `move sshd away there, then change ${place.at("port").path}`,
    // Its owner comes in as ever.
    sshThroughTunnel: undefined,
    metricsPeers: readers,
    machine: { host, port, hostKey },
  }),
};

/** `host`, where strangers can use it as it stands. */
function publicAddressOf(host: Read<string>, place: Place): Read<string> {
  if (!isRead(host)) return refused;
  try {
    return parsePublicAddress(host, "ipv4");
  } catch {
    return place.refuse(
      `is missing, and host is no public IPv4 address; found host: "${host}"`,
      "write the machine's public IPv4 address",
    );
  }
}

/** Ranges that nobody on the internet can reach, as ipaddr.js names them. */
const unreachable = [
  ...["unspecified", "broadcast", "multicast", "linkLocal", "loopback", "carrierGradeNat", "private"],
  ...["uniqueLocal", "ipv4Mapped"],
];

function parsePublicAddress(text: string, kind: "ipv4" | "ipv6"): string {
  const address = parseAddress(text);
  if (address.kind() !== kind)
    throw new Error(`"${text}" is not an ${kind === "ipv4" ? "IPv4" : "IPv6"} address`);
  if (unreachable.includes(address.range()))
    throw new Error(`"${text}" is not an address that the internet can reach`);
  return address.toString();
}
