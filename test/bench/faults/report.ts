import { sideNames } from "./fault.ts";
import type { Bar, Fault, Outcome, SideName } from "./fault.ts";
import type { Seen } from "./probeLog.ts";

/** What one fault did to one side, once. */
export interface Found {
  readonly seen: Seen;
  /** From the fault to when the last machine that booted was up. */
  readonly upSeconds?: number;
  /** What the relay sent to where nobody may, and what of it arrived, since the fault. */
  readonly pastGuard?: { readonly sent: number; readonly arrived: number };
  /** From the fault to when what was taken away was there again; null where that was not within the watch. */
  readonly mendedSeconds?: number | null;
  readonly outcome: Outcome;
}

/** What the rounds of one fault found, by side. */
export interface Row {
  readonly fault: Fault;
  readonly found: Readonly<Record<SideName, readonly Found[]>>;
  /** Why it could not be measured, or not each time. */
  readonly troubles: readonly string[];
}

export interface FaultFindings {
  readonly rows: readonly Row[];
  readonly patienceSeconds: number;
  readonly machine: string;
}

interface Judged {
  readonly text: string;
  readonly isHeld: boolean;
}

/** The bars of a row, each with whether every round of home-relay held it. */
export function judgeBars({ fault, found }: Row): Judged[] {
  const ours = found["home-relay"];
  if (ours.length === 0) return [];
  return fault.bars.map((bar) => ({ text: textOf(bar), isHeld: ours.every((it) => holds(bar, it)) }));
}

function holds(bar: Bar, { seen, upSeconds, pastGuard, mendedSeconds, outcome }: Found): boolean {
  const { outageSeconds, failedConnections, tcpBroken, lostDatagrams } = seen;
  if ("outageSeconds" in bar) return outageSeconds !== undefined && outageSeconds <= bar.outageSeconds;
  if ("beyondUpSeconds" in bar)
    return (
      outageSeconds !== undefined &&
      upSeconds !== undefined &&
      outageSeconds - upSeconds <= bar.beyondUpSeconds
    );
  if ("lost" in bar) return failedConnections === 0 && !tcpBroken && lostDatagrams === 0;
  if ("flows" in bar) return !tcpBroken && lostDatagrams === 0;
  if ("mendedSeconds" in bar) return typeof mendedSeconds === "number" && mendedSeconds <= bar.mendedSeconds;
  if ("pastGuard" in bar) return pastGuard !== undefined && pastGuard.sent > 0 && pastGuard.arrived === 0;
  return outcome.upFailed === true;
}

function textOf(bar: Bar): string {
  if ("outageSeconds" in bar) return `outage at most ${bar.outageSeconds} s`;
  if ("beyondUpSeconds" in bar) return `at most ${bar.beyondUpSeconds} s beyond the machine being up`;
  if ("lost" in bar) return "nothing lost";
  if ("flows" in bar) return "open flows live";
  if ("mendedSeconds" in bar) return `mended within ${bar.mendedSeconds} s`;
  if ("pastGuard" in bar) return "0 past the guard";
  return "up fails";
}

const headings = [
  "",
  "outage, s",
  "beyond up, s",
  "new failed",
  "TCP broken",
  "UDP lost",
  "past guard",
] as const;

export function renderFaultReport({ rows, patienceSeconds, machine }: FaultFindings): string {
  const cells = rows.map((row) => sideNames.map((name) => cellsOf(row, name, patienceSeconds)));
  const widths = headings.map((heading, i) =>
    Math.max(heading.length, ...cells.flat().map((line) => (line[i] ?? "").length)),
  );
  const line = (columns: readonly string[]) =>
    columns
      .map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0)))
      .join("  ")
      .trimEnd();
  const missed = rows.flatMap((row) =>
    judgeBars(row)
      .filter(({ isHeld }) => !isHeld)
      .map(({ text }) => `${row.fault.name}: ${text}`),
  );
  return [
    machine,
    `Where a fault came several times: least-median-most. "> ${patienceSeconds}": not within that time.`,
    "",
    `  ${line(headings)}`,
    ...rows.flatMap((row, i) => [
      row.fault.title,
      ...(cells[i] ?? []).map((columns) => `  ${line(columns)}`),
      ...notesOf(row),
    ]),
    "",
    missed.length === 0 ? "Every bar is held." : `NOT held:\n${missed.map((it) => `  ${it}`).join("\n")}`,
    "",
  ].join("\n");
}

function cellsOf({ fault, found }: Row, name: SideName, patienceSeconds: number): string[] {
  const all = found[name];
  if (all.length === 0) return [name, ...headings.slice(1).map(() => "-")];
  const seen = all.map((it) => it.seen);
  const beyond = all.flatMap(({ seen: { outageSeconds }, upSeconds }) =>
    upSeconds === undefined ? [] : [outageSeconds === undefined ? undefined : outageSeconds - upSeconds],
  );
  return [
    name,
    spread(
      seen.map((it) => it.outageSeconds),
      patienceSeconds,
    ),
    beyond.length === 0 ? "" : spread(beyond, patienceSeconds),
    spread(
      seen.map((it) => it.failedConnections),
      0,
      0,
    ),
    all.length === 1
      ? seen[0]?.tcpBroken === true
        ? "yes"
        : "no"
      : `${seen.filter((it) => it.tcpBroken).length} of ${all.length}`,
    spread(
      seen.map((it) => it.lostDatagrams),
      0,
      0,
    ),
    fault.guarded === true
      ? spread(
          all.map((it) => it.pastGuard?.arrived ?? 0),
          0,
          0,
        )
      : "",
  ];
}

/** Least, median and most; `undefined` is more than all others. */
export function spread(values: readonly (number | undefined)[], patienceSeconds: number, digits = 1): string {
  const sorted = values.map((value) => value ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
  const show = (value: number | undefined) =>
    value === undefined || value === Number.POSITIVE_INFINITY
      ? `> ${patienceSeconds}`
      : value.toFixed(digits);
  if (sorted.length === 1) return show(sorted[0]);
  const texts = [sorted[0], sorted[Math.floor((sorted.length - 1) / 2)], sorted.at(-1)].map(show);
  return texts.join("-");
}

function notesOf(row: Row): string[] {
  const { fault, found, troubles } = row;
  const mended = found["home-relay"].flatMap(({ mendedSeconds }) =>
    mendedSeconds === undefined
      ? []
      : [mendedSeconds === null ? "not mended" : `mended after ${mendedSeconds.toFixed(1)} s`],
  );
  const said = found["home-relay"].flatMap(({ outcome }) => [
    ...(outcome.upFailed === undefined ? [] : [outcome.upFailed ? "up failed" : "up DID NOT FAIL"]),
    ...(outcome.note === undefined ? [] : [outcome.note]),
  ]);
  const judged = judgeBars(row).map(({ text, isHeld }) => `${text}: ${isHeld ? "held" : "NOT HELD"}`);
  return [
    ...[...judged, ...mended, ...said, ...troubles.map((it) => `not measured at ${it}`)].map(
      (it) => `    ${it}`,
    ),
    ...(typeof fault.tutorial === "string" ? [`    tutorial: ${fault.tutorial}`] : []),
  ];
}
