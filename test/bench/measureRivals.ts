import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { providePackages } from "../lab/hostPackages.ts";
import type { Progress } from "../lab/progress.ts";
import { endRunning } from "../lab/shell.ts";
import { interleave, pick } from "./interleave.ts";
import { describeMachine } from "./measure.ts";
import { refuseSecondRun, removeNetwork } from "./network.ts";
import { provideFrp, provideRathole } from "./rivalPrograms.ts";
import type { ProxyPrograms } from "./rivalPrograms.ts";
import type { WayName } from "./rivals.ts";
import type { RivalFindings, RivalMeasure } from "./rivalReport.ts";
import type { Round } from "./statistics.ts";
import { provideTraffic } from "./traffic.ts";
import { Caller, raiseWays } from "./wholePath.ts";
import type { FirstBytes } from "./wholePath.ts";

/** How often, and for how long each time. The whole of it takes about four minutes. */
const thorough = { rounds: 12, connectSeconds: 0.3, otherSeconds: 0.2 };
const hasty = { rounds: 3, connectSeconds: 0.2, otherSeconds: 0.2 };

/** What a proxy has left to close must not fall into the next one's time. */
const settleMs = 100;

export async function measureRivals(
  progress: Progress,
  stop: AbortSignal,
  quick: boolean,
): Promise<RivalFindings> {
  const plan = quick ? hasty : thorough;
  await refuseSecondRun();
  await removeNetwork();
  const folder = await mkdtemp(join(tmpdir(), "home-relay-bench-"));
  try {
    const { traffic, proxies } = await progress.phase("Tools, and the rivals", async (detail) => {
      await providePackages(["ethtool", "iproute2", "iptables", "nftables", "procps", "util-linux"], detail);
      return {
        traffic: await provideTraffic(),
        proxies: { frp: await provideFrp(detail), rathole: await provideRathole(detail) },
      };
    });
    stop.throwIfAborted();
    const names: readonly WayName[] = [
      "tutorial",
      "home-relay",
      ...proxyNames.filter((name) => isThere(proxies[name])),
    ];
    const ways = names.map((name, index) => ({ name, index }));
    const callers = ways.map((way) => ({ name: way.name, caller: new Caller(way, traffic) }));
    await progress.phase(`A client, and ${ways.length} relays with their homes`, async () => {
      await raiseWays(ways, proxies, traffic, folder);
      for (const { caller } of callers) await caller.awaitAnswer();
    });
    const measures = new Map<RivalMeasure, readonly Round[]>();
    const discarded: number[] = [];
    const course = async <T>(
      title: string,
      take: (caller: Caller) => Promise<T>,
      judged: (found: T) => number,
      figures: Partial<Record<RivalMeasure, (found: T) => number>>,
    ) => {
      const found = await progress.phase(title, (detail) =>
        interleave(
          { variants: callers, rounds: plan.rounds, stop, detail },
          async ({ caller }) => {
            await sleep(settleMs);
            return take(caller);
          },
          judged,
        ),
      );
      discarded.push(found.discarded);
      for (const [measure, value] of Object.entries(figures))
        measures.set(
          measure as RivalMeasure,
          found.rounds.map((round) => pick(round, value)),
        );
    };
    const perSecond = (found: FirstBytes) => found.perSecond;
    await course(
      "New connections, one after the other",
      (caller) => caller.firstBytes(plan.connectSeconds, 1),
      perSecond,
      {
        newPerSecond: perSecond,
        firstByteP50Us: ({ p50Us }) => p50Us,
        firstByteP99Us: ({ p99Us }) => p99Us,
        processorMs: ({ processorMsPer1000 }) => processorMsPer1000,
      },
    );
    await course(
      "New connections, 16 at once",
      (caller) => caller.firstBytes(plan.connectSeconds, 16),
      perSecond,
      {
        newPerSecondAtOnce: perSecond,
        processorMsAtOnce: ({ processorMsPer1000 }) => processorMsPer1000,
      },
    );
    const itself = (found: number) => found;
    await course("Echoes", (caller) => caller.echoesPerSecond(plan.otherSeconds), itself, {
      echoesPerSecond: itself,
    });
    await course("One stream", (caller) => caller.gbitPerSecond(plan.otherSeconds), itself, {
      gbitPerSecond: itself,
    });
    return {
      ways: names,
      missing: proxyNames.flatMap((name) => {
        const programs = proxies[name];
        return isThere(programs) ? [] : [{ name, why: programs.missing }];
      }),
      measures,
      discarded: discarded.reduce((sum, one) => sum + one, 0),
      machine: await describeMachine(),
    };
  } finally {
    endRunning();
    await removeNetwork();
    await rm(folder, { recursive: true, force: true });
  }
}

const proxyNames = ["frp", "rathole"] as const;

function isThere(programs: ProxyPrograms): programs is Exclude<ProxyPrograms, { missing: string }> {
  return !("missing" in programs);
}
