import { describe, expect, test } from "@jest/globals";
import { parseForward } from "../../../components/network/forward.ts";
import {
  designs,
  lastPorts,
  listForwards,
  renderIptables,
  renderNftRulePerPort,
  targetPorts,
} from "../../bench/designs.ts";
import { renderPicture, withReport } from "../../bench/docs.ts";
import { apart } from "../../bench/plot.ts";
import { renderPromise, renderReport, table } from "../../bench/report.ts";
import type { Findings } from "../../bench/report.ts";
import { isQuiet, ratios, spreadOf } from "../../bench/statistics.ts";
import type { Round } from "../../bench/statistics.ts";
import { nas, toHome } from "../generators/examples.ts";

describe("the list of forwards", () => {
  test("has as many as asked for, no two of them side by side", () => {
    const ports = listForwards(10_000).map(({ forward }) => forward.published.first);
    expect(new Set(ports).size).toBe(10_000);
    expect(ports.every((port, i) => i === 0 || port > (ports[i - 1] ?? 0) + 1)).toBe(true);
    expect(ports.every((port) => port <= 65535)).toBe(true);
  });

  test.each([10, 1_000, 10_000])("of %d ends with the two that are knocked at", (count) => {
    const [streams, bytes] = listForwards(count).slice(-2);
    expect(bytes?.forward.published.first).toBe(lastPorts(count).bytes);
    expect(bytes?.forward.target.first).toBe(targetPorts.bytes);
    expect(streams?.forward.published.first).toBe(lastPorts(count).streams);
    expect(streams?.forward.target.first).toBe(targetPorts.streams);
  });
});

describe("the designs with a rule per port", () => {
  const forwards = toHome(nas, ["80:8080", "5000-5001:6000-6001/udp"].map(parseForward));

  test("nft has one translation and one opening for each port", () => {
    const text = renderNftRulePerPort(forwards);
    expect(linesWith(text, "dnat ip to")).toEqual([
      "tcp dport 80 dnat ip to 10.77.3.4:8080",
      "udp dport 5000 dnat ip to 10.77.3.4:6000",
      "udp dport 5001 dnat ip to 10.77.3.4:6001",
    ]);
    expect(linesWith(text, "ip daddr 10.77.3.4")).toEqual([
      "ip daddr 10.77.3.4 tcp dport 8080 accept",
      "ip daddr 10.77.3.4 udp dport 6000 accept",
      "ip daddr 10.77.3.4 udp dport 6001 accept",
    ]);
  });

  test("iptables has the same", () => {
    const text = renderIptables(forwards);
    expect(linesWith(text, "-j DNAT")).toEqual([
      "-A TO_HOME -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.77.3.4:8080",
      "-A TO_HOME -p udp -m udp --dport 5000 -j DNAT --to-destination 10.77.3.4:6000",
      "-A TO_HOME -p udp -m udp --dport 5001 -j DNAT --to-destination 10.77.3.4:6001",
    ]);
    expect(linesWith(text, "-A ADMIT")).toEqual([
      "-A ADMIT -d 10.77.3.4 -p tcp -m tcp --dport 8080 -j ACCEPT",
      "-A ADMIT -d 10.77.3.4 -p udp -m udp --dport 6000 -j ACCEPT",
      "-A ADMIT -d 10.77.3.4 -p udp -m udp --dport 6001 -j ACCEPT",
    ]);
  });

  test("every design renders every forward of the same list", () => {
    const list = listForwards(50);
    for (const { render } of designs) {
      const text = render(list);
      for (const { forward } of list)
        expect(text).toMatch(new RegExp(`\\b${forward.published.first}\\b.*\\b${forward.target.first}\\b`));
    }
  });
});

describe("statistics", () => {
  test("the median lies in the middle, or between the two that do", () => {
    expect(spreadOf([3, 1, 2]).median).toBe(2);
    expect(spreadOf([10, 1, 2, 4]).median).toBe(3);
    expect(() => spreadOf([])).toThrow("nothing");
  });

  test("the spread is the middle half, which one wild value does not widen", () => {
    expect(spreadOf([4, 900, 3, 1, 2])).toEqual({ low: 2, median: 3, high: 4 });
    expect(spreadOf([7])).toEqual({ low: 7, median: 7, high: 7 });
  });

  test("a ratio is taken within its round, so that a slow round does not show", () => {
    const rounds = [round({ a: 100, b: 50 }), round({ a: 10, b: 5 }), round({ a: 1000, b: 600 })];
    expect(ratios(rounds, "b", "a")).toEqual({ low: 0.5, median: 0.5, high: 0.55 });
  });

  test("a round counts when its baselines are at most a tenth apart", () => {
    expect(isQuiet(100, 110)).toBe(true);
    expect(isQuiet(111, 100)).toBe(false);
  });
});

