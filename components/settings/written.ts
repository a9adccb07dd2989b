import type { TunnelPlan } from "../network/tunnelPlan.ts";
import type { WrittenDevice } from "./devices.ts";
import type { WrittenHome } from "./homes.ts";
import { isRead, known } from "./place.ts";
import type { Draft, Known, Place, Read } from "./place.ts";
import { compareRelay } from "./relay.ts";
import type { ComparedRelay } from "./relaySection.ts";
import type { RelaySettings } from "./settings.ts";

/**
 * What was read, each thing with the key where it was written: what the checks of one thing against another compare.
 * Whatever was refused is left out here, once, so that no check has to ask; what is right in a thing of which another
 * part is wrong is compared all the same.
 */
export interface Written {
  /** `undefined` where its provider, or all of it, was refused. */
  readonly relay: Placed<ComparedRelay | undefined>;
  readonly tunnel: Placed<Known<TunnelPlan>>;
  readonly homes: readonly Placed<Known<WrittenHome>>[];
  readonly devices: readonly Placed<Known<WrittenDevice>>[];
  /** The names of homes and devices, in the order of the stack file. */
  readonly names: readonly WrittenName[];
  /** Whether no name was refused, which may be the very one that another key means. */
  readonly everyNameIsRead: boolean;
}

/** A value, and the key where it was written. */
export interface Placed<T> {
  readonly value: T;
  readonly place: Place;
}

export interface WrittenName extends Placed<string> {
  readonly of: "home" | "device";
}

export function collectWritten(
  drafts: {
    readonly relay: Read<Draft<RelaySettings>>;
    readonly homes: Read<readonly Read<Draft<WrittenHome>>[]>;
    readonly devices: Read<readonly Read<Draft<WrittenDevice>>[]>;
    readonly tunnel: Read<Draft<TunnelPlan>>;
  },
  at: (section: "relay" | "homes" | "devices" | "tunnel") => Place,
): Written {
  const homes = readItems(drafts.homes, at("homes")).map(knownItem);
  const devices = readItems(drafts.devices, at("devices")).map(knownItem);
  const names = [
    ...homes.flatMap((home) => readName(home, "home")),
    ...devices.flatMap((device) => readName(device, "device")),
  ];
  return {
    relay: { value: compareRelay(drafts.relay, at("relay")), place: at("relay") },
    tunnel: { value: known<TunnelPlan>(drafts.tunnel), place: at("tunnel") },
    homes,
    devices,
    names,
    everyNameIsRead:
      isRead(drafts.homes) &&
      isRead(drafts.devices) &&
      names.length === drafts.homes.length + drafts.devices.length,
  };
}

/** The items of a list that were read, each with its own place. */
export function readItems<T>(items: Read<readonly Read<T>[]> | undefined, place: Place): Placed<T>[] {
  if (items === undefined || !isRead(items)) return [];
  return items.flatMap((value, i) => (isRead(value) ? [{ value, place: place.at(i) }] : []));
}

function knownItem<T extends object>({ value, place }: Placed<Draft<T>>): Placed<Known<T>> {
  return { value: known<T>(value), place };
}

function readName(peer: Placed<{ readonly name: string | undefined }>, of: WrittenName["of"]): WrittenName[] {
  const { name } = peer.value;
  return name === undefined ? [] : [{ value: name, place: peer.place.at("name"), of }];
}
