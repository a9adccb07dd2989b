import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { withReport } from "../../bench/docs.ts";
import type { Bar, Fault } from "../../bench/faults/fault.ts";
import { faults } from "../../bench/faults/faults.ts";
import { isSettled, isTcpDecided, judge, parseSightings } from "../../bench/faults/probeLog.ts";
import type { Seen, Sighting } from "../../bench/faults/probeLog.ts";
import { judgeBars, renderFaultReport, spread } from "../../bench/faults/report.ts";
import type { Found } from "../../bench/faults/report.ts";
import { renderTutorial } from "../../bench/faults/tutorial.ts";

/** A connection every tenth of a second, of which those in the given spans fail; each answer takes 20 ms. */
function connections(
  from: number,
  to: number,
  failing: readonly (readonly [number, number])[],
  address = "198.51.100.2",
): Sighting[] {
  const count = Math.round((to - from) * 10);
  return Array.from({ length: count }, (_, i) => {
    const at = from + i / 10;
    const fails = failing.some(([first, last]) => at >= first && at < last);
    return { kind: "connect", to: address, at, answered: fails ? null : at + 0.02 };
  });
}

/** A flow's numbered sendings, likewise; those in the given span are never answered. */
function flow(kind: "tcp" | "udp", from: number, to: number, lost: readonly [number, number]): Sighting[] {
  return Array.from({ length: Math.round((to - from) * 10) }, (_, i) => from + i / 10).flatMap(
    (at, number) => {
      const sent: Sighting = { kind: "sent", flow: kind, number, at };
      const isLost = at >= lost[0] && at < lost[1];
      return isLost ? [sent] : [sent, { kind: "heard", flow: kind, number, at: at + 0.02 }];
    },
  );
}

const none = [0, 0] as const;
const log = (failing: readonly (readonly [number, number])[], to = 130): Sighting[] => [
  ...connections(90, to, failing),
  ...flow("tcp", 90, to, failing[0] ?? none),
  ...flow("udp", 90, to, failing[0] ?? none),
];

describe("what a stranger saw", () => {
  test("is no outage where every connection was answered", () => {
    expect(judge(log([]), 100, 130)).toEqual({
      outageSeconds: 0,
      connections: 300,
      failedConnections: 0,
      tcpBroken: false,
      datagrams: 291,
      lostDatagrams: 0,
      watchedSeconds: 30,
    });
  });

  test("is an outage from the fault, not from the first failure, to the first answer after the last one", () => {
    const { outageSeconds, failedConnections, lostDatagrams } = judge(log([[101.95, 104.95]]), 100, 130);
    expect(outageSeconds).toBeCloseTo(5.02);
    expect(failedConnections).toBe(30);
    expect(lostDatagrams).toBe(30);
  });

  test("does not end with an answer between two rows of failures", () => {
    const { outageSeconds } = judge(log([[100, 103], [103.35, 109.95]]), 100, 130); // prettier-ignore
    expect(outageSeconds).toBeCloseTo(10.02);
  });

  test("begins late where the fault shows late", () => {
    expect(judge(log([[115, 117.95]]), 100, 130).outageSeconds).toBeCloseTo(18.02);
  });

  test("is not made longer by a hiccup that comes when all was well for long, which still counts as failed", () => {
    const { outageSeconds, failedConnections } = judge(log([[100, 101.95], [120, 120.45]]), 100, 130); // prettier-ignore
    expect(outageSeconds).toBeCloseTo(2.02);
    expect(failedConnections).toBe(25);
  });

  test("never ends where the last connections failed", () => {
    expect(judge(log([[100, 130]]), 100, 130)).toMatchObject({ outageSeconds: undefined, tcpBroken: true });
    expect(judge(log([[115, 130]]), 100, 130).outageSeconds).toBeUndefined();
  });

  test("is that of the slower address", () => {
    const sightings = [...log([[100, 102]]), ...connections(90, 130, [[100, 107.95]], "2001:db8::1")];
    expect(judge(sightings, 100, 130).outageSeconds).toBeCloseTo(8.02);
    const dead = [...log([]), ...connections(90, 130, [[100, 130]], "2001:db8::1")];
    expect(judge(dead, 100, 130).outageSeconds).toBeUndefined();
  });

  test("counts nothing from before the fault, and needs something after it", () => {
    expect(judge(log([[95, 99]]), 100, 130)).toMatchObject({ outageSeconds: 0, failedConnections: 0, lostDatagrams: 0 }); // prettier-ignore
    expect(() => judge(connections(90, 100, []), 100, 130)).toThrow("Nobody asked");
  });

  test("counts no datagram as lost that was sent at the very end", () => {
    const sightings = [...connections(90, 130, []), ...flow("udp", 90, 130, [129.05, 131])];
    expect(judge(sightings, 100, 130)).toMatchObject({ datagrams: 291, lostDatagrams: 0 });
  });

  test("is a broken TCP flow where that was ended, or silent when connections were answered again", () => {
    expect(judge([...log([]), { kind: "closed", at: 110 }], 100, 130).tcpBroken).toBe(true);
    const silent = [...connections(90, 130, [[100, 102]]), ...flow("tcp", 90, 130, [100, 131])];
    expect(judge(silent, 100, 130).tcpBroken).toBe(true);
  });
});

