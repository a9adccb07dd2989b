import { setTimeout as sleep } from "node:timers/promises";
import { initPid } from "../../lab/machines.ts";
import { start, startInNetworkOf } from "../../lab/people.ts";
import { run } from "../../lab/shell.ts";
import { now } from "./clock.ts";
import type { Fault, Outcome, SideName } from "./fault.ts";
import { isSettled, isTcpDecided, judge, parseSightings } from "./probeLog.ts";
import type { Sighting } from "./probeLog.ts";
import type { Found } from "./report.ts";
import { answers, echoPort, heal, poured, sinkPort } from "./sides.ts";
import type { Side } from "./sides.ts";

/** "Never" is watched for so long. */
export const patienceSeconds = 80;
/** A machine that is told to reboot serves on for a moment. */
const leastSeconds = 6;
/** An open TCP flow sends again after up to as long as the outage was, at most so long. */
const backoffSeconds = 20;

/** Makes a fault once, at all of these sides at the same moment. */
export async function measureFault(
  fault: Fault,
  sides: readonly Side[],
  stop: AbortSignal,
): Promise<ReadonlyMap<SideName, Found>> {
  const taking = sides.filter((side) => takesPart(fault, side));
  await Promise.all(taking.map(async (side) => fault.prepare?.(side)));
  const watches = await Promise.all(taking.map((side) => Watch.begin(side, fault)));
  if (fault.beforeQuiet === true) await fault.carrier?.();
  if (fault.quietSeconds !== undefined) {
    for (const watch of watches) watch.quiet();
    await sleep(fault.quietSeconds * 1000, undefined, { signal: stop });
  }
  const since = now();
  for (const watch of watches) watch.go(since);
  const [, ...found] = await Promise.all([
    fault.beforeQuiet === true ? undefined : fault.carrier?.(),
    ...watches.map((watch) => watch.toItsEnd(stop)),
  ]);
  await fault.undo?.();
  await Promise.all(taking.map((side, i) => putRight(fault, side, found[i])));
  return new Map(taking.map(({ name }, i) => [name, found[i] as Found]));
}

export function takesPart(fault: Fault, side: Side): boolean {
  return side.name === "home-relay" || typeof fault.tutorial !== "string";
}

/** What came back by itself is left as it is: the next fault meets what this one left behind. */
async function putRight(fault: Fault, side: Side, found: Found | undefined): Promise<void> {
  if (side.name === "tutorial") await fault.undoTutorial?.(side);
  const isWell = found?.seen.outageSeconds !== undefined && found.mendedSeconds !== null;
  if (!isWell || fault.leavesTraces === true || !(await answers(side))) await heal(side);
  if (side.name === "home-relay") await fault.undoOurs?.(side);
}

class Watch {
  readonly #side: Side;
  readonly #fault: Fault;
  readonly #lines: string[] = [];
  #read = 0;
  readonly #sightings: Sighting[] = [];
  #watcher: Awaited<ReturnType<typeof start>> | undefined;
  #pourer: Awaited<ReturnType<typeof start>> | undefined;
  #arrived = 0;
  #inits: ReadonlyMap<string, number> = new Map();
  #since = 0;

  private constructor(side: Side, fault: Fault) {
    this.#side = side;
    this.#fault = fault;
  }

