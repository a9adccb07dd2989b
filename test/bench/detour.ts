import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ipBatch } from "../lab/network.ts";
import { providePackages } from "../lab/hostPackages.ts";
import type { Progress } from "../lab/progress.ts";
import { endRunning, inNamespace, must } from "../lab/shell.ts";
import type { DetourFindings, DetourMeasure } from "./detourReport.ts";
import { line } from "./detourReport.ts";
import { interleave, pick } from "./interleave.ts";
import { describeMachine } from "./measure.ts";
import { refuseSecondRun, removeNetwork } from "./network.ts";
import type { Round } from "./statistics.ts";
import { provideTraffic } from "./traffic.ts";
import {
  addMachine,
  Caller,
  homeOf,
  installHomeRelay,
  oneByOne,
  publicAddress,
  raiseTunnel,
  relayOf,
  source,
  sources,
  startService,
} from "./wholePath.ts";
import type { Way } from "./wholePath.ts";

/**
 * A house and its relay:
 *   hrb-laptop ── bridge of hrb-router ── eth0 hrb-home-home-relay
 *                        line ── eth0 hrb-relay-home-relay
 * The router translates what the laptop sends to the internet; the tunnel it passes on as it is.
 */
const way: Way = { name: "home-relay", index: 0 };
const [relay, home, router, laptop] = [relayOf(way), homeOf(way), "hrb-router", "hrb-laptop"];
const inLan = { router: "192.168.1.1", home: "192.168.1.2", laptop: "192.168.1.50" } as const;
const outside = { relay: "10.60.0.1", router: "10.60.0.2" } as const;
/** The laptop has as many addresses as there are callers elsewhere: of one, the relay takes 200 connections a second. */
const ofLaptop = { net: "10.70.0.0/16", first: "10.70.0.1" } as const;

const thorough = { rounds: 12, connectSeconds: 0.3, streamSeconds: 0.3, lineSeconds: 2 };
const hasty = { ...thorough, rounds: 3 };

/** What a machine at home pays that calls a forward by its public name, against the same call by the address in the LAN. */
export async function measureDetour(
  progress: Progress,
  stop: AbortSignal,
  quick: boolean,
): Promise<DetourFindings> {
  const plan = quick ? hasty : thorough;
  await refuseSecondRun();
  await removeNetwork();
  const folder = await mkdtemp(join(tmpdir(), "home-relay-bench-"));
  try {
    const traffic = await progress.phase("Tools", async (detail) => {
      await providePackages(["ethtool", "iproute2", "nftables", "procps"], detail);
      return provideTraffic();
    });
    const from = { namespace: laptop, source: ofLaptop.first };
    const variants = [
      {
        name: "in the LAN",
        caller: new Caller(way, traffic, { ...from, address: inLan.home, port: "target" }),
      },
      {
        name: "by the relay",
        caller: new Caller(way, traffic, { ...from, address: publicAddress(way), port: "published" }),
      },
    ] as const;
    await progress.phase("A house, and its relay", async () => {
      await raiseHouse(traffic, folder);
      for (const { caller } of variants) await caller.awaitAnswer();
    });
    const measures = new Map<DetourMeasure, readonly Round[]>();
    const connections = await progress.phase("New connections", (detail) =>
      interleave(
        { variants, rounds: plan.rounds, stop, detail },
        ({ caller }) => caller.firstBytes(plan.connectSeconds, 1),
        ({ perSecond }) => perSecond,
      ),
    );
    const streams = await progress.phase("One stream", (detail) =>
      interleave(
        { variants, rounds: plan.rounds, stop, detail },
        ({ caller }) => caller.gbitPerSecond(plan.streamSeconds),
        (found) => found,
      ),
    );
    measures.set(
      "firstByteUs",
      connections.rounds.map((round) => pick(round, ({ p50Us }) => p50Us)),
    );
    measures.set(
      "processorMs",
      connections.rounds.map((round) => pick(round, ({ processorMsPer1000 }) => processorMsPer1000)),
    );
    measures.set("gbitPerSecond", streams.rounds);
    const overLine = await progress.phase("One stream over a line as houses have it", async () => {
      await limit(router, "line", line.upMbit);
      await limit(relay, "eth0", line.downMbit);
      return 1000 * (await variants[1].caller.gbitPerSecond(plan.lineSeconds));
    });
    return {
      measures,
      overLineMbit: overLine,
      discarded: connections.discarded + streams.discarded,
      machine: await describeMachine(),
    };
  } finally {
    endRunning();
    await removeNetwork();
    await rm(folder, { recursive: true, force: true });
  }
}

async function raiseHouse(traffic: string, folder: string): Promise<void> {
  for (const name of [relay, home, router, laptop]) await addMachine(name);
  await ipBatch(undefined, [
    `link add line netns ${router} type veth peer name eth0 netns ${relay}`,
    `link add to-home netns ${router} type veth peer name eth0 netns ${home}`,
    `link add to-laptop netns ${router} type veth peer name eth0 netns ${laptop}`,
  ]);
  await ipBatch(router, [
    "link add lan type bridge",
    ...["lo", "line", "to-home", "to-laptop", "lan"].map((device) => `link set ${device} up`),
    "link set to-home master lan",
    "link set to-laptop master lan",
    `addr add ${inLan.router}/24 dev lan`,
    `addr add ${outside.router}/24 dev line`,
    `route add default via ${outside.relay}`,
    `route add ${ofLaptop.net} via ${inLan.laptop}`,
  ]);
  await ipBatch(relay, [
    "link set lo up",
    "link set eth0 up",
    `addr add ${outside.relay}/24 dev eth0`,
    `addr add ${publicAddress(way)}/32 dev lo`,
    `route add default via ${outside.router}`,
  ]);
  await ipBatch(home, [
    "link set lo up",
    "link set eth0 up",
    `addr add ${inLan.home}/24 dev eth0`,
    `route add default via ${inLan.router}`,
    `route add ${ofLaptop.net} via ${inLan.laptop}`,
  ]);
  await ipBatch(laptop, [
    "link set eth0 up",
    `addr add ${inLan.laptop}/24 dev eth0`,
    `route add default via ${inLan.router}`,
    `route add local ${ofLaptop.net} dev lo`,
  ]);
  await must(inNamespace(router, ["sysctl", "--quiet", "--write", "net.ipv4.ip_forward=1"]));
  await must(inNamespace(router, ["nft", "--file", "-"]), {
    input: `table ip nat {
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "line" ip saddr ${ofLaptop.net} snat to ${source(way, 0)}-${source(way, sources - 1)}
	}
}
`,
  });
  for (const [name, device] of [
    [router, "line"],
    [router, "to-home"],
    [router, "to-laptop"],
    [relay, "eth0"],
    [home, "eth0"],
    [laptop, "eth0"],
  ] as const)
    await oneByOne(name, device);
  await startService(way, traffic);
  await raiseTunnel(way, "homerelay", { relay: outside.relay, home: inLan.home });
  await installHomeRelay(way, folder);
}

async function limit(namespace: string, device: string, mbit: number): Promise<void> {
  const bucket = ["root", "tbf", "rate", `${mbit}mbit`, "burst", "32kb", "latency", "50ms"];
  await must(inNamespace(namespace, ["tc", "qdisc", "replace", "dev", device, ...bucket]));
}
