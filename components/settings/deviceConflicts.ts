import { nearest } from "../network/nearest.ts";
import { overlaps, parsePrefix } from "../network/prefix.ts";
import type { WrittenAllowed } from "./devices.ts";
import type { Place } from "./place.ts";
import { privateSpace } from "./tunnel.ts";
import { readItems } from "./written.ts";
import type { Written } from "./written.ts";

/** Something that a device may reach, and where that was written. */
interface PlacedAllowed {
  readonly place: Place;
  /** The device's own name; `undefined` where it was refused. */
  readonly device: string | undefined;
  readonly allowed: WrittenAllowed;
}

type PlacedLan = PlacedAllowed & { readonly allowed: WrittenAllowed & { readonly to: "lan" } };

/** What devices may reach, where that is not there, said twice or led two ways. */
export function refuseDeviceConflicts(written: Written): void {
  const allowed = written.devices.flatMap(placeAllowed);
  if (written.everyNameIsRead) for (const one of allowed) refuseUnknownNames(one, written);
  refuseRepetitions(allowed);
  refuseSecondExit(allowed);
  const lans = allowed.filter(isLan);
  refuseSharedLans(lans);
  refuseLostResolvers(written);
  for (const lan of lans) refuseLanInTunnel(lan, written);
}

function placeAllowed({ value: device, place }: Written["devices"][number]): PlacedAllowed[] {
  return readItems(device.allow, place.at("allow")).map((one) => ({
    place: one.place,
    device: device.name,
    allowed: one.value,
  }));
}

function isLan(one: PlacedAllowed): one is PlacedLan {
  return one.allowed.to === "lan";
}

function refuseUnknownNames({ place, device, allowed }: PlacedAllowed, { names }: Written): void {
  if (allowed.to !== "peer") {
    const homes = names.filter(({ of }) => of === "home").map(({ value }) => value);
    if (!homes.includes(allowed.via))
      place.refuse(
        `goes through a home that is not there; found "${allowed.via}"`,
        suggest(allowed.via, homes),
      );
    return;
  }
  const others = names.map(({ value }) => value).filter((name) => name !== device);
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
    if (device === undefined) continue;
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

function refuseLanInTunnel({ place, allowed }: PlacedLan, { tunnel }: Written): void {
  const { prefix4 } = tunnel.value;
  if (prefix4 !== undefined && overlaps(allowed.prefix, prefix4))
    place.refuse(
      `overlaps the tunnel's own addresses, ${prefix4.text}; found "${render(allowed)}"`,
      `name the part of the LAN alone, or give the tunnel other addresses with ${tunnel.place.at("prefix4").path}`,
    );
}

/** A device whose traffic all goes out at a home reaches nothing private but what it is allowed. */
function refuseLostResolvers({ devices, tunnel }: Written): void {
  const { prefix4 } = tunnel.value;
  if (prefix4 === undefined) return;
  for (const device of devices) {
    const allowed = placeAllowed(device).map((one) => one.allowed);
    const exit = allowed.find(({ to }) => to === "internet");
    if (exit?.to !== "internet") continue;
    const reached = [prefix4, ...allowed.flatMap((one) => (one.to === "lan" ? [one.prefix] : []))];
    for (const { value: address, place } of readItems(device.value.dns, device.place.at("dns"))) {
      const resolver = parsePrefix(address);
      const isPrivate = privateSpace.some((space) => overlaps(space, resolver));
      if (isPrivate && !reached.some((prefix) => overlaps(prefix, resolver)))
        place.refuse(
          `is in a private network, which the device does not reach with "${render(exit)}"; found "${address}"`,
          `allow it as well, "${address}/32 via ${exit.via}", or write a resolver on the internet, like "9.9.9.9"`,
        );
    }
  }
}
