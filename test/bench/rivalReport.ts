import type { WayName } from "./rivals.ts";
import { ratio, roundsLine, short, table } from "./report.ts";
import { ratios, values } from "./statistics.ts";
import type { Round, Spread } from "./statistics.ts";

export type RivalMeasure =
  | "newPerSecond"
  | "newPerSecondAtOnce"
  | "firstByteP50Us"
  | "firstByteP99Us"
  | "processorMs"
  | "processorMsAtOnce"
  | "echoesPerSecond"
  | "gbitPerSecond";

const measures: Readonly<Record<RivalMeasure, { readonly label: string; readonly better: "more" | "less" }>> =
  {
    newPerSecond: { label: "new connections a second, one after the other", better: "more" },
    newPerSecondAtOnce: { label: "new connections a second, 16 at once", better: "more" },
    firstByteP50Us: { label: "connect and first byte, µs, median", better: "less" },
    firstByteP99Us: { label: "connect and first byte, µs, 99 of 100", better: "less" },
    processorMs: { label: "processor ms for 1,000 connections, one after the other", better: "less" },
    processorMsAtOnce: { label: "processor ms for 1,000 connections, 16 at once", better: "less" },
    echoesPerSecond: { label: "UDP echoes a second", better: "more" },
    gbitPerSecond: { label: "download, one stream, Gbit/s", better: "more" },
  };

/** Rounds by what they measured. */
export interface RivalFindings {
  /** Those that were measured, in their order. */
  readonly ways: readonly WayName[];
  readonly missing: readonly { readonly name: WayName; readonly why: string }[];
  readonly measures: ReadonlyMap<RivalMeasure, readonly Round[]>;
  /** Rounds of all measures that were thrown away. */
  readonly discarded: number;
  readonly machine: string;
}

/** At most so much may a new connection cost, in times of what it costs with the tutorial. */
const mostCost = 1.1;

export function renderRivalPromise(findings: RivalFindings): string {
  const measured = ratios(roundsOf(findings, "processorMsAtOnce"), "home-relay", "tutorial");
  const verdict = measured.median <= mostCost ? "held" : "NOT held";
  return (
    `Promise ${verdict}: processor time of a new connection, 16 at once, home-relay / tutorial: ` +
    `${ratio(measured)}; promised is at most ${mostCost.toFixed(2)}.`
  );
}

export function renderRivalReport(findings: RivalFindings): string {
  const { ways, missing, discarded } = findings;
  const rivals = ways.filter((name) => name !== "home-relay");
  const rows = Object.entries(measures) as [RivalMeasure, (typeof measures)[RivalMeasure]][];
  const kept = Math.max(...rows.map(([measure]) => roundsOf(findings, measure).length));
  return `${findings.machine}
Both ends with their own rules, and a tunnel without encryption (VXLAN) where the way has one; the proxies without
encryption, too.
${[...missing.map(({ name, why }) => `${name} could not be had: ${why}`), roundsLine(kept, discarded)].join("\n")}

MEDIANS
${table(
  ["", ...ways],
  rows.map(([measure, { label }]) => [
    label,
    ...ways.map((name) => short(values(roundsOf(findings, measure), name).median)),
  ]),
)}

HOME-RELAY / RIVAL, taken within a round; in brackets the middle half of the rounds
${table(
  ["", ...rivals.map((name) => `/ ${name}`), "better is"],
  rows.map(([measure, { label, better }]) => [
    label,
    ...rivals.map((name) => ratio(comparison(findings, measure, name))),
    better,
  ]),
)}

${renderRivalPromise(findings)}
`;
}

function comparison(findings: RivalFindings, measure: RivalMeasure, rival: WayName): Spread {
  return ratios(roundsOf(findings, measure), "home-relay", rival);
}

function roundsOf({ measures }: RivalFindings, measure: RivalMeasure): readonly Round[] {
  const rounds = measures.get(measure);
  if (rounds === undefined) throw new Error(`There is no "${measure}".`);
  return rounds;
}
