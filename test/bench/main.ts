/**
 * `npm run bench:dataplane`: what a relay's ruleset costs as the list of forwards grows, against two designs with a
 * rule per port. How it is measured, and the last run: docs/benchmarks.md, which a full run writes.
 *   npm run bench:dataplane               two to four minutes
 *   npm run bench:dataplane -- --quick    fewer rounds; writes nothing
 */
import { refuseUnfitHost } from "../lab/hostPackages.ts";
import { Progress } from "../lab/progress.ts";
import { endRunning } from "../lab/shell.ts";
import { measure } from "./measure.ts";
import { writeDocs } from "./docs.ts";
import { renderReport } from "./report.ts";

const args = process.argv.slice(2).filter((arg) => arg !== "dataplane");
if (args.some((arg) => arg !== "--quick")) {
  console.error("usage: npm run bench:dataplane [-- --quick]");
  process.exit(2);
}
const quick = args.includes("--quick");

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
  const findings = await measure(progress, interrupted.signal, quick);
  console.log(`\n${renderReport(findings)}`);
  if (!quick) console.log(`Written: ${(await writeDocs(findings)).join(", ")}`);
} catch (error) {
  const told: unknown = interrupted.signal.aborted ? interrupted.signal.reason : error;
  console.error(told instanceof Error ? told.message : String(told));
  process.exitCode = interrupted.signal.aborted ? 130 : 1;
}
