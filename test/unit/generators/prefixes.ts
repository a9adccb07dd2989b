import fc from "fast-check";
import { overlaps, parsePrefix } from "../../../components/network/prefix.ts";
import type { Prefix } from "../../../components/network/prefix.ts";

/** Prefixes of both families, within each other or not, no two the same: networks, single hosts, everybody. */
export function prefixes({ least = 0, most = 12 } = {}): fc.Arbitrary<Prefix[]> {
  const v4 = fc.tuple(
    fc.constantFrom("10.0.0.0", "10.1.0.0", "0.0.0.0", "192.168.0.0"),
    fc.constantFrom(16, 24, 32),
  );
  const v6 = fc.tuple(fc.constantFrom("2001:db8::", "2001:db8:1::", "::"), fc.constantFrom(48, 64, 128));
  const written = fc.oneof(v4, v6).map(([address, length]) => `${address}/${length}`);
  const whole = fc.constantFrom("0.0.0.0/0", "::/0", "10.0.0.0/8", "2001:db8::/32");
  return fc
    .uniqueArray(fc.oneof(written, whole), { minLength: least, maxLength: most, size: "max" })
    .map((texts) => texts.map(parsePrefix));
}

/** Addresses at the edges of prefixes that tests use, within them and in none of them. */
const callers = [
  "0.0.0.0",
  "8.8.8.8",
  "10.0.0.0",
  "10.0.0.1",
  "10.0.255.255",
  "10.1.0.0",
  "10.1.0.255",
  "10.2.0.1",
  "192.168.0.0",
  "192.168.1.1",
  "203.0.112.255",
  "203.0.113.0",
  "203.0.113.255",
  "255.255.255.255",
  "::",
  "::1",
  "2001:db8::",
  "2001:db8::1",
  "2001:db8:0:1::1",
  "2001:db8:1::",
  "2001:db8:2::1",
  "2002::1",
  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
].map(parsePrefix);

/** Those of some callers who lie within one of the prefixes. */
export function callersWithin(sources: readonly Prefix[]): string[] {
  return [...new Set(sources.flatMap(callersOf))].sort();
}

const known = new Map<string, readonly string[]>();

function callersOf(source: Prefix): readonly string[] {
  const found =
    known.get(source.text) ?? callers.filter((caller) => overlaps(source, caller)).map(({ text }) => text);
  known.set(source.text, found);
  return found;
}
