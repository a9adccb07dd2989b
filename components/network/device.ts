import type { Peer } from "./peer.ts";
import { outermost } from "./prefix.ts";
import type { Prefix } from "./prefix.ts";

/** What a device may open connections to. Replies need no leave of their own. */
export type Allowed =
  /** Every port of the home's address in the tunnel. */
  | { readonly to: "home"; readonly peer: Peer }
  | { readonly to: "device"; readonly peer: Peer }
  /** A part of a home's LAN, IPv4. */
  | { readonly to: "lan"; readonly prefix: Prefix; readonly via: Peer }
  /** All that a home reaches by its default route, and nothing in its LAN. */
  | { readonly to: "internet"; readonly via: Peer };

/** A laptop or a phone: it joins the tunnel, and nothing is forwarded to it. */
export interface Device extends Peer {
  readonly allow: readonly Allowed[];
}

/** As the user writes it: `nas`, `192.168.1.0/24 via nas`, `internet via nas`. */
export function renderAllowed(allowed: Allowed): string {
  switch (allowed.to) {
    case "home":
    case "device":
      return allowed.peer.name;
    case "lan":
      return `${allowed.prefix.text} via ${allowed.via.name}`;
    case "internet":
      return `internet via ${allowed.via.name}`;
  }
}

/** The homes and devices that a device may call. */
export function peersOf({ allow }: Pick<Device, "allow">): Peer[] {
  return allow.flatMap((allowed) => (allowed.to === "home" || allowed.to === "device" ? [allowed.peer] : []));
}

/** The parts of LANs that a device may reach, none within another; through one home, or (`via` left out) any. */
export function lansOf({ allow }: Pick<Device, "allow">, via?: string): Prefix[] {
  const lans = allow.flatMap((allowed) =>
    allowed.to === "lan" && (via === undefined || allowed.via.name === via) ? [allowed.prefix] : [],
  );
  return outermost(distinct(lans));
}

/** Whether the device goes to the internet through a home: through this one, or (`via` left out) any. */
export function usesExit({ allow }: Pick<Device, "allow">, via?: string): boolean {
  return allow.some(
    (allowed) => allowed.to === "internet" && (via === undefined || allowed.via.name === via),
  );
}

/** The parts of its LAN that a home offers to any device, none within another. */
export function offeredLans(devices: readonly Device[], home?: string): Prefix[] {
  return outermost(distinct(devices.flatMap((device) => lansOf(device, home))));
}

/** The devices that may open connections to this one. */
export function callersOf(devices: readonly Device[], device: string): Device[] {
  return devices.filter(({ allow }) =>
    allow.some((allowed) => allowed.to === "device" && allowed.peer.name === device),
  );
}

/** In the order of their names, so that the same devices give the same text. */
export function inOrderOfName(devices: readonly Device[]): Device[] {
  return [...devices].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function distinct(prefixes: readonly Prefix[]): Prefix[] {
  return [...new Map(prefixes.map((prefix) => [prefix.text, prefix])).values()].sort((a, b) =>
    a.text < b.text ? -1 : 1,
  );
}
