import { ratio, roundsLine, short, table } from "./report.ts";
import { ratios, values } from "./statistics.ts";
import type { Round } from "./statistics.ts";

export type DetourMeasure = "firstByteUs" | "processorMs" | "gbitPerSecond";

const measures: Readonly<Record<DetourMeasure, string>> = {
  firstByteUs: "connect and first byte, µs, median",
  processorMs: "processor ms for 1,000 connections",
  gbitPerSecond: "download, one stream, Gbit/s",
};

/** A line of a house: what it takes a second, in Mbit. */
export const line = { upMbit: 40, downMbit: 100 } as const;

/** Rounds by what they measured, with `in the LAN` and `by the relay`. */
export interface DetourFindings {
  readonly measures: ReadonlyMap<DetourMeasure, readonly Round[]>;
  /** One stream by the relay, where the house has such a line. */
  readonly overLineMbit: number;
  readonly discarded: number;
  readonly machine: string;
}

export function renderDetourReport({
  measures: found,
  overLineMbit,
  discarded,
  machine,
}: DetourFindings): string {
  const rounds = (measure: DetourMeasure) => found.get(measure) ?? [];
  const kept = rounds("firstByteUs").length;
  return `${machine}
Wires without length, and without a limit where none is named: what is measured is the work, not the way.
${roundsLine(kept, discarded)}

${table(
  ["", "in the LAN", "by the relay", "by the relay / in the LAN"],
  (Object.entries(measures) as [DetourMeasure, string][]).map(([measure, label]) => [
    label,
    short(values(rounds(measure), "in the LAN").median),
    short(values(rounds(measure), "by the relay").median),
    ratio(ratios(rounds(measure), "by the relay", "in the LAN")),
  ]),
)}

One stream by the relay, where the line takes ${line.downMbit} Mbit/s down and ${line.upMbit} up: ${short(overLineMbit)} Mbit/s,
${short(overLineMbit / line.upMbit)} of what the line takes up.
`;
}
