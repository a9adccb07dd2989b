/**
 * `npm run bench:dataplane`: what a relay's ruleset costs as the list of forwards grows, against two designs with a
 * rule per port; then what the whole path costs, against what a user would set up in its place; then what it costs the
 * family to call a forward by its public name. How it is measured, and the last run: docs/benchmarks.md, which a full run
 * writes.
 *   npm run bench:dataplane                 six to ten minutes, and the first time those that building the rivals takes
 *   npm run bench:dataplane -- --rulesets   the first part alone
 *   npm run bench:dataplane -- --rivals     the second part alone
 *   npm run bench:dataplane -- --detour     the third part alone
 *   npm run bench:dataplane -- --quick      fewer rounds, of one part or all; writes nothing
 */
import { refuseUnfitHost } from "../lab/hostPackages.ts";
import { Progress } from "../lab/progress.ts";
import { endRunning } from "../lab/shell.ts";
import { measureDetour } from "./detour.ts";
import { renderDetourReport } from "./detourReport.ts";
import { writeDetourDocs, writeDocs, writeRivalDocs } from "./docs.ts";
import { measure } from "./measure.ts";
import { measureRivals } from "./measureRivals.ts";
import { renderReport } from "./report.ts";
import { renderRivalReport } from "./rivalReport.ts";

const args = process.argv.slice(2).filter((arg) => arg !== "dataplane");
const quick = args.includes("--quick");
const [part, ...rest] = args.filter((arg) => arg !== "--quick");
if ((part !== undefined && !["--rulesets", "--rivals", "--detour"].includes(part)) || rest.length > 0) {
  console.error("usage: npm run bench:dataplane [-- [--rulesets | --rivals | --detour] [--quick]]");
  process.exit(2);
}

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => {
    if (interrupted.signal.aborted) return;
    interrupted.abort(new Error("Interrupted; the namespaces of the benchmark are removed."));
    endRunning();
  });

const progress = new Progress();
try {
  refuseUnfitHost();
  const isWanted = (which: string) => part === undefined || part === which;
  if (isWanted("--rulesets")) {
    const findings = await measure(progress, interrupted.signal, quick);
    console.log(`\n${renderReport(findings)}`);
    if (!quick) console.log(`Written: ${(await writeDocs(findings)).join(", ")}`);
  }
  if (isWanted("--rivals")) {
    const findings = await measureRivals(progress, interrupted.signal, quick);
    console.log(`\n${renderRivalReport(findings)}`);
    if (!quick) console.log(`Written: ${(await writeRivalDocs(findings)).join(", ")}`);
  }
  if (isWanted("--detour")) {
    const findings = await measureDetour(progress, interrupted.signal, quick);
    console.log(`\n${renderDetourReport(findings)}`);
    if (!quick) console.log(`Written: ${(await writeDetourDocs(findings)).join(", ")}`);
  }
} catch (error) {
  const told: unknown = interrupted.signal.aborted ? interrupted.signal.reason : error;
  console.error(told instanceof Error ? told.message : String(told));
  process.exitCode = interrupted.signal.aborted ? 130 : 1;
}
