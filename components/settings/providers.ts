import { isRead, refused } from "./place.ts";
import type { Place } from "./place.ts";
import { isAbsent, isMapping, oneOf } from "./readers.ts";
import type { Kind, Mapping } from "./readers.ts";

/** What may be written for each provider of a section; each has a field `provider` of its own. */
type Providers<P extends string, T> = Readonly<Record<P, Kind<T>>>;

/** A mapping whose `provider` decides about its other keys; where none is written, it is `usual`. */
export function byProvider<P extends string, T>(
  providers: Providers<P, T>,
  usual: P,
  /** Mends for keys that are written for a provider to which they do not belong, by key. */
  mends: Readonly<Record<string, string>> = {},
): Kind<T> {
  const kinds = Object.values<Kind<T>>(providers);
  return {
    shape: "mapping",
    schema: { anyOf: kinds.map(({ schema }) => schema) },
    tables: kinds.flatMap(({ tables }) => tables),
    read: (value, place, siblings) => {
      const written = isMapping(value) ? value["provider"] : undefined;
      const provider = oneOf(providerNames());
      const chosen = isAbsent(written) ? usual : provider.read(written, place.at("provider"), {});
      // With no provider to go by, nothing can be said of the other keys.
      if (!isRead(chosen)) return refused;
      const own = isMapping(value) ? withoutKeysOfOthers(value, chosen, place) : value;
      return providers[chosen].read(own, place, siblings);
    },
  };

  function providerNames(): P[] {
    return Object.keys(providers) as P[];
  }

  /** Refuses what only another provider knows, which is more of a help than "is not a setting", and leaves the rest. */
  function withoutKeysOfOthers(value: Mapping, chosen: P, place: Place): Mapping {
    const ownersOf = (key: string) => providerNames().filter((name) => keysOf(providers[name]).includes(key));
    const isForeign = (key: string) => {
      const owners = ownersOf(key);
      return owners.length > 0 && !owners.includes(chosen);
    };
    for (const key of Object.keys(value).filter(isForeign))
      place
        .at(key)
        .refuse(
          `belongs to provider ${ownersOf(key).join(" or ")}; the provider here is ${chosen}`,
          mends[key] ?? `remove it, or write provider: ${ownersOf(key)[0] ?? ""}`,
        );
    return Object.fromEntries(Object.entries(value).filter(([key]) => !isForeign(key)));
  }
}

function keysOf({ tables }: Kind<unknown>): string[] {
  return tables.flatMap(({ fields }) => Object.keys(fields));
}
