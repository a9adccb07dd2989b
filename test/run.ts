/**
 * `npm test`: the rings side by side, what each ran and how long it took, where the time went, and one closing line.
 *   npm test                       all of them
 *   npm test -- unit contract      only these; they need no root
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { text } from "node:stream/consumers";
import { stripVTControlCharacters } from "node:util";
import { prepareBucketServer } from "./lab/bucket.ts";
import { prepareEngine } from "./lab/engine.ts";
import { prepareHost, refuseUnfitHost } from "./lab/hostPackages.ts";
import { paths } from "./lab/paths.ts";
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
  readonly testResults: readonly FileReport[];
}

/** Of one file; where it could not be loaded, `message` says why and there is nothing else. */
interface FileReport {
  /** Its absolute path. */
  readonly name: string;
  readonly status: "passed" | "failed";
  readonly message: string;
  readonly assertionResults: readonly {
    readonly fullName: string;
    readonly status: string;
    readonly failureMessages: readonly string[];
  }[];
}

/** Of a jest that ended before it could write one. */
const noReport: Report = {
  numPassedTests: 0,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  numRuntimeErrorTestSuites: 1,
  testResults: [],
};

/** What one run of jest is given: a whole ring, or one check of the lab. */
interface Job {
  readonly name: string;
  readonly ring: Ring;
  readonly files: readonly string[];
}

interface DoneJob extends Job {
  readonly report: Report;
  /** Since this program began. */
  readonly startedSeconds: number;
  readonly endedSeconds: number;
}

const rings = ["unit", "contract", "lab"] as const;
type Ring = (typeof rings)[number];

const project = join(import.meta.dirname, "..");
/** How long each job took when it last passed, in seconds: the long ones are begun first. */
const measuredFile = join(paths.cache, "test-seconds.json");

const wanted = process.argv.slice(2);
const unknown = wanted.filter((ring) => !rings.some((known) => known === ring));
if (unknown.length > 0) {
  console.error(`There is no ring "${unknown.join('", "')}"; there are: ${rings.join(", ")}.`);
  process.exit(2);
}
const chosen = rings.filter((ring) => wanted.length === 0 || wanted.includes(ring));

