import { describe, expect, test } from "@jest/globals";
import { interleave } from "../../bench/interleave.ts";
import { renderRivalPromise, renderRivalReport } from "../../bench/rivalReport.ts";
import type { RivalFindings } from "../../bench/rivalReport.ts";
import {
  frpConfig,
  ratholeConfig,
  renderHomeRelay,
  renderTutorial,
  services,
  tunnelEnds,
} from "../../bench/rivals.ts";

const all = Object.values(services);

describe("every way publishes every service", () => {
  test.each(all)("the tutorial: $published", ({ published, target, protocol }) => {
    expect(renderTutorial()).toContain(
      `-p ${protocol} -m ${protocol} --dport ${published} -j DNAT --to-destination ${tunnelEnds.home}:${target}\n`,
    );
  });

  test.each(all)("home-relay: $published", ({ published, target, protocol }) => {
    const { relay, home } = renderHomeRelay("192.0.2.1");
    expect(relay.ruleset).toMatch(
      new RegExp(`\\b${protocol} \\. ${published} : ${tunnelEnds.home} \\. ${target}\\b`),
    );
    expect(home.guard).toMatch(new RegExp(`set open \\{[^}]*[^}]*\\b${protocol} \\. ${target}\\b`));
    expect(home.guard).toContain("relay4 { 192.0.2.1 }");
  });

  test.each([
    ["frp", frpConfig, "remotePort = ", "localPort = "],
    ["rathole", ratholeConfig, ":", "127.0.0.1:"],
  ])("%s, where the home calls the relay", (_, { relay, home }, published, target) => {
    const both = relay + home("192.0.2.1");
    for (const service of all) {
      expect(both).toContain(`${published}${service.published}`);
      expect(home("")).toContain(`${target}${service.target}`);
      expect(home("")).toContain(`type = "${service.protocol}"`);
    }
    expect(home("192.0.2.1")).toContain("192.0.2.1");
  });
});

describe("rounds", () => {
  const measured = async (found: readonly number[], rounds: number) => {
    const order: string[] = [];
    const left = [...found];
    const { signal } = new AbortController();
    const result = await interleave(
      {
        variants: ["base", "a", "b"].map((name) => ({ name })),
        rounds,
        stop: signal,
        detail: () => undefined,
      },
      ({ name }) => {
        order.push(name);
        return Promise.resolve(name === "base" ? (left.shift() ?? 0) : 1);
      },
      (value) => value,
    );
    return { ...result, order };
  };

  test("go there and back; of the two baselines the nearer one in time to the first of the others counts", async () => {
    const { order, rounds } = await measured([50, 50, 100, 101, 102, 103], 2);
    expect(order.join(" ")).toBe("base a b base base b a base base a b base");
    expect(rounds.map((round) => round.get("base"))).toEqual([101, 102]);
  });

  test("whose baselines are too far apart are taken again, but not for ever", async () => {
    const { rounds, discarded } = await measured([50, 50, 100, 150, 100, 100], 1);
    expect(rounds).toHaveLength(1);
    expect(discarded).toBe(1);
    await expect(measured(Array(100).fill([100, 200]).flat() as number[], 1)).rejects.toThrow("too busy");
  });
});

describe("the report", () => {
  test.each([
    [
      109,
      "Promise held: processor time of a new connection, 16 at once, home-relay / tutorial: 1.09 (1.09-1.09)",
    ],
    [
      112,
      "Promise NOT held: processor time of a new connection, 16 at once, home-relay / tutorial: 1.12 (1.12-1.12)",
    ],
  ])("says whether the promise is held: %d of 100", (cost, sentence) => {
    expect(renderRivalPromise(findings(cost))).toBe(`${sentence}; promised is at most 1.10.`);
  });

  test("compares home-relay with each rival that there is, and names those that could not be had", () => {
    const lines = renderRivalReport(findings(120))
      .split("\n")
      .map((line) => line.trim().replaceAll(/ {2,}/g, " | "));
    expect(lines).toContain("rathole could not be had: no compiler");
    expect(lines).toContain("tutorial | home-relay | frp");
    expect(lines).toContain("/ tutorial | / frp | better is");
    expect(lines).toContain("processor ms for 1,000 connections, 16 at once | 100 | 120 | 400");
    expect(lines).toContain(
      "processor ms for 1,000 connections, 16 at once | 1.20 (1.20-1.20) | 0.300 (0.300-0.300) | less",
    );
    expect(lines.some((line) => line.startsWith("UDP echoes a second | 1.20"))).toBe(true);
  });
});

/** One round in which every figure is 100 with the tutorial, `ours` with home-relay and 400 with frp. */
function findings(ours: number): RivalFindings {
  const round = new Map([
    ["tutorial", 100],
    ["home-relay", ours],
    ["frp", 400],
  ]);
  return {
    ways: ["tutorial", "home-relay", "frp"],
    missing: [{ name: "rathole", why: "no compiler" }],
    measures: new Map(
      (
        [
          "newPerSecond",
          "newPerSecondAtOnce",
          "firstByteP50Us",
          "firstByteP99Us",
          "processorMs",
          "processorMsAtOnce",
          "echoesPerSecond",
          "gbitPerSecond",
        ] as const
      ).map((measure) => [measure, [round]]),
    ),
    discarded: 0,
    machine: "2 cores.",
  };
}
