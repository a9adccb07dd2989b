import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import {
  ourPriorities,
  pairPriorities,
  rulePriorities,
  tunnelTable,
} from "../../../components/network/ourNumbers.ts";

const components = join(__dirname, "../../../components");

const seconds = Object.values(pairPriorities).map((first) => first + 1);
const priorities = [...Object.values(pairPriorities), ...seconds, ...Object.values(rulePriorities)];

test("every priority is ours, the second of a pair too, and comes before the main table", () => {
  const outside = priorities.filter(
    (priority) => priority < ourPriorities.first || priority > ourPriorities.last,
  );
  expect(outside).toEqual([]);
  expect(ourPriorities.last).toBeLessThan(32766);
});

test("no two rules have one priority, and what passes over rules passes over the pair for forwarded ports", () => {
  expect(new Set<number>(priorities).size).toBe(priorities.length);
  expect(rulePriorities.notInternet).toBeLessThan(pairPriorities.fromPort);
  expect(rulePriorities.end).toBe(ourPriorities.last);
});

test("each number of ours stands in one file", () => {
  const all = Array.from(
    { length: ourPriorities.last - ourPriorities.first + 1 },
    (_, i) => ourPriorities.first + i,
  );
  const numbers = new RegExp(`\\b(${[tunnelTable, ...all].join("|")}|0x77|0x78)\\b`);
  const files = globSync(["**/*.{ts,sh,nft,conf,service,timer}", "../index.ts"], { cwd: components });
  expect(files.length).toBeGreaterThan(100);
  const holders = files.filter((file) =>
    numbers.test(withoutComments(readFileSync(join(components, file), "utf8"))),
  );
  expect(holders).toContain("network/ourNumbers.ts");
  // 51820 is WireGuard's usual UDP port besides, and there a user may set another.
  const elsewhere = holders.filter(
    (file) => !/^network\/ourNumbers\.ts$|\/marks\.ts$|^settings\//.test(file),
  );
  expect(elsewhere).toEqual([]);
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
