import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";

let folder: string;
let checkout: string;

/** A checkout whose lock file is newer than its packages, and an `npm` that only says that it was called. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-start-"));
  checkout = join(folder, "checkout");
  mkdirSync(join(checkout, "test"), { recursive: true });
  copyFileSync(join(__dirname, "../start.mjs"), join(checkout, "test/start.mjs"));
  writeFileSync(join(checkout, "test/run.ts"), "");
  writeFileSync(join(checkout, "package-lock.json"), "{}");
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin/npm"), `#!/bin/sh\necho "$*" >'${join(folder, "npm-was-called")}'\n`);
  chmodSync(join(folder, "bin/npm"), 0o755);
});

afterEach(() => rmSync(folder, { recursive: true }));

function start() {
  const env = { ...process.env, PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}` };
  return spawnSync(process.execPath, ["test/start.mjs", "test"], { cwd: checkout, env, encoding: "utf8" });
}

const npmWasCalled = () => existsSync(join(folder, "npm-was-called"));

test("packages that are missing or old are installed", () => {
  expect([start().status, npmWasCalled()]).toEqual([0, true]);
});

test("packages that another checkout owns are never installed over: npm would empty that one", () => {
  mkdirSync(join(folder, "elsewhere"));
  symlinkSync(join(folder, "elsewhere"), join(checkout, "node_modules"));
  const { status, stderr } = start();
  expect([status, npmWasCalled()]).toEqual([2, false]);
  expect(stderr).toContain("node_modules is a link");
});

test("packages without those for tests are completed, and all of them are left as they are", () => {
  mkdirSync(join(checkout, "node_modules"));
  writeFileSync(join(checkout, "node_modules/.package-lock.json"), "{}");
  expect([start().status, npmWasCalled()]).toEqual([0, true]);
  rmSync(join(folder, "npm-was-called"));
  mkdirSync(join(checkout, "node_modules/jest"));
  expect([start().status, npmWasCalled()]).toEqual([0, false]);
});