  static async begin(side: Side, fault: Fault): Promise<Watch> {
    const watch = new Watch(side, fault);
    watch.#watcher = await start(
      "stranger",
      "watch.py",
      [String(fault.port ?? echoPort), ...side.published],
      (line) => watch.#lines.push(line),
    );
    await watch.#watcher.begun;
    // One that came out of the last fault may still be on its way.
    await sleep(2000);
    watch.#inits = new Map(
      await Promise.all(
        (fault.boots ?? []).map(async (end) => [side[end], await initPid(side[end])] as const),
      ),
    );
    if (fault.guarded === true) {
      watch.#arrived = await poured(side);
      watch.#pourer = await startInNetworkOf(side.relay, "pour.py", [side.homeInTunnel, String(sinkPort)]);
    }
    return watch;
  }

  quiet(): void {
    this.#watcher?.tell("quiet");
  }

  go(since: number): void {
    this.#since = since;
    this.#watcher?.tell("go");
  }

  async toItsEnd(stop: AbortSignal): Promise<Found> {
    const side = this.#side;
    const fault = this.#fault;
    const since = this.#since;
    const latest = since + patienceSeconds;
    const state = { madeAt: Number.POSITIVE_INFINITY };
    const making = (side.name === "home-relay" ? fault.ours(side) : makeTutorial(fault, side)).finally(
      () => (state.madeAt = now()),
    );
    // It is waited for below, and may fail before that.
    making.catch(() => undefined);
    const ups = Promise.all([...this.#inits].map(([machine, before]) => upTime(machine, before, latest)));
    ups.catch(() => undefined);
    const { isMended } = fault;
    let mendedAt: number | null | undefined;
    if (isMended !== undefined && side.name === "home-relay") mendedAt = null;
    let nextLook = 0;
    for (;;) {
      await sleep(100, undefined, { signal: stop });
      if (
        Number.isFinite(state.madeAt) &&
        mendedAt === null &&
        isMended !== undefined &&
        side.name === "home-relay" &&
        now() >= nextLook
      ) {
        if (await isMended(side)) mendedAt = now();
        nextLook = now() + 1;
      }
      if (now() < state.madeAt + (fault.watchSeconds ?? leastSeconds)) continue;
      if (now() > latest || (isSettled(this.#seen(), since) && mendedAt !== null)) break;
    }
    await this.#untilTcpIsDecided(since, stop);
    const until = now();
    await this.#watcher?.end();
    const sent = Number((await this.#pourer?.end()) ?? 0);
    const outcome = (await making) ?? {};
    const seen = judge(this.#seen(), outcome.beganAt ?? since, until);
    const upAt = Math.max(...(await ups));
    return {
      seen,
      outcome,
      ...(this.#inits.size === 0 ? {} : { upSeconds: upAt - since }),
      ...(this.#pourer === undefined
        ? {}
        : { pastGuard: { sent, arrived: (await poured(side)) - this.#arrived } }),
      ...(mendedAt === undefined ? {} : { mendedSeconds: mendedAt === null ? null : mendedAt - since }),
    };
  }

  async #untilTcpIsDecided(since: number, stop: AbortSignal): Promise<void> {
    const { outageSeconds } = judge(this.#seen(), since, now());
    if (outageSeconds === undefined) return;
    const end = now() + Math.min(outageSeconds, backoffSeconds) + 1;
    while (now() < end && !isTcpDecided(this.#seen(), since + outageSeconds))
      await sleep(100, undefined, { signal: stop });
  }

  #seen(): readonly Sighting[] {
    const lines = this.#lines.slice(this.#read);
    this.#read = this.#lines.length;
    this.#sightings.push(...parseSightings(lines));
    return this.#sightings;
  }
}

function makeTutorial(
  { tutorial }: Fault,
  side: Extract<Side, { name: "tutorial" }>,
): Promise<Outcome | undefined> {
  if (typeof tutorial === "string") throw new Error(`It has no counterpart: ${tutorial}`);
  return tutorial(side);
}

/** When a machine that boots has its address and its way out: earlier than anybody could log in to it. */
async function upTime(machine: string, before: number, latest: number): Promise<number> {
  while (now() < latest) {
    const init = await initPid(machine).catch(() => undefined);
    if (init !== undefined && init !== before) {
      const look =
        "ip -4 address show dev eth0 scope global | grep -q inet && ip -4 route show default | grep -q .";
      if ((await run(["nsenter", "--target", `${init}`, "--net", "--", "sh", "-c", look])).code === 0)
        return now();
    }
    await sleep(50);
  }
  throw new Error(`${machine} did not come up.`);
}
