import { parseAddress } from "../network/prefix.ts";
import { defaults } from "./defaults.ts";
import { isRead, refused } from "./place.ts";
import type { Draft, Place, Read } from "./place.ts";
import { sources } from "./prefixes.ts";
import {
  distinct,
  fields,
  isAbsent,
  isMapping,
  oneOf,
  optional,
  parsed,
  text,
  wholeNumber,
} from "./readers.ts";
import type { Fields } from "./readers.ts";
import type { ExistingRelaySettings, HetznerRelaySettings, RelaySettings } from "./settings.ts";
import { refuseSshConflicts, sshFields } from "./ssh.ts";

type Provider = RelaySettings["provider"];

/** The system images on which our scripts are tried: systemd, apt, nftables and a kernel with WireGuard. */
const images = ["debian-13", "debian-12"] as const;

const adminCidrs = optional(
  sources({
    empty: "nobody could open an SSH connection to the relay, and neither could this program",
    mend: "write the addresses that you connect from, or remove the key to admit everybody who has the key",
  }),
  defaults.relay.adminCidrs,
);

/** Whether Hetzner has such a location or type is asked of Hetzner, later. */
const hetznerFields: Fields<HetznerRelaySettings> = {
  provider: optional(oneOf(["hetzner"]), "hetzner"),
  location: optional(hetznerName("nbg1"), defaults.relay.location),
  serverType: optional(hetznerName("cx23"), defaults.relay.serverType),
  image: optional(oneOf(images), defaults.relay.image),
  sshPort: optional(wholeNumber(1, 65535), defaults.relay.sshPort),
  adminCidrs,
  sshVia: optional(oneOf(["public", "tunnel"]), defaults.relay.sshVia),
  sshPeers: optional(
    distinct(
      text((name) => name !== "", "must be the name of a peer", "write it like nas"),
      (name) => name,
    ),
    defaults.relay.sshPeers,
  ),
};

/** As it is written: sshd's port is `port`, and `ipv4` may be left out. */
type WrittenRelay = Omit<ExistingRelaySettings, "sshPort" | "sshVia" | "sshPeers" | "ipv4"> & {
  readonly ipv4: string | undefined;
};

const existingFields: Fields<WrittenRelay> = {
  provider: oneOf(["ssh"]),
  ...sshFields,
  ipv4: optional(parsed(parsePublicIpv4, "write the machine's public IPv4 address"), undefined),
  ipv6: optional(
    parsed(parsePublicIpv6, "write the machine's public IPv6 address, or remove the key to do without IPv6"),
    undefined,
  ),
  adminCidrs,
};

/** The keys of each provider. */
const keys: Readonly<Record<Provider, readonly string[]>> = {
  hetzner: Object.keys(hetznerFields),
  ssh: Object.keys(existingFields),
};
const providers = Object.keys(keys) as Provider[];

const readHetzner = fields(hetznerFields);
const readWritten = fields(existingFields);

/** The `relay` section. */
export function readRelay(value: unknown, place: Place): Read<Draft<RelaySettings>> {
  const written = isMapping(value) ? value["provider"] : undefined;
  // With no provider to go by, nothing can be said of the other keys.
  const provider = isAbsent(written) ? "hetzner" : oneOf(providers)(written, place.at("provider"));
  if (!isRead(provider)) return refused;
  const own = isMapping(value) ? withoutKeysOfOthers(value, provider, place) : value;
  return provider === "ssh" ? readExisting(own, place) : readHetzner(own, place);
}

/** Refuses what only another provider knows, which is more of a help than "is not a setting". */
function withoutKeysOfOthers(
  value: Readonly<Record<string, unknown>>,
  provider: Provider,
  place: Place,
): Readonly<Record<string, unknown>> {
  const foreign = Object.keys(value).flatMap((key) => {
    const owner = keys[provider].includes(key) ? undefined : providers.find((one) => keys[one].includes(key));
    return owner === undefined ? [] : [{ key, owner }];
  });
  for (const { key, owner } of foreign)
    place.at(key).refuse(`belongs to provider ${owner}; found provider ${provider}`, foreignMend(key, owner));
  const others = new Set(foreign.map(({ key }) => key));
  return Object.fromEntries(Object.entries(value).filter(([key]) => !others.has(key)));
}

function foreignMend(key: string, owner: Provider): string {
  return key === "sshPort"
    ? "on your own machine you move sshd yourself; say where it listens with port"
    : `remove it, or write provider: ${owner}`;
}

function readExisting(value: unknown, place: Place): Read<Draft<ExistingRelaySettings>> {
  const draft = readWritten(value, place);
  if (!isRead(draft)) return refused;
  refuseSshConflicts(draft, place);
  const ipv4 = draft.ipv4 ?? publicAddressOf(draft.host, place.at("ipv4"));
  return { ...draft, sshPort: draft.port, sshVia: "public", sshPeers: [], ipv4 };
}

/** `host`, where strangers can use it as it stands. */
function publicAddressOf(host: Read<string>, place: Place): Read<string> {
  if (!isRead(host)) return refused;
  try {
    return parsePublicIpv4(host);
  } catch {
    return place.refuse(
      `is missing, and host is no public IPv4 address; found host: "${host}"`,
      "write the machine's public IPv4 address",
    );
  }
}

function parsePublicIpv4(text: string): string {
  return parsePublicAddress(text, "ipv4");
}

function parsePublicIpv6(text: string): string {
  return parsePublicAddress(text, "ipv6");
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

function hetznerName(example: string) {
  return text(
    (name) => /^[a-z][a-z0-9-]*$/.test(name),
    "must be Hetzner's name, of lower-case letters, digits and hyphens",
    `write it like ${example}`,
  );
}
