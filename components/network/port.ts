export type Protocol = "tcp" | "udp";

/** Ports `first` to `last`, both included; 1-65535, `first` <= `last`. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Parses `443` or `50000-50100`; throws an `Error` that names the text. */
export function parsePortRange(text: string): PortRange {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (!match) throw new Error(`"${text}" is not a port (443) or a range of ports (50000-50100)`);
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (first < 1 || last > 65535) throw new Error(`"${text}" is outside 1-65535`);
  if (first > last) throw new Error(`"${text}" runs backwards; did you mean ${last}-${first}?`);
  return { first, last };
}

/** The range as nftables, providers and people write it: `443` or `50000-50100`. */
export function renderPortRange({ first, last }: PortRange): string {
  return first === last ? String(first) : `${first}-${last}`;
}

export function portCount({ first, last }: PortRange): number {
  return last - first + 1;
}

/** Each port of a range, and the one at the same place in another range of that length. */
export function pairPorts(from: PortRange, to: PortRange): (readonly [number, number])[] {
  return Array.from({ length: portCount(from) }, (_, i) => [from.first + i, to.first + i] as const);
}

export function rangesOverlap(a: PortRange, b: PortRange): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** The same ports in ascending, disjoint ranges that do not touch: the shortest list there is. */
export function mergeRanges(ranges: readonly PortRange[]): PortRange[] {
  const merged: PortRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.first - b.first)) {
    const previous = merged.at(-1);
    if (previous && range.first <= previous.last + 1)
      merged[merged.length - 1] = { first: previous.first, last: Math.max(previous.last, range.last) };
    else merged.push(range);
  }
  return merged;
}

/**
 * At most `most` ranges with all the ports of ascending, disjoint ones: the narrowest gaps between them are bridged, so
 * that there may be ports in it that are in none of them.
 */
export function bridgeGaps(ranges: readonly PortRange[], most: number): PortRange[] {
  if (ranges.length <= most) return [...ranges];
  const gaps = ranges.slice(1).map((range, i) => ({ after: i, width: range.first - (ranges[i]?.last ?? 0) }));
  const kept = new Set(
    gaps
      .sort((a, b) => b.width - a.width)
      .slice(0, most - 1)
      .map(({ after }) => after),
  );
  const bridged: PortRange[] = [];
  let first = ranges[0]?.first ?? 0;
  ranges.forEach(({ last }, i) => {
    if (!kept.has(i) && i < ranges.length - 1) return;
    bridged.push({ first, last });
    first = ranges[i + 1]?.first ?? 0;
  });
  return bridged;
}
