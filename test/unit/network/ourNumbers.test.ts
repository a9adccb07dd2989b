import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import * as ourNumbers from "../../../components/network/ourNumbers.ts";

const components = join(__dirname, "../../../components");
const { rulePriorities, tunnelTable } = ourNumbers;
const marks = Object.entries(ourNumbers).flatMap(([name, value]) =>
  name.endsWith("Mark") ? [value as string] : [],
);

test("what devices send is judged before the main table, and the last resort after all tables of the kernel", () => {
  expect(rulePriorities.fromDevice).toBeLessThan(32766);
  expect(rulePriorities.lastResort).toBeGreaterThan(32767);
});

test("no two things have one mark", () => {
  expect(marks.length).toBeGreaterThan(4);
  expect(new Set(marks).size).toBe(marks.length);
});

test("each number of ours stands in one file", () => {
  const numbers = new RegExp(
    `\\b(${[tunnelTable, ...Object.values(rulePriorities), ...marks].map(String).join("|")})\\b`,
  );
  const files = globSync(["**/*.{ts,sh,nft,conf,service,timer}", "../index.ts"], { cwd: components });
  expect(files.length).toBeGreaterThan(100);
  const holders = files.filter((file) =>
    numbers.test(withoutComments(readFileSync(join(components, file), "utf8"))),
  );
  expect(holders).toEqual(["network/ourNumbers.ts"]);
});

test("no script knows by itself how often a keepalive is sent", () => {
  const scripts = globSync("**/*.sh", { cwd: components });
  const knowing = scripts.filter((file) =>
    /keepalive\s+\d/.test(readFileSync(join(components, file), "utf8")),
  );
  expect(knowing).toEqual([]);
});

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[^]*?\*\/|^\s*(?:\/\/|#).*$/gm, "");
}
