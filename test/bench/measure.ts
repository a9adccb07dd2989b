import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { providePackages } from "../lab/hostPackages.ts";
import type { Progress } from "../lab/progress.ts";
import { endRunning, inNamespace, must } from "../lab/shell.ts";
import { designs, home, lastPorts, listForwards, targetPorts } from "./designs.ts";
import type { Design } from "./designs.ts";
import { interleave, pick } from "./interleave.ts";
import { raiseNetwork, refuseSecondRun, relayAddress, relayNamespace, removeNetwork } from "./network.ts";
import type { Findings, VariantName } from "./report.ts";
import type { Round } from "./statistics.ts";
import { measureConnections, measureStream, provideTraffic, serve } from "./traffic.ts";
import type { Connections, Door } from "./traffic.ts";

const counts = [10, 1_000, 10_000] as const;

/** Something to measure: its relay, and the file loaded there. The first one has no ruleset. */
interface Variant {
  readonly name: VariantName;
  readonly door: Door;
  readonly ruleset: { readonly design: Design; readonly count: number } | undefined;
}

const variants: readonly Variant[] = [
  { name: "routing", door: { relay: 0, address: home.ipv4, ports: targetPorts }, ruleset: undefined },
  ...designs
    .flatMap((design) => counts.map((count) => ({ design, count })))
    .map((ruleset, i): Variant => ({
      name: `${ruleset.design.name} ${ruleset.count}`,
      door: { relay: i + 1, address: relayAddress(i + 1), ports: lastPorts(ruleset.count) },
      ruleset,
    })),
];

/** How long and how often. The whole of it takes about two minutes, and one when quick. */
const thorough = { rounds: 12, loads: 5, connectSeconds: 0.3, streamSeconds: 0.4 };
const hasty = { ...thorough, rounds: 5, loads: 2 };

export async function measure(progress: Progress, stop: AbortSignal, quick: boolean): Promise<Findings> {
  const plan = quick ? hasty : thorough;
  await refuseSecondRun();
  const folder = await mkdtemp(join(tmpdir(), "home-relay-bench-"));
  try {
    const program = await progress.phase("Tools", async (detail) => {
      await providePackages(["ethtool", "iproute2", "iptables", "nftables", "procps"], detail);
      return provideTraffic();
    });
    await progress.phase(`${variants.length} relays, a client and a home`, async () => {
      await raiseNetwork(variants.length, 0);
      await Promise.all(variants.map((variant) => writeRuleset(folder, variant)));
      await serve(program);
    });
    const loadMs: Round[] = [];
    const reloadMs: Round[] = [];
    await progress.phase("Load and reload", async (detail) => {
      for (let i = 0; i < plan.loads; i++) {
        await flushAll();
        loadMs.push(await loadAll(folder, stop, detail));
        reloadMs.push(await loadAll(folder, stop, detail));
      }
    });
    // The kernel frees what was replaced behind our back.
    await sleep(1000);

    const connections = await progress.phase("New connections", (detail) =>
      interleave(
        { variants, rounds: plan.rounds, stop, detail },
        ({ door }) => measureConnections(program, door, plan.connectSeconds),
        ({ perSecond }) => perSecond,
      ),
    );
    const streams = await progress.phase("One stream", (detail) =>
      interleave(
        { variants: variants.filter(isExtreme), rounds: plan.rounds, stop, detail },
        ({ door }) => measureStream(program, door, plan.streamSeconds),
        (gbitPerSecond) => gbitPerSecond,
      ),
    );
    const part = (key: keyof Connections) => connections.rounds.map((round) => pick(round, (it) => it[key]));
    return {
      counts,
      newPerSecond: part("perSecond"),
      connectP50Us: part("connectP50Us"),
      connectP99Us: part("connectP99Us"),
      gbitPerSecond: streams.rounds,
      loadMs,
      reloadMs,
      discarded: { connections: connections.discarded, streams: streams.discarded },
      machine: await describeMachine(),
    };
  } finally {
    endRunning();
    await removeNetwork();
    await rm(folder, { recursive: true, force: true });
  }
}

/** A stream meets the same rules at every length in between. */
function isExtreme({ ruleset }: Variant): boolean {
  return ruleset?.count !== counts[1];
}

async function flushAll(): Promise<void> {
  for (const { door } of variants)
    await must(inNamespace(relayNamespace(door.relay), ["nft", "flush", "ruleset"]));
}

/** Loads every variant's file once, and says how many milliseconds each took. */
async function loadAll(folder: string, stop: AbortSignal, detail: (line: string) => void): Promise<Round> {
  const round = new Map<string, number>();
  for (const variant of variants) {
    if (variant.ruleset === undefined) continue;
    stop.throwIfAborted();
    detail(variant.name);
    const command = [...variant.ruleset.design.load, rulesetFile(folder, variant)];
    const started = performance.now();
    await must(inNamespace(relayNamespace(variant.door.relay), command));
    round.set(variant.name, performance.now() - started);
  }
  return round;
}

async function writeRuleset(folder: string, variant: Variant): Promise<void> {
  if (variant.ruleset === undefined) return;
  const { design, count } = variant.ruleset;
  await writeFile(rulesetFile(folder, variant), design.render(listForwards(count)));
}

function rulesetFile(folder: string, variant: Variant): string {
  return join(folder, variant.name.replace(" ", "-"));
}

export async function describeMachine(): Promise<string> {
  const [kernel, nft, iptables] = await Promise.all(
    [
      ["uname", "-r"],
      ["nft", "--version"],
      ["iptables", "--version"],
    ].map((command) => must(command)),
  );
  const nftVersion = /v[\d.]+/.exec(nft ?? "")?.[0] ?? "?";
  return (
    `${availableParallelism()} cores, Linux ${/^[\d.]+/.exec(kernel ?? "")?.[0] ?? "?"}, ` +
    `nft ${nftVersion}, ${iptables?.trim() ?? "?"}; all on one machine.`
  );
}
