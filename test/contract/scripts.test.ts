import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { askParts, prepareParts, uninstallParts } from "../../components/host/scriptParts.ts";
import { sshEndpointParts } from "../../components/relay/sshEndpointParts.ts";
import { runTool } from "./tool.ts";

const project = join(__dirname, "../..");
const scripts = globSync(["components/**/*.sh", "test/**/*.sh"], { cwd: project }).sort();

test("there are scripts", () => {
  expect(scripts.length).toBeGreaterThan(15);
});

test("what runs on a host is bash, but for what asks whether there is one; what runs at the operator is no script", () => {
  const asking: readonly string[] = askParts.map((part) => `components/${part}`);
  const ours = scripts.filter((script) => script.startsWith("components/") && !asking.includes(script));
  expect(asking.filter((script) => shellOf(readFileSync(join(project, script), "utf8")) !== "dash")).toEqual(
    [],
  );
  expect(ours.filter((script) => shellOf(readFileSync(join(project, script), "utf8")) !== "bash")).toEqual(
    [],
  );
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

describe.each([
  ["asks a host", askParts],
  ["prepares a host", prepareParts],
  ["takes our things off a home", [...uninstallParts, "home/uninstall-home.sh"]],
  ["takes our things off a relay", [...uninstallParts, "relay/uninstall-relay.sh"]],
  ["moves an SSH endpoint", sshEndpointParts],
])("what %s, on one standard input,", (_, parts) => {
  const text = parts.map((part) => readFileSync(join(project, "components", part), "utf8")).join("");

  test("is a script of which shellcheck has nothing to say", () => {
    // Each file begins with a word on its shell, and those that stand behind another one are sourced elsewhere.
    const whole = text.replaceAll(/^# shellcheck shell=(?:ba)?sh\n|^#!\/bin\/bash\n/gm, "");
    const shell = shellOf(text);
    runTool("shellcheck", "shellcheck", [`--shell=${shell}`, "--exclude=SC1091,SC2317", "-"], {
      input: whole,
    });
  });

  test("calls no function of ours that it does not have", () => {
    const all = scripts
      .filter((script) => script.startsWith("components/"))
      .map((script) => readFileSync(join(project, script), "utf8"));
    const functionsIn = (script: string) =>
      [...script.matchAll(/^([a-z_]+)\(\) \{/gm)].map((match) => match[1] ?? "");
    const there = functionsIn(text);
    // At the beginning of a command.
    const called = (name: string) =>
      new RegExp(`(?:^|[;&|{(!] ?|then |do |if |else )\\s*${name}(?=[ ;)]|$)`, "m").test(code(text));
    const missing = [...new Set(all.flatMap(functionsIn))].filter(
      (name) => !there.includes(name) && called(name),
    );
    expect(there.length).toBeGreaterThan(5);
    expect(missing).toEqual([]);
  });
});

function code(text: string): string {
  return text.replaceAll(/^\s*#.*$/gm, "");
}

/** From the first line: what a POSIX script says is given to dash, the strictest that Debian has. */
function shellOf(text: string): "bash" | "dash" {
  const [first = ""] = text.split("\n");
  if (/^#!\/bin\/bash$|^# shellcheck shell=bash$/.test(first)) return "bash";
  if (/^#!\/bin\/sh$|^# shellcheck shell=sh$/.test(first)) return "dash";
  throw new Error(`the first line names no shell: ${first}`);
}
