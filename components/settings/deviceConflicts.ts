import { peerAddress } from "../network/addressPlan.ts";
import { overlaps, parsePrefix } from "../network/prefix.ts";
import type { Prefix } from "../network/prefix.ts";
import type { WrittenAllowed, WrittenDevice } from "./devices.ts";
import type { WrittenHome } from "./homes.ts";
import { nearest } from "../network/nearest.ts";
import { isRead } from "./place.ts";
import type { Draft, Place, Read } from "./place.ts";
import type { TunnelSettings } from "./settings.ts";
import { privateSpace } from "./tunnel.ts";

interface PlacedName {
  readonly place: Place;
  readonly kind: "home" | "device";
  readonly name: string;
}

/** Something that a device may reach, and where that was written. */
interface PlacedAllowed {
  readonly place: Place;
  /** The device's own name, if that could be read. */
  readonly device: Read<string>;
  readonly allowed: WrittenAllowed;
}

type PlacedLan = PlacedAllowed & { readonly allowed: WrittenAllowed & { readonly to: "lan" } };

/** What is wrong with the devices beside the homes and each other. What was refused before is left out. */
export function refuseDeviceConflicts(
  devices: readonly Read<Draft<WrittenDevice>>[],
  devicesPlace: Place,
  homes: readonly Read<Draft<WrittenHome>>[],
  homesPlace: Place,
  tunnel: Read<Draft<TunnelSettings>>,
): void {
  const names = [...placeNames(homes, homesPlace, "home"), ...placeNames(devices, devicesPlace, "device")];
  const allowed = placeAllowed(devices, devicesPlace);
  refuseRepeatedNames(names);
  // A name that was refused may be the very one that is missed.
  if (names.length === homes.length + devices.length)
    for (const one of allowed) refuseUnknownNames(one, names);
  refuseRepetitions(allowed);
  refuseSecondExit(allowed);
  const lans = allowed.filter(isLan);
  refuseSharedLans(lans);
  if (!isRead(tunnel)) return;
  const { prefix4, prefix6 } = tunnel;
  if (isRead(prefix4)) refuseLostResolvers(devices, devicesPlace, prefix4);
  if (isRead(prefix4) && isRead(prefix6)) refuseSharedAddresses(names, prefix4, prefix6);
  if (isRead(prefix4)) for (const lan of lans) refuseLanInTunnel(lan, prefix4);
}

function placeNames(
  drafts: readonly Read<{ readonly name: Read<string> }>[],
  place: Place,
  kind: PlacedName["kind"],
): PlacedName[] {
  return drafts.flatMap((draft, i) =>
    isRead(draft) && isRead(draft.name) ? [{ place: place.at(i).at("name"), kind, name: draft.name }] : [],
  );
}

function placeAllowed(devices: readonly Read<Draft<WrittenDevice>>[], place: Place): PlacedAllowed[] {
  return devices.flatMap((device, i) =>
    isRead(device) && isRead(device.allow)
      ? device.allow.flatMap((allowed, j) =>
          isRead(allowed) ? [{ place: place.at(i).at("allow").at(j), device: device.name, allowed }] : [],
        )
      : [],
  );
}

function isLan(one: PlacedAllowed): one is PlacedLan {
  return one.allowed.to === "lan";
}

/** Homes among themselves are compared elsewhere. */
function refuseRepeatedNames(names: readonly PlacedName[]): void {
  const first = new Map<string, Place>();
  for (const { place, kind, name } of names) {
    const before = first.get(name);
    if (before === undefined) first.set(name, place);
    else if (kind === "device")
      place.refuse(
        `repeats ${before.path}; found "${name}" in both`,
        "give each home and each device a name of its own",
      );
  }
}

function refuseSharedAddresses(names: readonly PlacedName[], prefix4: Prefix, prefix6: Prefix): void {
  const first = new Map<string, PlacedName>();
  for (const { place, kind, name } of names) {
    const { ipv4 } = peerAddress(prefix4, prefix6, name);
    const before = first.get(ipv4);
    if (before === undefined) first.set(ipv4, { place, kind, name });
    else if (kind === "device" && before.name !== name)
      place.refuse(
        `gives the tunnel address ${ipv4}, as ${before.place.path} does; found "${name}" and "${before.name}"`,
        "rename one of the two: the address comes from the name",
      );
  }
}

