/**
 * `npm test`: the rings one after the other, what each ran and how long it took, and one closing line.
 *   npm test                       all of them
 *   npm test -- unit contract      only these; they need no root
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareHost, refuseUnfitHost } from "./lab/hostPackages.ts";
import { Progress } from "./lab/progress.ts";
import { down } from "./lab/world.ts";

/** The part of jest's JSON report that is read here. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  /** Files that could not even be loaded. */
  readonly numRuntimeErrorTestSuites: number;
}

const rings = ["unit", "contract", "lab"] as const;
type Ring = (typeof rings)[number];

const project = join(import.meta.dirname, "..");

const wanted = process.argv.slice(2);
const unknown = wanted.filter((ring) => !rings.some((known) => known === ring));
if (unknown.length > 0) {
  console.error(`There is no ring "${unknown.join('", "')}"; there are: ${rings.join(", ")}.`);
  process.exit(2);
}
const chosen = rings.filter((ring) => wanted.length === 0 || wanted.includes(ring));

let passed = 0;
let failed = 0;
const rows: string[] = [];
try {
  if (chosen.includes("lab")) {
    refuseUnfitHost();
    await new Progress().phase("Tools of the host", prepareHost);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(2);
}
for (const ring of chosen) {
  console.log(`\n── ${ring} ${"─".repeat(70 - ring.length)}`);
  const started = performance.now();
  const report = runRing(ring);
  const ran = report.numPassedTests + report.numFailedTests;
  const notRun = report.numPendingTests + report.numTodoTests;
  // A ring that ran nothing, left something out or could not load a file has not passed.
  const broken = report.numRuntimeErrorTestSuites + notRun + (ran === 0 ? 1 : 0);
  passed += report.numPassedTests;
  failed += report.numFailedTests + broken;
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  rows.push(
    `  ${ring.padEnd(8)} ran ${ran}, failed ${report.numFailedTests}, could not run ${broken}  (${seconds} s)`,
  );
}
if (chosen.includes("lab")) await down();

console.log(`\n${rows.join("\n")}\n\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

function runRing(ring: Ring): Report {
  const folder = mkdtempSync(join(tmpdir(), "home-relay-ring-"));
  try {
    const outputFile = join(folder, "report.json");
    const jest = join(project, "node_modules/jest/bin/jest.js");
    const args = [jest, "--selectProjects", ring, "--json", "--outputFile", outputFile, "--verbose"];
    if (ring === "lab") args.push("--runInBand");
    spawnSync(process.execPath, args, { cwd: project, stdio: ["ignore", "ignore", "inherit"] });
    return JSON.parse(readFileSync(outputFile, "utf8")) as Report;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
