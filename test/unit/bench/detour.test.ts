import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { renderDetourReport } from "../../bench/detourReport.ts";
import { withReport } from "../../bench/docs.ts";

const rounds = (...pairs: readonly (readonly [number, number])[]) =>
  pairs.map(
    ([direct, detour]) =>
      new Map([
        ["in the LAN", direct],
        ["by the relay", detour],
      ]),
  );

const findings = {
  measures: new Map([
    ["firstByteUs", rounds([50, 100], [40, 120], [50, 125])],
    ["processorMs", rounds([70, 140], [70, 140], [70, 140])],
    ["gbitPerSecond", rounds([4, 1], [4, 1.2], [4, 1.4])],
  ] as const),
  overLineMbit: 36,
  discarded: 1,
  machine: "A machine.",
};

test("the detour's report divides round by round, and says what of the line arrives", () => {
  expect(renderDetourReport(findings).split("\n")).toEqual([
    "A machine.",
    "Wires without length, and without a limit where none is named: what is measured is the work, not the way.",
    "3 rounds, interleaved; 1 more thrown away: two baselines more than 10 % apart.",
    "",
    "                                      in the LAN  by the relay  by the relay / in the LAN",
    "  connect and first byte, µs, median        50.0           120           2.50 (2.25-2.75)",
    "  processor ms for 1,000 connections        70.0           140           2.00 (2.00-2.00)",
    "  download, one stream, Gbit/s              4.00          1.20        0.300 (0.275-0.325)",
    "",
    "One stream by the relay, where the line takes 100 Mbit/s down and 40 up: 36.0 Mbit/s,",
    "0.900 of what the line takes up.",
    "",
  ]);
});

test("the page has a place for it", () => {
  const page = readFileSync(join(__dirname, "../../../docs/benchmarks.md"), "utf8");
  expect(withReport(page, "detour", "found\n")).toContain("the detour -->\n\n```text\nfound\n```\n");
});
