import { parseAddress } from "../network/prefix.ts";

/** Ranges that nobody on the internet can reach, as ipaddr.js names them. */
const unreachable = [
  ...["unspecified", "broadcast", "multicast", "linkLocal", "loopback", "carrierGradeNat", "private"],
  ...["uniqueLocal", "ipv4Mapped"],
];

/** In which range an address is, as ipaddr.js names it; `undefined`: it is no address. */
export function rangeOf(text: string): string | undefined {
  try {
    return parseAddress(text).range();
  } catch {
    return undefined;
  }
}

/** Whether strangers could call it. */
export function isPublic(text: string): boolean {
  const range = rangeOf(text);
  return range !== undefined && !unreachable.includes(range);
}