try {
  if (chosen.includes("lab")) {
    refuseUnfitHost();
    await prepareLabs(new Progress());
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(2);
}
const done = await runJobs(chosen.flatMap(jobsOf));
if (chosen.includes("lab")) endLabs();
rememberSeconds(done.filter(({ report }) => report.numPassedTests > 0 && troublesOf(report) === 0));

const seconds = ({ startedSeconds, endedSeconds }: DoneJob) => endedSeconds - startedSeconds;
const slowest = done.toSorted((a, b) => seconds(b) - seconds(a)).slice(0, 10);
console.log("\nWhere the time went, slowest first");
for (const job of slowest) console.log(`  ${seconds(job).toFixed(0).padStart(5)} s  ${job.name}`);

const failures = done.flatMap(({ report }) => report.testResults.flatMap(failuresOf));
if (failures.length > 0) console.log(["\nWhat did not pass", ...failures].join("\n"));

console.log("");
for (const ring of chosen) {
  const jobs = done.filter((job) => job.ring === ring);
  const ran = total(jobs, ({ numPassedTests, numFailedTests }) => numPassedTests + numFailedTests);
  const failed = total(jobs, ({ numFailedTests }) => numFailedTests);
  const broken = total(jobs, troublesOf) - failed;
  const ended = Math.max(...jobs.map(({ endedSeconds }) => endedSeconds));
  const took = ended - Math.min(...jobs.map(({ startedSeconds }) => startedSeconds));
  console.log(
    `  ${ring.padEnd(8)} ran ${ran}, failed ${failed}, could not run ${broken}  (${took.toFixed(0)} s)`,
  );
}

const passed = total(done, ({ numPassedTests }) => numPassedTests);
const failed = total(done, troublesOf);
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

function total(jobs: readonly DoneJob[], count: (report: Report) => number): number {
  return jobs.reduce((sum, { report }) => sum + count(report), 0);
}

/** All that is not a pass: a job that ran nothing, left something out or could not load a file has not passed. */
function troublesOf(report: Report): number {
  const ranNothing = report.numPassedTests + report.numFailedTests === 0 ? 1 : 0;
  const notRun = report.numPendingTests + report.numTodoTests;
  return report.numFailedTests + Math.max(report.numRuntimeErrorTestSuites, ranNothing) + notRun;
}

/** A few lines for each test of a file that did not pass: a whole run says far too much to be searched for them. */
function failuresOf({ name, status, message, assertionResults }: FileReport): string[] {
  const file = relative(project, name);
  const notPassed = assertionResults.filter((test) => test.status !== "passed");
  if (status === "failed" && notPassed.length === 0) return [`  ${file}`, ...beginningOf(message)];
  return notPassed.flatMap((test) => [
    `  ${file}: ${test.fullName}`,
    ...beginningOf(test.failureMessages[0] ?? `was not run: ${test.status}`),
  ]);
}

/** The first lines that say something, without colours and up to where the stack begins. */
function beginningOf(said: string): string[] {
  const [words = ""] = stripVTControlCharacters(said).split(/\n\s+at /);
  const lines = words.split("\n").filter((line) => line.trim() !== "");
  return lines.slice(0, 8).map((line) => `      ${line.trim().slice(0, 200)}`);
}

/** What all labs share, made once before several of them want it at the same time. */
async function prepareLabs(progress: Progress): Promise<void> {
  await progress.phase("Tools of the host", prepareHost);
  await progress.phase("Pulumi and its plugins", prepareEngine);
  await progress.phase("An S3 server", prepareBucketServer);
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

/** The unit ring is one job; of the contract ring each room is one, and of the lab each check: they mostly wait. */
function jobsOf(ring: Ring): Job[] {
  const folder = ring === "lab" ? "lab/checks" : ring;
  const files = globSync(`test/${folder}/**/*.test.ts`, { cwd: project }).sort();
  if (ring === "lab") return files.map((file) => ({ name: basename(file), ring, files: [file] }));
  const room = (file: string) => (ring === "unit" ? ring : relative("test", dirname(file)));
  const rooms = Map.groupBy(files, room);
  return [...rooms].map(([name, files]) => ({ name, ring, files }));
}

/** All jobs, the long ones first, as many side by side as there may be labs. What jest says of each comes in one piece. */
async function runJobs(jobs: readonly Job[]): Promise<DoneJob[]> {
  const measured = readMeasured();
  // What was never measured counts by its length: a check takes about a second for each 100 bytes.
  const bytes = ({ files }: Job) => files.reduce((sum, file) => sum + statSync(join(project, file)).size, 0);
  const weight = (job: Job) => measured[job.name] ?? bytes(job) / 100;
  const waiting = jobs.toSorted((a, b) => weight(b) - weight(a));
  const ended: DoneJob[] = [];
  const work = async (worker: number) => {
    for (let job = waiting.shift(); job; job = waiting.shift()) {
      const startedSeconds = performance.now() / 1000;
      const lab = labOfWorker(worker);
      console.log(job.ring === "lab" ? `  ${job.name} begins, in ${lab}` : `  ${job.name} begins`);
      const report = await runJest(job, lab);
      ended.push({ ...job, report, startedSeconds, endedSeconds: performance.now() / 1000 });
    }
  };
  await Promise.all(Array.from({ length: labWorkers }, (_, index) => work(index + 1)));
  return ended;
}

async function runJest({ ring, files }: Job, lab: string): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "home-relay-ring-"));
  const outputFile = join(folder, "report.json");
  try {
    const child = spawn(
      process.execPath,
      [
        join(project, "node_modules/jest/bin/jest.js"),
        ...["--selectProjects", ring, "--json", "--outputFile", outputFile, "--verbose"],
        // No test is timed: this only ends what hangs, on a machine that does much else.
        "--testTimeout=120000",
        ...(ring === "unit" ? [] : ["--runInBand", "--runTestsByPath", ...files]),
      ],
      {
        cwd: project,
        env: { ...process.env, HOMERELAY_LAB: lab },
        stdio: ["ignore", "ignore", "pipe"],
      },
    );
    const said = text(child.stderr);
    await once(child, "close");
    process.stderr.write(await said);
    return existsSync(outputFile) ? (JSON.parse(readFileSync(outputFile, "utf8")) as Report) : noReport;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readMeasured(): Readonly<Record<string, number>> {
  try {
    return JSON.parse(readFileSync(measuredFile, "utf8")) as Record<string, number>;
  } catch {
    // Nothing was measured yet.
    return {};
  }
}

function rememberSeconds(jobs: readonly DoneJob[]): void {
  const newest = Object.fromEntries(
    jobs.map((job) => [job.name, Math.round(job.endedSeconds - job.startedSeconds)]),
  );
  mkdirSync(dirname(measuredFile), { recursive: true });
  writeFileSync(measuredFile, `${JSON.stringify({ ...readMeasured(), ...newest }, undefined, 2)}\n`);
}
