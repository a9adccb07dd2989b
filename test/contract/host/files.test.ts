import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { runTool } from "../tool.ts";

const host = join(__dirname, "../../../components/host");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-files-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What bash prints for lines that may use the functions of files.sh, `$1` being the folder. */
function run(lines: string, input = ""): string {
  const script = `set -euo pipefail; . ${host}/messages.sh; . ${host}/files.sh; exec 2>&1; ${lines}`;
  return runTool("bash", "bash", ["-c", script, "bash", folder], { input });
}

const text = (name: string) => readFileSync(join(folder, name), "utf8");

describe("a file that is written", () => {
  test("has its text and its mode, and says whether it has changed", () => {
    const write = 'if write_if_changed 0640 "$1/file"; then echo changed; else echo same; fi';
    expect(run(write, "one\n")).toBe("changed\n");
    expect([text("file"), statSync(join(folder, "file")).mode & 0o777]).toEqual(["one\n", 0o640]);
    expect(run(write, "one\n")).toBe("same\n");
    expect(run(write, "two\n")).toBe("changed\n");
    chmodSync(join(folder, "file"), 0o600);
    expect(run(write, "two\n")).toBe("changed\n");
    expect(runTool("coreutils", "ls", ["-A", folder])).toBe("file\n");
  });

  test("is on the disk before it takes the old one's place, and the folder afterwards, so that a power cut finds one of both", () => {
    // In place of the real one: what it was asked for, and what stood under the file's own name then.
    mkdirSync(join(folder, "bin"));
    const stub = `#!/bin/sh\necho "sync $* beside $(cat ${folder}/file)" >>${folder}/log\n`;
    writeFileSync(join(folder, "bin/sync"), stub, { mode: 0o755 });
    writeFileSync(join(folder, "file"), "old\n");
    const path = 'PATH="$1/bin:$PATH"';
    run(`${path}; write_if_changed 0644 "$1/file"`, "new\n");
    run(`${path}; echo newer >"$1/next"; move_into_place "$1/next" "$1/file"`);
    run(`${path}; echo newest >"$1/file.next"; place 0644 "$1/file"`);
    const order = [
      ...[`${folder}/file.next beside old`, `${folder} beside new`],
      ...[`${folder}/next beside new`, `${folder} beside newer`],
      ...[`${folder}/file.next beside newer`, `${folder} beside newest`],
    ];
    expect(text("log")).toBe(order.map((line) => `sync ${line}\n`).join(""));
    expect(text("file")).toBe("newest\n");
  });

  test.each([
    ["the disk takes no more of it", "cat() { command cat >/dev/null; printf half; return 1; }"],
    ["it does not get onto the disk", "sync() { return 1; }"],
    ["its mode is refused", "chmod() { return 1; }"],
  ])("stays as it was, and the script ends, when %s", (_, fault) => {
    writeFileSync(join(folder, "file"), "old\n");
    const lines = `${fault}; if write_if_changed 0644 "$1/file"; then echo changed; fi; echo went on`;
    expect(() => run(lines, "new\n")).toThrow(`ended with 1:\ncannot write ${folder}/file\n`);
    expect(text("file")).toBe("old\n");
  });
});

test("a document is taken apart into its files, whatever folder they name", () => {
  run('split_document "$1"', "#file 0644 one\na\n#file only\n\n#file 0600 /etc/two\n#file 0644 three\nb\n");
  expect(["one", "two", "three"].map(text)).toEqual(["a\n#file only\n\n", "", "b\n"]);
  expect(() => run('split_document "$1"', "no part\n")).toThrow("does not begin with a #file line");
});
