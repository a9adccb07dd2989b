import { parsePrefix } from "../network/prefix.ts";
import type { Prefix } from "../network/prefix.ts";
import type { Place, Read } from "./place.ts";
import { distinct, parsed } from "./readers.ts";
import type { Reader } from "./readers.ts";

/** Hetzner's firewall takes no more sources in one rule. */
const most = 100;

/** A list of prefixes that somebody has to be in; `whom` says what an empty list would mean, and its mend. */
export function sources(whom: { readonly empty: string; readonly mend: string }): Reader<readonly Prefix[]> {
  const prefix = parsed(parsePrefix, 'write address/length, like "192.0.2.0/24" or "2001:db8::/32"');
  return (value: unknown, place: Place): Read<readonly Prefix[]> => {
    if (Array.isArray(value) && value.length === 0)
      return place.refuse(`is an empty list: ${whom.empty}`, whom.mend);
    if (Array.isArray(value) && value.length > most)
      return place.refuse(
        `must have no more than ${most} prefixes, as many as Hetzner's firewall takes; found ${value.length}`,
        "join them into shorter prefixes",
      );
    return distinct(prefix, ({ text }) => text)(value, place);
  };
}
