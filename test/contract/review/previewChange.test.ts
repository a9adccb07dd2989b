/** What `npm run preview` runs, with a `pulumi` that previews what the real engine once did. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";

const project = join(__dirname, "../../..");
const { scripts } = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-preview-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** `change`: one of test/unit/review/digests. */
function preview(change: string, ...args: string[]) {
  const digest = join(project, "test/unit/review/digests", `${change}.json`);
  writeFileSync(join(folder, "pulumi"), `#!/bin/sh\necho "$@" >${folder}/arguments\ncat ${digest}\n`, {
    mode: 0o755,
  });
  const [, script = ""] = (scripts["preview"] ?? "").split(" ");
  return spawnSync(process.execPath, [script, ...args], {
    cwd: project,
    encoding: "utf8",
    env: { ...process.env, PATH: `${folder}:${process.env["PATH"] ?? ""}` },
  });
}

test("a change is told in words, and then line by line", () => {
  const { status, stdout, stderr } = preview("forwardAdded", "--stack", "home");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toContain(
    "what changes\n\n  opens  8443/tcp to the internet -> nas:443\n\nThe lines that change, in 7 steps\n",
  );
  expect(readFileSync(join(folder, "arguments"), "utf8")).toBe("preview --json --stack home\n");
});

test("that nothing changes is told, too", () => {
  const { status, stdout } = preview("nothing");
  expect([status, stdout]).toEqual([0, expect.stringMatching(/^Stack \S+: nothing changes\n$/)]);
});

test("the comment is written where it is asked for", () => {
  const file = join(folder, "comment.md");
  expect(preview("forwardAdded", "--markdown", file).status).toBe(0);
  expect(readFileSync(file, "utf8")).toContain("| **opens** | 8443/tcp to the internet -\\> nas:443 |");
});
