/**
 * `npm run bench:faults`: what strangers see of each fault, at home-relay and at the usual tutorial's configuration, in
 * one lab behind one carrier. How it is measured, and the last run: docs/benchmarks.md, which a full run writes.
 *   npm run bench:faults                          all of them, twenty-five to thirty minutes
 *   npm run bench:faults -- NAME…                 some of them; writes nothing
 *   npm run bench:faults -- --ours|--tutorial     one side; writes nothing
 *   npm run bench:faults -- --once                each fault once; writes nothing
 *   npm run bench:faults -- --into=FILE NAME…     a full run in several parts: adds to FILE, and writes when that has all
 * Exits with 1 when home-relay misses a bar.
 */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { availableParallelism, release } from "node:os";
import { Progress } from "../../lab/progress.ts";
import { endRunning } from "../../lab/shell.ts";
import { down, up } from "../../lab/world.ts";
import { writeFaultDocs } from "../docs.ts";
import { faults } from "./faults.ts";
import { measureFault, patienceSeconds, takesPart } from "./measure.ts";
import type { Fault, SideName } from "./fault.ts";
import { judgeBars, renderFaultReport } from "./report.ts";
import type { FaultFindings, Found, Row } from "./report.ts";
import { heal, makeOurs, makeTutorial } from "./sides.ts";
import type { Side } from "./sides.ts";

const args = process.argv.slice(2);
const flags = args.filter((arg) => arg.startsWith("--"));
const names = args.filter((arg) => !arg.startsWith("--"));
const into = flags.find((flag) => flag.startsWith("--into="))?.slice("--into=".length);
const known = ["--ours", "--tutorial", "--once"];
const unknown = [
  ...flags.filter((flag) => !known.includes(flag) && !flag.startsWith("--into=")),
  ...names.filter((name) => !faults.some((fault) => fault.name === name)),
];
if (args.includes("--help")) {
  console.log(usage());
  process.exit(0);
}
if (unknown.length > 0 || (flags.includes("--ours") && flags.includes("--tutorial"))) {
  if (unknown.length > 0) console.error(`There is no ${unknown.join(", ")}.`);
  console.error(usage());
  process.exit(2);
}
const chosen = faults.filter(({ name }) => names.length === 0 || names.includes(name));

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => {
    if (interrupted.signal.aborted) return;
    interrupted.abort(new Error("Interrupted; the lab is taken down."));
    endRunning();
  });

const progress = new Progress();
try {
  const rows = into === undefined ? await measureAll() : await added(into, await measureAll());
  const findings: FaultFindings = {
    rows,
    patienceSeconds,
    machine: `${availableParallelism()} cores, Linux ${release()}, WireGuard in userspace.`,
  };
  console.log(`\n${renderFaultReport(findings)}`);
  const isWhole = !flags.some((flag) => known.includes(flag)) && rows.length === faults.length;
  if (isWhole) console.log(`Written: ${(await writeFaultDocs(findings)).join(", ")}`);
  const isMissed = rows.flatMap(judgeBars).some(({ isHeld }) => !isHeld);
  if (isMissed || rows.some(({ troubles }) => troubles.length > 0)) process.exitCode = 1;
} catch (error) {
  const told: unknown = interrupted.signal.aborted ? interrupted.signal.reason : error;
  console.error(told instanceof Error ? told.message : String(told));
  process.exitCode = interrupted.signal.aborted ? 130 : 1;
} finally {
  await down();
}

function usage(): string {
  const width = Math.max(...faults.map(({ name }) => name.length));
  return [
    "usage: npm run bench:faults [-- [--ours | --tutorial] [--once] [--into=FILE] [NAME…]]",
    ...faults.map(({ name, title }) => `  ${name.padEnd(width)}  ${title}`),
  ].join("\n");
}