describe("a watch ends", () => {
  test("when so many connections in a row were answered at each address", () => {
    const after = (failing: readonly (readonly [number, number])[], to: number) =>
      isSettled(connections(90, to, failing), 100);
    expect(after([], 101.9)).toBe(false);
    expect(after([], 102)).toBe(true);
    expect(after([[101, 102]], 103.9)).toBe(false);
    expect(after([[101, 102]], 104)).toBe(true);
    const other = connections(90, 110, [[109, 110]], "2001:db8::1");
    expect(isSettled([...connections(90, 110, []), ...other], 100)).toBe(false);
    expect(isSettled([], 100)).toBe(false);
  });

  test("when the open TCP flow has been heard, or was ended", () => {
    expect(isTcpDecided(flow("tcp", 90, 101, [100, 102]), 100)).toBe(false);
    expect(isTcpDecided(flow("tcp", 90, 103, [100, 102]), 100)).toBe(true);
    expect(isTcpDecided([{ kind: "closed", at: 100.5 }], 100)).toBe(true);
  });

  test("its log is all that is JSON", () => {
    const sighting: Sighting = { kind: "closed", at: 1 };
    expect(parseSightings(["begun", JSON.stringify(sighting)])).toEqual([sighting]);
  });
});

const seen: Seen = {
  outageSeconds: 4,
  connections: 100,
  failedConnections: 40,
  tcpBroken: false,
  datagrams: 100,
  lostDatagrams: 40,
  watchedSeconds: 10,
};
const well: Seen = { ...seen, outageSeconds: 0, failedConnections: 0, lostDatagrams: 0 };
const found = (more: Partial<Found> = {}): Found => ({ seen, outcome: {}, ...more });

const fault = (bars: readonly Bar[], more: Partial<Fault> = {}): Fault => ({
  name: "some",
  title: "some fault",
  rounds: 3,
  ours: () => Promise.resolve(undefined),
  tutorial: () => Promise.resolve(undefined),
  bars,
  ...more,
});

describe("a bar", () => {
  const cases: readonly (readonly [Bar, Partial<Found>, Partial<Found>])[] = [
    [{ outageSeconds: 4 }, {}, { seen: { ...seen, outageSeconds: 4.1 } }],
    [{ outageSeconds: 4 }, {}, { seen: { ...seen, outageSeconds: undefined } }],
    [{ beyondUpSeconds: 3 }, { upSeconds: 1 }, { upSeconds: 0.9 }],
    [{ beyondUpSeconds: 3 }, { upSeconds: 1 }, {}],
    [{ lost: "nothing" }, { seen: well }, { seen: { ...well, failedConnections: 1 } }],
    [{ lost: "nothing" }, { seen: well }, { seen: { ...well, lostDatagrams: 1 } }],
    [{ lost: "nothing" }, { seen: well }, { seen: { ...well, tcpBroken: true } }],
    [{ flows: "live" }, { seen: { ...well, failedConnections: 9 } }, {}],
    [{ mendedSeconds: 60 }, { mendedSeconds: 60 }, { mendedSeconds: 61 }],
    [{ mendedSeconds: 60 }, { mendedSeconds: 60 }, { mendedSeconds: null }],
    [{ pastGuard: 0 }, { pastGuard: { sent: 9, arrived: 0 } }, { pastGuard: { sent: 9, arrived: 1 } }],
    // Nobody tried: nothing was shown.
    [{ pastGuard: 0 }, { pastGuard: { sent: 9, arrived: 0 } }, { pastGuard: { sent: 0, arrived: 0 } }],
    [{ up: "fails" }, { outcome: { upFailed: true } }, { outcome: { upFailed: false } }],
    [{ up: "fails" }, { outcome: { upFailed: true } }, {}],
  ];
  test.each(cases)("%j is held by one, and not by the other", (bar, good, bad) => {
    const held = (rounds: readonly Found[]) =>
      judgeBars({ fault: fault([bar]), found: { "home-relay": rounds, tutorial: [] }, troubles: [] }).map(
        ({ isHeld }) => isHeld,
      );
    expect(held([found(good), found(good)])).toEqual([true]);
    expect(held([found(good), found(bad)])).toEqual([false]);
    expect(held([])).toEqual([]);
  });
});

