/**
 * `npm test`: the rings one after the other, what each ran and how long it took, and one closing line.
 *   npm test                       all of them
 *   npm test -- unit contract      only these; they need no root
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import { prepareEngine } from "./lab/engine.ts";
import { prepareHost, refuseUnfitHost } from "./lab/hostPackages.ts";
import { Progress } from "./lab/progress.ts";
import { provideRoot } from "./lab/root.ts";
import { labOfWorker, labWorkers } from "./lab/workers.ts";

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
    await prepareLabs(new Progress());
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(2);
}
for (const ring of chosen) {
  console.log(`\n── ${ring} ${"─".repeat(70 - ring.length)}`);
  const started = performance.now();
  const reports = ring === "lab" ? await runLabs() : [runJest(ring)];
  const sum = (count: keyof Report) => reports.reduce((all, report) => all + report[count], 0);
  const [ringPassed, ringFailed] = [sum("numPassedTests"), sum("numFailedTests")];
  const notRun = sum("numPendingTests") + sum("numTodoTests");
  const nothing = reports.filter((report) => report.numPassedTests + report.numFailedTests === 0).length;
  // A ring that ran nothing, left something out or could not load a file has not passed.
  const broken = Math.max(sum("numRuntimeErrorTestSuites"), nothing) + notRun;
  passed += ringPassed;
  failed += ringFailed + broken;
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  rows.push(
    `  ${ring.padEnd(8)} ran ${ringPassed + ringFailed}, failed ${ringFailed}, could not run ${broken}  (${seconds} s)`,
  );
}
if (chosen.includes("lab")) endLabs();

console.log(`\n${rows.join("\n")}\n\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

/** What all labs share, made once before several of them want it at the same time. */
async function prepareLabs(progress: Progress): Promise<void> {
  await progress.phase("Tools of the host", prepareHost);
  await progress.phase("Pulumi and its plugins", prepareEngine);
  await progress.phase("A Debian 13 system", (detail) => provideRoot("trixie", detail));
  await progress.phase("A Debian 12 system", (detail) => provideRoot("bookworm", detail));
}

/** Each check ends its own lab; this is for one that could not. */
function endLabs(): void {
  for (let worker = 1; worker <= labWorkers; worker++) {
    spawnSync(process.execPath, [join(project, "test/lab/main.ts"), "down"], {
      env: { ...process.env, HOMERELAY_LAB: labOfWorker(worker) },
      stdio: ["ignore", "ignore", "inherit"],
    });
  }
}

/** One file of checks after the other in each of the labs, the long ones first. */
async function runLabs(): Promise<Report[]> {
  const files = globSync("test/lab/checks/*.test.ts", { cwd: project })
    .map((file) => ({ file, bytes: statSync(join(project, file)).size }))
    .sort((a, b) => b.bytes - a.bytes);
  const reports: Report[] = [];
  const work = async (worker: number) => {
    for (let next = files.shift(); next; next = files.shift()) {
      console.log(`  ${basename(next.file)} begins, in ${labOfWorker(worker)}`);
      reports.push(await runChecks(next.file, worker));
    }
  };
  await Promise.all(Array.from({ length: labWorkers }, (_, i) => work(i + 1)));
  return reports;
}

/** What jest says of a file is printed in one piece. */
async function runChecks(file: string, worker: number): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "home-relay-ring-"));
  try {
    const child = spawn(
      process.execPath,
      jestCommand("lab", folder, "--runInBand", "--runTestsByPath", file),
      {
        cwd: project,
        env: { ...process.env, HOMERELAY_LAB: labOfWorker(worker) },
        stdio: ["ignore", "ignore", "pipe"],
      },
    );
    const said = text(child.stderr);
    await once(child, "close");
    process.stderr.write(await said);
    return readReport(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runJest(ring: Ring): Report {
  const folder = mkdtempSync(join(tmpdir(), "home-relay-ring-"));
  try {
    spawnSync(process.execPath, jestCommand(ring, folder), {
      cwd: project,
      stdio: ["ignore", "ignore", "inherit"],
    });
    return readReport(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function jestCommand(ring: Ring, folder: string, ...args: readonly string[]): string[] {
  const jest = join(project, "node_modules/jest/bin/jest.js");
  const outputFile = join(folder, "report.json");
  return [jest, "--selectProjects", ring, "--json", "--outputFile", outputFile, "--verbose", ...args];
}

function readReport(folder: string): Report {
  return JSON.parse(readFileSync(join(folder, "report.json"), "utf8")) as Report;
}