/** The rows of the file with these in place of its own of the same faults; the file has all of them then. */
async function added(file: string, rows: readonly Row[]): Promise<Row[]> {
  type Kept = Readonly<Record<string, Omit<Row, "fault">>>;
  const before = existsSync(file) ? (JSON.parse(await readFile(file, "utf8")) as Kept) : {};
  const fresh = rows.map(({ fault, ...rest }) => [fault.name, rest] as const);
  const kept: Kept = { ...before, ...Object.fromEntries(fresh) };
  await writeFile(file, JSON.stringify(kept));
  return faults.flatMap((fault) => {
    const row = kept[fault.name];
    return row === undefined ? [] : [{ fault, ...row }];
  });
}

async function measureAll(): Promise<Row[]> {
  await progress.phase("A lab of its own", down);
  await up(progress);
  const sides: Side[] = [];
  if (!flags.includes("--tutorial"))
    sides.push(await progress.phase("home-relay: pulumi up", (detail) => makeOurs(detail)));
  if (!flags.includes("--ours")) sides.push(await progress.phase("The tutorial, by hand", makeTutorial));

  const rows = chosen.map((fault) => ({
    fault,
    found: { "home-relay": [] as Found[], tutorial: [] as Found[] },
    troubles: [] as string[],
  }));
  const measure = async ({ fault, found, troubles }: (typeof rows)[number], at: readonly Side[]) => {
    interrupted.signal.throwIfAborted();
    try {
      const once = await measureFault(fault, at, interrupted.signal);
      for (const [side, it] of once) {
        found[side].push(it);
        tell(fault, side, it);
      }
    } catch (error) {
      interrupted.signal.throwIfAborted();
      // The others can be measured all the same.
      troubles.push(`${at.map(({ name }) => name).join(", ")}: ${String(error)}`);
      console.log(`\n    ${fault.name}: ${troubles.at(-1) ?? ""}`);
      for (const side of at) await heal(side);
    }
  };
  // Round after round, so that each fault also comes after all others; at all sides at the same moment.
  const together = rows.filter(({ fault }) => fault.rounds > 1 || fault.carrier !== undefined);
  for (let round = 1; round <= (flags.includes("--once") ? 1 : 3); round++)
    for (const row of together.filter(({ fault }) => round <= fault.rounds)) {
      const { fault } = row;
      const title = fault.rounds === 1 ? fault.title : `${fault.title}, ${round} of ${fault.rounds}`;
      // Who did not come back once is not watched for as long again.
      const others = sides.filter(
        ({ name }) => !row.found[name].some(({ seen }) => seen.outageSeconds === undefined),
      );
      if (others.length > 0) await progress.phase(title, () => measure(row, others));
    }
  // What concerns nobody else is made at each side by itself: "never" takes long, and neither waits for the other one.
  const apart = rows.filter((row) => !together.includes(row));
  const under = new Map<SideName, string>();
  await progress.phase(`${apart.length} more, each side by itself`, (detail) =>
    Promise.all(
      sides.map(async (side) => {
        for (const row of apart.filter(({ fault }) => takesPart(fault, side))) {
          under.set(side.name, `${side.name}: ${row.fault.name}`);
          detail([...under.values()].join(", "));
          await measure(row, [side]);
        }
        under.delete(side.name);
      }),
    ),
  );
  return rows;
}

function tell(fault: Fault, side: SideName, found: Found): void {
  const { seen, upSeconds, pastGuard, mendedSeconds } = found;
  const outage = seen.outageSeconds === undefined ? `> ${patienceSeconds}` : seen.outageSeconds.toFixed(1);
  const words = [
    `outage ${outage} s`,
    ...(upSeconds === undefined ? [] : [`up after ${upSeconds.toFixed(1)} s`]),
    `${seen.failedConnections} of ${seen.connections} connections failed`,
    `${seen.lostDatagrams} of ${seen.datagrams} datagrams lost`,
    `TCP ${seen.tcpBroken ? "broken" : "alive"}`,
    ...(pastGuard === undefined ? [] : [`${pastGuard.arrived} of ${pastGuard.sent} past the guard`]),
    ...(mendedSeconds === undefined
      ? []
      : [`mended ${mendedSeconds === null ? "never" : `after ${mendedSeconds.toFixed(1)} s`}`]),
  ];
  console.log(`\n    ${fault.name}, ${side}: ${words.join(", ")}`);
}
