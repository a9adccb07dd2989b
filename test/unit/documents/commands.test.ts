import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { commandsIn, entries } from "./commands.ts";

const project = join(__dirname, "../../..");
const read = (path: string) => readFileSync(join(project, path), "utf8");
const pages = ["README.md", ...globSync("docs/*.md", { cwd: project })];
const commands = pages.flatMap((page) => commandsIn(read(page)).map((command) => ({ page, command })));

test("each command of README and docs/ has one entry in the list", () => {
  expect(commands.length).toBeGreaterThan(100);
  const found = commands.map(({ page, command }) => ({
    page,
    command,
    entries: entries.filter((entry) => entry.command.test(command)).length,
  }));
  expect(found.filter((one) => one.entries !== 1)).toEqual([]);
});

test.each(entries.map((entry) => [String(entry.command), entry] as const))(
  "%s is in a document, and run where the list says",
  (_, entry) => {
    expect(commands.filter(({ command }) => entry.command.test(command))).not.toEqual([]);
    if ("notRun" in entry) return;
    expect(existsSync(join(project, "test", entry.runBy))).toBe(true);
    expect(read(join("test", entry.runBy))).toContain(entry.as);
  },
);

describe("a command is found", () => {
  test.each([
    ["in a block", "```\nnpm run check     # looks\nnpx pulumi up\n```", ["npm run check", "pulumi up"]],
    ["beside a column of words", "```\nnpm run status      the stack\n```", ["npm run status"]],
    [
      "in a sentence",
      "say `npx pulumi destroy`, or `(umask 077; npm run x > y)`",
      ["pulumi destroy", "(umask 077; npm run x > y)"],
    ],
    ["and no screen for one", "```\nAll is well\nnpm run check\n```", []],
    ["and no name or setting for one", "`ssh` `pulumi` `ssh: { host: a }` `sudo`", []],
  ])("%s", (_, text, found) => {
    expect(commandsIn(text)).toEqual(found);
  });
});