describe("the report", () => {
  test.each([
    [960, "Promise held: new connections per second with 10,000 forwards / with 10: 0.960 (0.960-0.960)"],
    [940, "Promise NOT held: new connections per second with 10,000 forwards / with 10: 0.940 (0.940-0.940)"],
  ])("says whether the promise is held: %d of 1000", (perSecond, sentence) => {
    expect(renderPromise(findings(perSecond))).toBe(`${sentence}; promised is at least 0.95.`);
  });

  test("has a row for each design and length, next to its baselines", () => {
    const report = renderReport(findings(960));
    expect(linesWith(report, "maps and sets (ours)").map((line) => line.replace(/ {2,}/g, " | "))).toEqual([
      "maps and sets (ours) | 10 | 1,000 | 1 | 0.50 | 20.0 µs | 30.0 µs",
      "maps and sets (ours) | 10,000 | 960 | 0.960 (0.960-0.960) | 0.48 | 20.0 µs | 30.0 µs",
      "maps and sets (ours) | 10 | 5.00 | 1 | 0.50",
      "maps and sets (ours) | 10,000 | 5.00 | 1.00 (1.00-1.00) | 0.50",
      "maps and sets (ours) | 10 | 40.0 ms (40.0-40.0) | 40.0 ms (40.0-40.0) | 1.00 (1.00-1.00)",
      "maps and sets (ours) | 10,000 | 40.0 ms (40.0-40.0) | 40.0 ms (40.0-40.0) | 1",
    ]);
    expect(linesWith(report, "1 rounds")).toEqual([
      "1 rounds, interleaved; 2 more thrown away: two baselines more than 10 % apart.",
      "1 rounds, interleaved.",
      "1 rounds of each, none thrown away.",
    ]);
  });

  test("a table is as wide as its widest cells", () => {
    expect(
      table(
        ["a", "b"],
        [
          ["long", "1"],
          ["x", "1000"],
        ],
      ),
    ).toBe("  a        b\n  long     1\n  x     1000");
  });

  test("goes into the page in place of the one before", () => {
    const block = (which: string, report: string) =>
      `<!-- npm run bench:dataplane writes this block${which} -->\n\n\`\`\`text\n${report}\n\`\`\`\n\n`;
    const page = (rulesets: string, rivals: string) =>
      `\`\`\`text\nanother\n\`\`\`\n\n${block("", rulesets)}After.\n\n${block(", too: the rivals", rivals)}\`\`\`\nyet another\n\`\`\`\n`;
    const old = page("old\n\nold", "old");
    expect(withReport(old, "rulesets", "new $& text\n")).toBe(page("new $& text", "old"));
    expect(withReport(old, "rivals", "new\n")).toBe(page("old\n\nold", "new"));
    expect(() => withReport("```text\nanother\n```\n", "rivals", "new\n")).toThrow("no place");
  });
});

describe("the picture", () => {
  test("is small, has a line for each design and says where it ends", () => {
    const svg = renderPicture(findings(960));
    expect(svg.length).toBeLessThan(6000);
    expect(svg.match(/<path class="line /g)).toHaveLength(3);
    expect(svg).toContain("maps and sets (ours): 0.96</text>");
    expect(svg).toContain("nft rule per port: 0.10</text>");
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  test("labels keep their distance and stay above the axis", () => {
    expect(apart([50, 250, 258, 255], 16, 254)).toEqual([50, 222, 254, 238]);
  });
});

/** A run of one round: ours makes `perSecond` connections at 10,000 forwards and 1,000 at 10, the others 100. */
function findings(perSecond: number): Findings {
  const names = designs.flatMap(({ name }) => [10, 10_000].map((count) => `${name} ${count}`));
  const all = (value: number) => round(Object.fromEntries(names.map((name) => [name, value])));
  return {
    counts: [10, 10_000],
    newPerSecond: [new Map([...all(100), ["routing", 2000], ["ours 10", 1000], ["ours 10000", perSecond]])],
    connectP50Us: [new Map([...all(20), ["routing", 10]])],
    connectP99Us: [new Map([...all(30), ["routing", 15]])],
    gbitPerSecond: [new Map([...all(5), ["routing", 10]])],
    loadMs: [all(40)],
    reloadMs: [all(40)],
    discarded: { connections: 2, streams: 0 },
    machine: "2 cores",
  };
}

function round(values: Readonly<Record<string, number>>): Round {
  return new Map(Object.entries(values));
}

function linesWith(text: string, part: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line.includes(part));
}
