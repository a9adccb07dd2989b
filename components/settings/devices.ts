import { peerAddress } from "../network/addressPlan.ts";
import type { Allowed } from "../network/device.ts";
import type { Peer } from "../network/peer.ts";
import { overlaps, parseAddress, parsePrefix } from "../network/prefix.ts";
import type { Prefix } from "../network/prefix.ts";
import type { TunnelPlan } from "../network/tunnelPlan.ts";
import { record, required, withDefault } from "./fields.ts";
import { peerName } from "./peerName.ts";
import { isRead, show } from "./place.ts";
import type { Draft, Place, Read } from "./place.ts";
import { attempt, distinct, isText, items, oneOf, parsed, textBy } from "./readers.ts";
import type { DeviceSettings, HomeSettings } from "./settings.ts";
import { privateSpace } from "./tunnel.ts";

/** A device as the user wrote it; its `allow` names other things, which need not exist. */
export interface WrittenDevice {
  readonly name: string;
  /** Each at the index where it was written. */
  readonly allow: readonly Read<WrittenAllowed>[];
  readonly dns: readonly string[];
  readonly endpoint: DeviceSettings["endpoint"];
}

export type WrittenAllowed =
  /** A home or another device. */
  | { readonly to: "peer"; readonly name: string }
  | { readonly to: "lan"; readonly prefix: Prefix; readonly via: string }
  | { readonly to: "internet"; readonly via: string };

const forms = 'write the name of a home or a device, "192.168.1.0/24 via nas" or "internet via nas"';

const longForm = record<WrittenDevice>({
  name: required(peerName, {
    means: "Names the device everywhere. Its addresses in the tunnel come from it.",
    example: "phone",
  }),
  allow: withDefault(
    items(textBy(readAllowed, "what the device may reach"), "list of names, LAN via home, internet via home"),
    {
      default: [],
      means:
        'What it may open connections to: the name of a home or of another device, "192.168.1.0/24 via nas" for a part ' +
        'of a home\'s LAN, "internet via nas" for everything else.',
      example: ["nas", "192.168.1.0/24 via nas"],
    },
  ),
  endpoint: withDefault(oneOf(["ipv4", "ipv6"]), {
    default: "ipv4",
    means:
      "Which of the relay's addresses the device calls. Most mobile networks without IPv4 lend a phone one; write ipv6 " +
      "where that is not so.",
    example: "ipv6",
  }),
  dns: withDefault(
    distinct(
      parsed(
        (text) => parseAddress(text).toString(),
        "address",
        'write the address of a resolver, like "9.9.9.9"; a name would have to be looked up first',
      ),
      "list of addresses",
      (address) => address,
    ),
    {
      default: [],
      means: "The resolvers that it asks while the tunnel is up; with none, its own.",
      example: ["9.9.9.9"],
    },
  ),
});

/** The `devices` section. */
export const devices = items<Draft<WrittenDevice>>(
  {
    shape: "name, or mapping",
    schema: { anyOf: [peerName.schema, longForm.schema] },
    tables: longForm.tables,
    read: (value, place, siblings) => longForm.read(isText(value) ? { name: value } : value, place, siblings),
  },
  "list of names or mappings",
);

function readAllowed(value: unknown, place: Place): Read<WrittenAllowed> {
  if (!isText(value)) return place.refuse(`must be text; found ${show(value)}`, forms);
  const [target = "", word, via = "", ...rest] = value.trim().split(/\s+/);
  if (word === undefined && /^[a-z][a-z0-9-]*$/.test(target) && target !== "internet")
    return { to: "peer", name: target };
  if (word === undefined && (target === "internet" || target.includes("/")))
    return place.refuse(`does not say through which home; found ${show(value)}`, `write "${target} via nas"`);
  if (word !== "via" || via === "" || rest.length > 0)
    return place.refuse(`must be what the device may reach; found ${show(value)}`, forms);
  if (target === "internet") return { to: "internet", via };
  const prefix = attempt(
    () => parseLan(target),
    place,
    'write a part of the LAN, like "192.168.1.0/24 via nas"',
  );
  return isRead(prefix) ? { to: "lan", prefix, via } : prefix;
}

function parseLan(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix.family !== 4) throw new Error(`"${text}" is not an IPv4 prefix, and a LAN is reached over IPv4`);
  if (!privateSpace.some((space) => space.length <= prefix.length && overlaps(space, prefix)))
    throw new Error(
      `"${text}" is not within ${privateSpace.map((space) => space.text).join(", ")}, the space for private networks`,
    );
  return prefix;
}

/** The devices of settings without a problem, each name in them with the peer that it stands for. */
export function resolveDevices(
  drafts: readonly Read<Draft<WrittenDevice>>[],
  homes: readonly HomeSettings[],
  { prefix4, prefix6 }: TunnelPlan,
): DeviceSettings[] {
  const written = drafts.filter((draft): draft is WrittenDevice => isRead(draft));
  const home = new Map(homes.map(({ name, tunnelAddress }) => [name, { name, tunnelAddress }]));
  const device = new Map(
    written.map(({ name }) => [name, { name, tunnelAddress: peerAddress(prefix4, prefix6, name) }]),
  );
  return written.map(({ name, allow, dns, endpoint }) => ({
    ...known(device, name),
    allow: allow.filter(isRead).map((one) => resolve(one, home, device)),
    dns,
    endpoint,
  }));
}

function resolve(
  written: WrittenAllowed,
  homes: ReadonlyMap<string, Peer>,
  devices: ReadonlyMap<string, Peer>,
): Allowed {
  if (written.to !== "peer") return { ...written, via: known(homes, written.via) };
  const home = homes.get(written.name);
  return home ? { to: "home", peer: home } : { to: "device", peer: known(devices, written.name) };
}

function known(peers: ReadonlyMap<string, Peer>, name: string): Peer {
  const peer = peers.get(name);
  if (peer === undefined) throw new Error(`unreachable: "${name}" was refused before`);
  return peer;
}
