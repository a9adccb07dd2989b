import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { runTool } from "./tool.ts";

const project = join(__dirname, "../..");
const scripts = globSync(["components/**/*.sh", "test/**/*.sh"], { cwd: project }).sort();

test("there are scripts", () => {
  expect(scripts.length).toBeGreaterThan(15);
});

describe.each(scripts)("%s", (script) => {
  test("has nothing for shellcheck to say", () => {
    runTool("shellcheck", "shellcheck", ["--severity=style", script], { cwd: project });
  });

  test("cleans up through no local variable: it is gone when the script exits", () => {
    const text = readFileSync(join(project, script), "utf8");
    const cleaned = [...text.matchAll(/^\s*trap '(.*)' EXIT$/gm)].flatMap(([, command = ""]) =>
      [...command.matchAll(/\$\{?(\w+)/g)].map((match) => match[1] ?? ""),
    );
    const locals = [...text.matchAll(/^\s*local (.*)$/gm)].flatMap(([, names = ""]) => names.split(/[ =]/));
    expect(cleaned.filter((name) => locals.includes(name))).toEqual([]);
  });

  test("is read by its own shell", () => {
    const shell = shellOf(readFileSync(join(project, script), "utf8"));
    runTool(shell, shell, ["-n", script], { cwd: project });
  });
});

/** From the first line: what a POSIX script says is given to dash, the strictest that Debian has. */
function shellOf(text: string): "bash" | "dash" {
  const [first = ""] = text.split("\n");
  if (/^#!\/bin\/bash$|^# shellcheck shell=bash$/.test(first)) return "bash";
  if (/^#!\/bin\/sh$|^# shellcheck shell=sh$/.test(first)) return "dash";
  throw new Error(`the first line names no shell: ${first}`);
}
