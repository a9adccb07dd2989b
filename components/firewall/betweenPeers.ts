import type { TunnelAddress } from "../network/addressPlan.ts";
import { inOrderOfName, lansOf, offeredLans, peersOf, usesExit } from "../network/device.ts";
import type { Device } from "../network/device.ts";
import { internet6, notInternet4 } from "../network/internet.ts";
import { namedSet } from "../network/nft.ts";
import type { Chain, NamedSet, Rule } from "../network/nft.ts";
import type { Prefix } from "../network/prefix.ts";

/** What the relay has to know of devices. */
export interface PeerTraffic {
  readonly devices: readonly Device[];
  /** The tunnel's own addresses. */
  readonly prefix4: Prefix;
  readonly prefix6: Prefix;
}

/** Parts of the relay's ruleset, named after the chain that they belong to; all of them empty without devices. */
export interface PeerTrafficRules {
  readonly sets: readonly NamedSet[];
  readonly sources: readonly Rule[];
  readonly prerouting: readonly Rule[];
  readonly forward: readonly Rule[];
  readonly postrouting: readonly Rule[];
  /** That of the jump in `forward`. */
  readonly chains: readonly Chain[];
}

type Family = keyof TunnelAddress;

/**
 * How the relay passes packets between peers: each packet is asked who began its connection, and towards whom, so what
 * is no longer allowed is cut off at once. WireGuard vouches for the addresses of devices; a home through which devices
 * go to the internet may send from any address that is no other peer's, so it is held to answers to these devices.
 *
 * A device whose whole traffic comes through the tunnel asks for a published port there too. It is led where a
 * stranger would be, and seen at home as the relay, from which the home's guard lets forwarded connections in.
 */
export function peerTrafficRules(traffic: PeerTraffic | undefined): PeerTrafficRules {
  if (traffic === undefined || traffic.devices.length === 0)
    return { sets: [], sources: [], prerouting: [], forward: [], postrouting: [], chains: [] };
  const { devices } = traffic;
  const internet = internetRules(traffic);
  return {
    sets: [
      namedSet("device_targets4", "ipv4_addr . ipv4_addr", targets(devices, "ipv4"), { flags: "interval" }),
      namedSet("device_targets6", "ipv6_addr . ipv6_addr", targets(devices, "ipv6"), { flags: "interval" }),
      ...internet.sets,
    ],
    sources: internet.sources,
    prerouting: internet.prerouting,
    forward: ['iifname "homerelay" oifname "homerelay" jump between_peers'],
    postrouting: internet.postrouting,
    chains: [
      {
        name: "between_peers",
        why: "Every packet is asked who began its connection, so that what is no longer allowed is cut off at once.",
        rules: [
          "ct state invalid drop",
          "ct original ip saddr . ct original ip daddr @device_targets4 accept",
          "ct original ip6 saddr . ct original ip6 daddr @device_targets6 accept",
          ...internet.betweenPeers,
          'counter drop comment "not allowed"',
        ],
      },
    ],
  };
}

interface InternetRules extends Omit<PeerTrafficRules, "forward" | "chains"> {
  readonly betweenPeers: readonly Rule[];
}

/** For the devices that go to the internet through a home; all empty where there are none. */
function internetRules({ devices, prefix4, prefix6 }: PeerTraffic): InternetRules {
  const online = devices.filter((device) => usesExit(device));
  if (online.length === 0)
    return { sets: [], sources: [], prerouting: [], postrouting: [], betweenPeers: [] };
  const peers4 = [prefix4, ...offeredLans(devices)].map(({ text }) => text).join(", ");
  return {
    sets: [
      namedSet("devices_to_internet4", "ipv4_addr", addresses(online, "ipv4")),
      namedSet("devices_to_internet6", "ipv6_addr", addresses(online, "ipv6")),
    ],
    sources: [
      {
        why: "WireGuard lets a home that leads devices to the internet send from any address. It may answer them, no more.",
        rule: `iifname "homerelay" ip saddr != { ${peers4} } ip daddr != @devices_to_internet4 counter drop comment "poses as the internet"`,
      },
      `iifname "homerelay" ip6 saddr != ${prefix6.text} ip6 daddr != @devices_to_internet6 counter drop comment "poses as the internet"`,
      'iifname "homerelay" ct direction original meta l4proto { tcp, udp } meta l4proto . th dport @restricted fib daddr type local jump admit_source',
    ],
    prerouting: [
      {
        why: "All that these devices send comes through the tunnel, also what they ask of a published port.",
        rule: 'iifname "homerelay" ip saddr @devices_to_internet4 meta l4proto { tcp, udp } fib daddr type local jump to_home',
      },
      'iifname "homerelay" ip6 saddr @devices_to_internet6 meta l4proto { tcp, udp } fib daddr type local jump to_home',
    ],
    postrouting: [
      {
        why: "At a published port a device comes as the relay: its own address the home's guard judges by other rules.",
        rule: 'iifname "homerelay" oifname "homerelay" ct status dnat masquerade',
      },
    ],
    betweenPeers: [
      "ct original ip saddr @devices_to_internet4 ct status dnat accept",
      "ct original ip6 saddr @devices_to_internet6 ct status dnat accept",
      `ct original ip saddr @devices_to_internet4 ct original ip daddr != ${notInternet4} accept`,
      `ct original ip6 saddr @devices_to_internet6 ct original ip6 daddr ${internet6} accept`,
    ],
  };
}

/** `device . what it may reach`, in the order of the devices' names. */
function targets(devices: readonly Device[], family: Family): string[] {
  return inOrderOfName(devices).flatMap((device) => {
    const peers = peersOf(device).map(({ tunnelAddress }) => tunnelAddress[family]);
    const lans = family === "ipv4" ? lansOf(device).map(({ text }) => text) : [];
    return [...peers, ...lans].map((target) => `${device.tunnelAddress[family]} . ${target}`);
  });
}

function addresses(devices: readonly Device[], family: Family): string[] {
  return inOrderOfName(devices).map(({ tunnelAddress }) => tunnelAddress[family]);
}
