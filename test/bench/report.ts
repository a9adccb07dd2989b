import { designs } from "./designs.ts";
import type { DesignName } from "./designs.ts";
import { mostDrift, ratios, values } from "./statistics.ts";
import type { Round, Spread } from "./statistics.ts";

/** A design with a number of forwards; `routing` has no ruleset at all. */
export type VariantName = "routing" | `${DesignName} ${number}`;

/** Rounds by what they measured. `kept` are those whose two baselines agreed. */
export interface Findings {
  readonly counts: readonly number[];
  readonly newPerSecond: readonly Round[];
  readonly connectP50Us: readonly Round[];
  readonly connectP99Us: readonly Round[];
  readonly gbitPerSecond: readonly Round[];
  readonly loadMs: readonly Round[];
  readonly reloadMs: readonly Round[];
  readonly discarded: { readonly connections: number; readonly streams: number };
  readonly machine: string;
}

export const promised = 0.95;

/** `new connections per second with the most forwards / with the fewest`, as promised and as measured. */
export function renderPromise(findings: Findings): string {
  const [fewest, most] = extremes(findings.counts);
  const measured = ratios(findings.newPerSecond, `ours ${most}`, `ours ${fewest}`);
  const verdict = measured.median >= promised ? "held" : "NOT held";
  return (
    `Promise ${verdict}: new connections per second with ${grouped(most)} forwards / with ${fewest}: ` +
    `${ratio(measured)}; promised is at least ${promised}.`
  );
}

export function renderReport(findings: Findings): string {
  const { counts, discarded } = findings;
  const [fewest, most] = extremes(counts);
  const first = `ours ${fewest}`;
  const all: VariantName[] = [
    "routing",
    ...designs.flatMap(({ name }) => counts.map((count): VariantName => `${name} ${count}`)),
  ];
  const streamed = all.filter((name) => findings.gbitPerSecond[0]?.has(name));
  const loaded = all.filter((name) => name !== "routing");
  return `${findings.machine} No tunnel.
Medians, and in brackets the middle half of the rounds. A ratio is taken within a round.
"routing": no ruleset, straight to the home's address. "ours": the relay's ruleset as rendered, which also limits
new connections per source and looks at every packet of a forward again; the other two do neither.

NEW CONNECTIONS to the last port of the list, one after the other: connect, first byte from the home, reset.
They come from 4,096 addresses in turn, so that the ruleset's limit per source (200 a second) is never reached.
${roundsLine(findings.newPerSecond.length, discarded.connections)}
${table(
  ["design", "forwards", "new/s", `/ ours at ${fewest}`, "/ routing", "connect p50", "p99"],
  all.map((name) => [
    ...title(name),
    grouped(values(findings.newPerSecond, name).median),
    name === first ? "1" : ratio(ratios(findings.newPerSecond, name, first)),
    name === "routing" ? "1" : ratios(findings.newPerSecond, name, "routing").median.toFixed(2),
    `${values(findings.connectP50Us, name).median.toFixed(1)} µs`,
    `${values(findings.connectP99Us, name).median.toFixed(1)} µs`,
  ]),
)}

ONE TCP STREAM out of the home, to the last forward but one, without segmentation offload: every packet of 1,420
bytes passes the ruleset by itself. Open flows pass the per-port designs at their first rule, whatever their length.
${roundsLine(findings.gbitPerSecond.length, discarded.streams)}
${table(
  ["design", "forwards", "Gbit/s", `/ ours at ${fewest}`, "/ routing"],
  streamed.map((name) => [
    ...title(name),
    values(findings.gbitPerSecond, name).median.toFixed(2),
    name === first ? "1" : ratio(ratios(findings.gbitPerSecond, name, first)),
    name === "routing" ? "1" : ratios(findings.gbitPerSecond, name, "routing").median.toFixed(2),
  ]),
)}

LOADING the file, from the start of the command to its end: where nothing is loaded yet, and in place of itself.
${findings.loadMs.length} rounds of each, none thrown away.
${table(
  ["design", "forwards", "load", "reload", `reload / ours at ${grouped(most)}`],
  loaded.map((name) => [
    ...title(name),
    milliseconds(values(findings.loadMs, name)),
    milliseconds(values(findings.reloadMs, name)),
    name === `ours ${most}` ? "1" : ratio(ratios(findings.reloadMs, name, `ours ${most}`)),
  ]),
)}

${renderPromise(findings)}
`;
}

function extremes(counts: readonly number[]): [number, number] {
  return [Math.min(...counts), Math.max(...counts)];
}

export function roundsLine(kept: number, discarded: number): string {
  const why = `two baselines more than ${mostDrift * 100} % apart`;
  return `${kept} rounds, interleaved${discarded === 0 ? "" : `; ${discarded} more thrown away: ${why}`}.`;
}

function title(name: VariantName): [string, string] {
  const [design, count] = name.split(" ");
  const label = designs.find((it) => it.name === design)?.label;
  return label === undefined ? ["plain routing", "-"] : [label, grouped(Number(count))];
}

export function ratio({ low, median, high }: Spread): string {
  return `${short(median)} (${short(low)}-${short(high)})`;
}

function milliseconds({ low, median, high }: Spread): string {
  return `${short(median)} ms (${short(low)}-${short(high)})`;
}

/** Three figures that count. */
export function short(value: number): string {
  if (value >= 100) return grouped(value);
  return value.toFixed(value < 1 ? 3 : value < 10 ? 2 : 1);
}

function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** The first column to the left, all others to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  return lines
    .map((line) =>
      line
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `  ${line}`)
    .join("\n");
}