test("what came several times is shown from least to most, and never is more than all else", () => {
  expect(spread([3, 1, 2], 100)).toBe("1.0-2.0-3.0");
  expect(spread([3, undefined, 2], 100)).toBe("2.0-3.0-> 100");
  expect(spread([undefined], 100)).toBe("> 100");
  expect(spread([7], 100, 0)).toBe("7");
});

test("the report has both sides of each fault, its bars and its notes", () => {
  const report = renderFaultReport({
    machine: "A machine.",
    patienceSeconds: 100,
    rows: [
      {
        fault: fault([{ beyondUpSeconds: 5 }], { title: "relay reboots", boots: ["relay"] }),
        found: {
          "home-relay": [found({ upSeconds: 1 }), found({ upSeconds: 1 })],
          tutorial: [found({ upSeconds: 1, seen: { ...seen, outageSeconds: undefined, tcpBroken: true } })],
        },
        troubles: [],
      },
      {
        fault: fault([{ pastGuard: 0 }, { up: "fails" }], { guarded: true, tutorial: "it has none" }),
        found: {
          "home-relay": [
            found({
              pastGuard: { sent: 9, arrived: 1 },
              mendedSeconds: null,
              outcome: { upFailed: true, note: "well" },
            }),
          ],
          tutorial: [],
        },
        troubles: ["home-relay: it hung"],
      },
    ],
  });
  expect(report.split("\n")).toEqual([
    "A machine.",
    'Where a fault came several times: least-median-most. "> 100": not within that time.',
    "",
    "                outage, s  beyond up, s  new failed  TCP broken  UDP lost  past guard",
    "relay reboots",
    "  home-relay  4.0-4.0-4.0   3.0-3.0-3.0    40-40-40      0 of 2  40-40-40",
    "  tutorial          > 100         > 100          40         yes        40",
    "    at most 5 s beyond the machine being up: held",
    "some fault",
    "  home-relay          4.0                        40          no        40           1",
    "  tutorial              -             -           -           -         -           -",
    "    0 past the guard: NOT HELD",
    "    up fails: held",
    "    not mended",
    "    up failed",
    "    well",
    "    not measured at home-relay: it hung",
    "    tutorial: it has none",
    "",
    "NOT held:",
    "  some: 0 past the guard",
    "",
  ]);
});

test("every fault has a name of its own, a bar, and what its bars ask for", () => {
  expect(new Set(faults.map(({ name }) => name)).size).toBe(faults.length);
  for (const { bars, guarded, boots, isMended } of faults) {
    expect(bars).not.toEqual([]);
    if (bars.some((bar) => "pastGuard" in bar)) expect(guarded).toBe(true);
    if (bars.some((bar) => "beyondUpSeconds" in bar)) expect(boots).toBeDefined();
    if (bars.some((bar) => "mendedSeconds" in bar)) expect(isMended).toBeDefined();
  }
});

test("the tutorial's two files are those of the guides", () => {
  const pair = (name: string) => ({ privateKey: `${name} private`, publicKey: `${name} public` });
  const keys = { relay: pair("relay"), home: pair("home"), preshared: "preshared" };
  expect(renderTutorial(keys, "198.51.100.251", [80])).toMatchSnapshot();
});

test("the page has a place for the report", () => {
  const page = readFileSync(join(__dirname, "../../../docs/benchmarks.md"), "utf8");
  expect(withReport(page, "faults", "found\n")).toContain(
    "npm run bench:faults writes this block -->\n\n```text\nfound\n```\n",
  );
});
