import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";

const project = join(__dirname, "../../..");
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-check-"));
  const state = JSON.stringify({ deployment: { resources: [] } });
  writeFileSync(join(folder, "pulumi"), `#!/bin/sh\necho "$@" >>${folder}/asked\necho '${state}'\n`);
  chmodSync(join(folder, "pulumi"), 0o755);
});
afterAll(() => rmSync(folder, { recursive: true }));

function check(...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["components/check-stack.ts", ...words], {
    cwd: project,
    encoding: "utf8",
    env: { ...process.env, PATH: `${folder}:${process.env["PATH"] ?? ""}` },
  });
  return [status, stdout, stderr];
}

test.each([["--mned"], ["--stack"], ["now"]])("%s is not understood, and asks nobody", (word) => {
  expect(check(word)).toEqual([2, "", expect.stringMatching(/^usage: npm run check .*--mend/)]);
});

test("a stack that has nothing yet is said so", () => {
  expect(check("--stack", "dev")).toEqual([
    1,
    "",
    "The stack has nothing yet that could be checked. It has after: pulumi up\n",
  ]);
});