function refuseUnknownNames({ place, device, allowed }: PlacedAllowed, names: readonly PlacedName[]): void {
  const homes = names.filter(({ kind }) => kind === "home").map(({ name }) => name);
  if (allowed.to !== "peer") {
    if (!homes.includes(allowed.via))
      place.refuse(
        `goes through a home that is not there; found "${allowed.via}"`,
        suggest(allowed.via, homes),
      );
    return;
  }
  const others = names.map(({ name }) => name).filter((name) => name !== device);
  if (allowed.name === device)
    place.refuse(
      `is the device itself; found "${allowed.name}"`,
      "remove it: nobody needs leave to reach himself",
    );
  else if (!others.includes(allowed.name))
    place.refuse(`is neither a home nor a device; found "${allowed.name}"`, suggest(allowed.name, others));
}

function suggest(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  return meant === undefined ? `known here: ${known.join(", ")}` : `did you mean ${meant}?`;
}

function refuseRepetitions(allowed: readonly PlacedAllowed[]): void {
  const first = new Map<string, Place>();
  for (const { place, device, allowed: one } of allowed) {
    if (!isRead(device)) continue;
    const key = `${device} ${render(one)}`;
    const before = first.get(key);
    if (before === undefined) first.set(key, place);
    else place.refuse(`repeats ${before.path}; found "${render(one)}" in both`, "remove one of them");
  }
}

function render(allowed: WrittenAllowed): string {
  if (allowed.to === "peer") return allowed.name;
  return `${allowed.to === "lan" ? allowed.prefix.text : allowed.to} via ${allowed.via}`;
}

/** WireGuard gives everything that is nobody's to one peer. */
function refuseSecondExit(allowed: readonly PlacedAllowed[]): void {
  let first: { readonly place: Place; readonly via: string } | undefined;
  for (const { place, allowed: one } of allowed) {
    if (one.to !== "internet") continue;
    if (first === undefined) first = { place, via: one.via };
    else if (first.via !== one.via)
      place.refuse(
        `leads to the internet through ${one.via}, and ${first.place.path} through ${first.via}; ` +
          "one home can be the way out of a stack",
        `write "internet via ${first.via}", or the other one in both`,
      );
  }
}

/** The relay sends an address to one home, whoever asks. */
function refuseSharedLans(lans: readonly PlacedLan[]): void {
  lans.forEach((lan, i) => {
    const rival = lans
      .slice(0, i)
      .find(({ allowed }) => allowed.via !== lan.allowed.via && overlaps(allowed.prefix, lan.allowed.prefix));
    if (rival !== undefined)
      lan.place.refuse(
        `leads to ${lan.allowed.prefix.text} through ${lan.allowed.via}, and ${rival.place.path} to ` +
          `${rival.allowed.prefix.text} through ${rival.allowed.via}: the relay sends an address to one home`,
        "name parts of the two LANs that do not overlap, or give one of the LANs other addresses",
      );
  });
}

function refuseLanInTunnel({ place, allowed }: PlacedLan, prefix4: Prefix): void {
  if (overlaps(allowed.prefix, prefix4))
    place.refuse(
      `overlaps the tunnel's own addresses, ${prefix4.text}; found "${render(allowed)}"`,
      "name the part of the LAN alone, or give the tunnel other addresses with home-relay:tunnel.prefix4",
    );
}

/** A device whose traffic all goes out at a home reaches nothing private but what it is allowed. */
function refuseLostResolvers(
  devices: readonly Read<Draft<WrittenDevice>>[],
  place: Place,
  prefix4: Prefix,
): void {
  devices.forEach((device, i) => {
    if (!isRead(device) || !isRead(device.allow) || !isRead(device.dns)) return;
    const allowed = device.allow.filter(isRead);
    const exit = allowed.find(({ to }) => to === "internet");
    if (exit?.to !== "internet") return;
    const ways = [prefix4, ...allowed.flatMap((one) => (one.to === "lan" ? [one.prefix] : []))];
    device.dns.forEach((address, j) => {
      const resolver = parsePrefix(address);
      const isPrivate = privateSpace.some((space) => overlaps(space, resolver));
      if (isPrivate && !ways.some((way) => overlaps(way, resolver)))
        place
          .at(i)
          .at("dns")
          .at(j)
          .refuse(
            `is in a private network, which the device does not reach with "${render(exit)}"; found "${address}"`,
            `allow it as well, "${address}/32 via ${exit.via}", or write a resolver on the internet, like "9.9.9.9"`,
          );
    });
  });
}
