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

/** `change`: one of test/unit/review/digests. Its `pulumi` has a token, and Hetzner's API nowhere. */
function preview(change: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const digest = join(project, "test/unit/review/digests", `${change}.json`);
  const script = `#!/bin/sh
echo "$@" >>${folder}/arguments
case "$1 $3" in
  "preview "*) cat ${digest} ;;
  "config hcloud:token") echo secret ;;
  "config hcloud:endpoint") echo http://127.0.0.1:1 ;;
esac
`;
  writeFileSync(join(folder, "pulumi"), script, { mode: 0o755 });
  const [, program = ""] = (scripts["preview"] ?? "").split(" ");
  return spawnSync(process.execPath, [program, ...args], {
    cwd: project,
    encoding: "utf8",
    env: { ...process.env, ...env, PATH: `${folder}:${process.env["PATH"] ?? ""}` },
  });
}

test("a change is told in words, and then line by line", () => {
  const { status, stdout, stderr } = preview("forwardAdded", ["--stack", "home"]);
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
  expect(preview("forwardAdded", ["--markdown", file]).status).toBe(0);
  expect(readFileSync(file, "utf8")).toContain("| **opens** | 8443/tcp to the internet -\\> nas:443 |");
});

test("a change of the server has its price asked, and is told without it where Hetzner is silent", () => {
  const own = { HCLOUD_ENDPOINT: "http://127.0.0.1:1" };
  const { status, stdout, stderr } = preview("serverResized", ["--stack", "home"], own);
  expect(status).toBe(0);
  expect(stdout).toContain("what changes\n\n  interrupts  all forwards, for about a minute");
  expect(stderr).toMatch(/^What it costs is not known: .*127\.0\.0\.1:1/);
  expect(stderr).not.toContain("secret");
  expect(readFileSync(join(folder, "arguments"), "utf8").split("\n")).toEqual([
    "preview --json --stack home",
    "config get hcloud:token --non-interactive --stack home",
    "config get hcloud:endpoint --non-interactive --stack home",
    "",
  ]);
});

test("no token goes where the stack file alone says, and nothing that it says is there to be typed", () => {
  const { status, stdout, stderr } = preview("serverResized");
  expect([status, stdout]).toEqual([0, expect.stringContaining("interrupts")]);
  expect(stderr.split("\n")).toEqual([
    "What it costs was not asked: hcloud:endpoint in the stack file names another place than Hetzner's own.",
    "If that is to have the token, set HCLOUD_ENDPOINT to the same.",
    "",
  ]);
});

test("the stack is drawn as it will be then", () => {
  const file = join(folder, "stack.svg");
  const { status } = preview("first", ["--picture", file]);
  expect(status).toBe(0);
  expect(readFileSync(file, "utf8")).toMatch(/^<svg [^>]*64738\/tcp\+udp to 64738/);
  expect(readFileSync(join(folder, "arguments"), "utf8")).toMatch(/^preview --json --show-sames\n/);
});
