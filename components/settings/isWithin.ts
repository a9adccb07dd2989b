import { overlaps, parsePrefix } from "../network/prefix.ts";
import type { Prefix } from "../network/prefix.ts";

/** Whether an address lies within a prefix; a name does not, and neither does what was refused. */
export function isWithin(host: string | undefined, prefix: Prefix | undefined): boolean {
  if (host === undefined || prefix === undefined) return false;
  try {
    return overlaps(parsePrefix(host), prefix);
  } catch {
    return false;
  }
}
