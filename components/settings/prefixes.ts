import { parsePrefix } from "../network/prefix.ts";
import type { Prefix } from "../network/prefix.ts";
import { distinct, notEmpty, parsed } from "./readers.ts";
import type { Kind } from "./readers.ts";

const prefix = parsed(
  parsePrefix,
  "address/length",
  'write address/length, like "192.0.2.0/24" or "2001:db8::/32"',
);

/** A list of prefixes that somebody has to be in; `whom` says what an empty list would mean, and its mend. */
export function sources(whom: { readonly empty: string; readonly mend: string }): Kind<readonly Prefix[]> {
  return notEmpty(
    distinct(prefix, "list of address/length, IPv4 and IPv6", ({ text }) => text),
    `is an empty list: ${whom.empty}`,
    whom.mend,
  );
}
