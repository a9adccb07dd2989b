/**
 * Starts everything under test/: makes sure of the Node packages, then hands over to TypeScript.
 *   node test/start.mjs demo|lab|test|bench [arguments]
 * Plain JavaScript without imports of ours, since it has to run on any Node and before anything is installed.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, lstatSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("..", import.meta.url));
const programs = {
  demo: ["test/lab/main.ts", "demo"],
  lab: ["test/lab/main.ts"],
  test: ["test/run.ts"],
  bench: ["test/bench/main.ts"],
  "bench-change": ["test/bench/change.ts"],
  "bench-preview": ["test/bench/preview.ts"],
  "bench-faults": ["test/bench/faults/main.ts"],
};

const [verb, ...args] = process.argv.slice(2);
const program = programs[verb];
if (program === undefined) fail(`usage: node test/start.mjs ${Object.keys(programs).join("|")}`);

if (!packagesAreInstalled()) {
  if (isLink(join(project, "node_modules"))) {
    fail(
      "node_modules is a link and its packages are not those of package-lock.json: run npm ci where it leads.",
    );
  }
  console.log("  Node packages of this project …");
  const { status } = spawnSync("npm", ["ci", "--loglevel=error"], { cwd: project, stdio: "inherit" });
  if (status !== 0) fail("npm ci did not succeed; its own message stands above.");
}

const child = spawn(nodeProgram(), [...program, ...args], { cwd: project, stdio: "inherit" });
// Both have the terminal: the child cleans up after Ctrl-C, and this process waits for it.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => undefined);
child.on("exit", (code) => process.exit(code ?? 1));

function packagesAreInstalled() {
  const installed = join(project, "node_modules/.package-lock.json");
  return (
    existsSync(installed) &&
    // Not there after `npm ci --omit=dev`, which is all that a user needs.
    existsSync(join(project, "node_modules/jest")) &&
    statSync(installed).mtimeMs >= statSync(join(project, "package-lock.json")).mtimeMs
  );
}

/** npm would remove what such a link leads to, which another checkout uses. */
function isLink(path) {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

/** The Node that came with the packages; else this one, if it can run TypeScript. */
function nodeProgram() {
  const own = join(project, "node_modules/.bin/node");
  if (existsSync(own)) return own;
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath;
  fail(`Node 22.18 or newer is needed; this is ${process.versions.node}.`);
}

function fail(message) {
  console.error(message);
  process.exit(2);
}
