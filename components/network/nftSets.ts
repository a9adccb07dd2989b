import { overlaps } from "./prefix.ts";
import type { Prefix } from "./prefix.ts";

/** nft refuses a prefix that lies within another one of its set, where it would add nothing. */
export function outermost(prefixes: readonly Prefix[]): Prefix[] {
  return prefixes.filter(
    (prefix) => !prefixes.some((other) => other.length < prefix.length && overlaps(other, prefix)),
  );
}

/** nft takes 0.0.0.0/0 in no interval set; the whole range says the same. */
export function prefixElement(prefix: Prefix): string {
  if (prefix.length > 0) return prefix.text;
  return prefix.family === 4 ? "0.0.0.0-255.255.255.255" : "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
}

/** A named map or set; `flags` as nft has them. One element a line, so that a change is a line. */
export function renderSet(
  kind: "map" | "set",
  name: string,
  type: string,
  items: readonly string[],
  flags?: string,
): string {
  return [
    `\t${kind} ${name} {`,
    `\t\ttype ${type}`,
    ...(flags === undefined ? [] : [`\t\tflags ${flags}`]),
    ...(items.length === 0 ? [] : ["\t\telements = {", ...items.map((item) => `\t\t\t${item},`), "\t\t}"]),
    "\t}",
  ].join("\n");
}

/** A set that nft fills with who came lately; bounded, so that a flood from many sources cannot eat the memory. */
export function renderMeter(name: string, type: string, timeout: string): string {
  return `\tset ${name} {\n\t\ttype ${type}\n\t\tflags dynamic,timeout\n\t\ttimeout ${timeout}\n\t\tsize 65535\n\t}`;
}
