import type { TunnelAddress } from "../network/addressPlan.ts";
import { lansOf, offeredLans, peersOf, usesExit } from "../network/device.ts";
import type { Device } from "../network/device.ts";
import { internet6, notInternet4 } from "../network/internet.ts";
import { renderSet } from "../network/nftSets.ts";
import type { Prefix } from "../network/prefix.ts";

/** What the relay has to know of devices. */
export interface Switch {
  readonly devices: readonly Device[];
  /** The tunnel's own addresses. */
  readonly prefix4: Prefix;
  readonly prefix6: Prefix;
}

/** Parts of the relay's ruleset, each of whole lines; all of them empty where there are no devices. */
export interface SwitchRules {
  readonly sets: string;
  readonly sources: string;
  readonly prerouting: string;
  readonly postrouting: string;
  readonly forward: string;
  readonly chains: string;
}

type Family = keyof TunnelAddress;

/**
 * How the relay passes packets between peers: each packet is asked who began its connection, and towards whom, so what
 * is no longer allowed is cut off at once. WireGuard vouches for the addresses of devices; a home that is the way to
 * the internet may send from any address that is no other peer's, so it is held to answers to devices that use it.
 *
 * A device whose whole traffic comes through the tunnel asks for a published port there too. It is led where a
 * stranger would be, and seen at home as the relay, whose guard knows no other caller from the tunnel.
 */
export function renderSwitch(between: Switch | undefined): SwitchRules {
  if (between === undefined || between.devices.length === 0)
    return { sets: "", sources: "", prerouting: "", postrouting: "", forward: "", chains: "" };
  const { devices, prefix4, prefix6 } = between;
  const exiting = devices.filter((device) => usesExit(device));
  const exit = exiting.length > 0 ? renderExit(exiting, devices, prefix4, prefix6) : undefined;
  return {
    sets: lines(
      renderSet("set", "passages4", "ipv4_addr . ipv4_addr", passages(devices, "ipv4"), "interval"),
      renderSet("set", "passages6", "ipv6_addr . ipv6_addr", passages(devices, "ipv6"), "interval"),
      ...(exit?.sets ?? []),
    ),
    sources: lines(...(exit?.sources ?? [])),
    prerouting: lines(...(exit?.prerouting ?? [])),
    postrouting: lines(...(exit?.postrouting ?? [])),
    forward: lines('\t\tiifname "homerelay" oifname "homerelay" jump between_peers'),
    chains: lines(
      "\tchain between_peers {",
      "\t\tct state invalid drop",
      "\t\tct original ip saddr . ct original ip daddr @passages4 accept",
      "\t\tct original ip6 saddr . ct original ip6 daddr @passages6 accept",
      ...(exit?.betweenPeers ?? []),
      '\t\tcounter drop comment "not allowed"',
      "\t}",
    ),
  };
}

function renderExit(
  exiting: readonly Device[],
  devices: readonly Device[],
  prefix4: Prefix,
  prefix6: Prefix,
): Readonly<Record<"sets" | "sources" | "prerouting" | "postrouting" | "betweenPeers", readonly string[]>> {
  const peers4 = [prefix4, ...offeredLans(devices)].map(({ text }) => text).join(", ");
  return {
    sets: [
      renderSet("set", "exiting4", "ipv4_addr", addresses(exiting, "ipv4")),
      renderSet("set", "exiting6", "ipv6_addr", addresses(exiting, "ipv6")),
    ],
    sources: [
      `\t\tiifname "homerelay" ip saddr != { ${peers4} } ip daddr != @exiting4 counter drop comment "poses as the internet"`,
      `\t\tiifname "homerelay" ip6 saddr != ${prefix6.text} ip6 daddr != @exiting6 counter drop comment "poses as the internet"`,
      '\t\tiifname "homerelay" ct direction original meta l4proto { tcp, udp } meta l4proto . th dport @restricted fib daddr type local jump admit_source',
    ],
    prerouting: [
      '\t\tiifname "homerelay" ip saddr @exiting4 meta l4proto { tcp, udp } fib daddr type local jump to_home',
      '\t\tiifname "homerelay" ip6 saddr @exiting6 meta l4proto { tcp, udp } fib daddr type local jump to_home',
    ],
    postrouting: ['\t\tiifname "homerelay" oifname "homerelay" ct status dnat masquerade'],
    betweenPeers: [
      "\t\tct original ip saddr @exiting4 ct status dnat accept",
      "\t\tct original ip6 saddr @exiting6 ct status dnat accept",
      `\t\tct original ip saddr @exiting4 ct original ip daddr != ${notInternet4} accept`,
      `\t\tct original ip6 saddr @exiting6 ct original ip6 daddr ${internet6} accept`,
    ],
  };
}

/** `device . what it may reach`, in the order of the devices' names. */
function passages(devices: readonly Device[], family: Family): string[] {
  return byName(devices).flatMap((device) => {
    const peers = peersOf(device).map(({ tunnelAddress }) => tunnelAddress[family]);
    const lans = family === "ipv4" ? lansOf(device).map(({ text }) => text) : [];
    return [...peers, ...lans].map((target) => `${device.tunnelAddress[family]} . ${target}`);
  });
}

function addresses(devices: readonly Device[], family: Family): string[] {
  return byName(devices).map(({ tunnelAddress }) => tunnelAddress[family]);
}

function byName(devices: readonly Device[]): Device[] {
  return [...devices].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function lines(...texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join("");
}
