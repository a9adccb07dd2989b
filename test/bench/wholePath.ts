import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { tunnelMark } from "../../components/network/ourNumbers.ts";
import { ipBatch } from "../lab/network.ts";
import { inNamespace, must, run } from "../lab/shell.ts";
import {
  frpConfig,
  listenPort,
  ratholeConfig,
  renderHomeRelay,
  renderTutorial,
  services,
  tunnelEnds,
} from "./rivals.ts";
import type { ProxyConfig, WayName } from "./rivals.ts";
import type { ProxyPrograms } from "./rivalPrograms.ts";

/**
 * For each way a relay and a home of its own, and one client:
 *   hrb-client ── eth0 hrb-relay-NAME line ── eth0 hrb-home-NAME
 * Between the two a tunnel, where the way has one: VXLAN over UDP, which wraps packets as WireGuard does and encrypts
 * nothing, so that encryption hides no difference. A tunnel of home-relay's is named `homerelay`, another one `wg0`.
 */
export interface Way {
  readonly name: WayName;
  /** Tells its addresses from the others'; below 100. */
  readonly index: number;
}

const client = "hrb-client";
export const relayOf = ({ name }: Way) => `hrb-relay-${name}`;
export const homeOf = ({ name }: Way) => `hrb-home-${name}`;
export const publicAddress = ({ index }: Way) => `10.50.${index}.1`;
const lineAddress = ({ index }: Way, end: "relay" | "home") => `10.60.${index}.${end === "relay" ? 1 : 2}`;
const components = join(import.meta.dirname, "../../components");

/** Callers must have addresses of the internet, else home-relay's guard lets nobody in; so many that no limit is met. */
export const sources = 512;
const sourceNet = ({ index }: Way) => `8.${100 + index}`;
export const source = (way: Way, i: number) => `${sourceNet(way)}.${(i + 1) >> 8}.${(i + 1) % 256}`;

const tunnelMtu = 1420;
const macAddress = { relay: "02:00:00:00:00:01", home: "02:00:00:00:00:02" } as const;

/** Raises the client, and all ends of the ways with what each way puts there. `folder`: for their files. */
export async function raiseWays(
  ways: readonly Way[],
  proxies: Readonly<Partial<Record<WayName, ProxyPrograms>>>,
  traffic: string,
  folder: string,
): Promise<void> {
  await must(["ip", "netns", "add", client]);
  await ipBatch(client, ["link set lo up"]);
  for (const way of ways) {
    await raiseLine(way);
    await startService(way, traffic);
    switch (way.name) {
      case "tutorial":
        await raiseTunnel(way, "wg0");
        await must(inNamespace(relayOf(way), ["sysctl", "--quiet", "--write", "net.ipv4.ip_forward=1"]));
        await must(inNamespace(relayOf(way), ["iptables-restore"]), { input: renderTutorial() });
        break;
      case "home-relay":
        await raiseTunnel(way, "homerelay");
        await installHomeRelay(way, folder);
        break;
      case "frp":
        await startProxy(way, proxies.frp, frpConfig, ["--config"], folder);
        break;
      case "rathole":
        await startProxy(way, proxies.rathole, ratholeConfig, [], folder);
        break;
    }
  }
}

async function raiseLine(way: Way): Promise<void> {
  const { index } = way;
  const [relay, home] = [relayOf(way), homeOf(way)];
  for (const name of [relay, home]) await addMachine(name);
  await ipBatch(undefined, [
    `link add to-${way.name} netns ${client} type veth peer name eth0 netns ${relay}`,
    `link add line netns ${relay} type veth peer name eth0 netns ${home}`,
  ]);
  await ipBatch(client, [
    `link set to-${way.name} up`,
    `addr add 10.50.${index}.2/24 dev to-${way.name}`,
    `route add local ${sourceNet(way)}.0.0/16 dev lo`,
  ]);
  await ipBatch(relay, [
    "link set lo up",
    "link set eth0 up",
    "link set line up",
    `addr add ${publicAddress(way)}/24 dev eth0`,
    `addr add ${lineAddress(way, "relay")}/24 dev line`,
    `route add default via 10.50.${index}.2`,
  ]);
  await ipBatch(home, [
    "link set lo up",
    "link set eth0 up",
    `addr add ${lineAddress(way, "home")}/24 dev eth0`,
    `route add default via ${lineAddress(way, "relay")}`,
  ]);
  for (const [name, device] of [
    [relay, "eth0"],
    [relay, "line"],
    [home, "eth0"],
  ] as const)
    await oneByOne(name, device);
}

export async function addMachine(name: string): Promise<void> {
  await must(["ip", "netns", "add", name]);
  // As systemd has it on Debian.
  const filter = ["all", "default"].map((which) => `net.ipv4.conf.${which}.rp_filter=2`);
  await must(inNamespace(name, ["sysctl", "--quiet", "--write", ...filter]));
}

/** Else 64 KiB would travel as one packet, and hide what a packet costs. */
export async function oneByOne(namespace: string, device: string): Promise<void> {
  await must(inNamespace(namespace, ["ethtool", "--features", device, "tso", "off"]));
}

/** `outer`: where the two ends find each other. */
export async function raiseTunnel(
  way: Way,
  device: string,
  outer = { relay: lineAddress(way, "relay"), home: lineAddress(way, "home") },
): Promise<void> {
  const others = { relay: "home", home: "relay" } as const;
  for (const end of ["relay", "home"] as const) {
    const other = others[end];
    // A packet of WireGuard's needs no neighbour; here all are known from the start.
    const beyond = [
      tunnelEnds[other],
      ...(end === "home" ? Array.from({ length: sources }, (_, i) => source(way, i)) : []),
    ];
    const namespace = end === "relay" ? relayOf(way) : homeOf(way);
    await ipBatch(namespace, [
      `link add ${device} address ${macAddress[end]} type vxlan id 1 local ${outer[end]} remote ${outer[other]} dstport ${listenPort} srcport ${listenPort} ${listenPort + 1} nolearning`,
      `link set ${device} mtu ${tunnelMtu} up`,
      `addr add ${tunnelEnds[end]}/16 dev ${device}`,
      ...beyond.map(
        (address) => `neigh add ${address} lladdr ${macAddress[other]} nud permanent dev ${device}`,
      ),
    ]);
    await oneByOne(namespace, device);
  }
  const mark = way.name === "home-relay" ? tunnelMark : "0";
  await must(inNamespace(homeOf(way), ["nft", "--file", "-"]), { input: renderWrapping(device, mark) });
}

/**
 * WireGuard gives what it sends a mark of its own, or none; VXLAN gives it the mark of the packet inside. With any mark it
 * would look for the way anew each time, which WireGuard does not: so the mark comes when the way is known. A way without
 * a mark passes the same rules.
 */
function renderWrapping(device: string, mark: string): string {
  return `table netdev wrapping {
	chain egress {
		type filter hook egress device "${device}" priority 0; policy accept;
		meta mark set 0
	}
}
table inet wrapping {
	chain output {
		type filter hook output priority raw; policy accept;
		udp dport ${listenPort} meta mark set ${mark}
	}
}
`;
}

export async function installHomeRelay(way: Way, folder: string): Promise<void> {
  const documents = renderHomeRelay(publicAddress(way));
  const [relay, home] = [relayOf(way), homeOf(way)];
  await applySettings(relay, documents.relay.sysctls, folder);
  await must(inNamespace(relay, ["nft", "--file", "-"]), { input: documents.relay.ruleset });
  await must(inNamespace(relay, ["nft", "--file", join(components, "firewall/counters.nft")]));
  await must(inNamespace(home, ["nft", "--file", "-"]), { input: documents.home.guard });
  await applySettings(home, documents.home.sysctls, folder);
  await writeFile(join(folder, "routes"), documents.home.routes);
  const script = await readFile(join(components, "tunnel/sync-routes.sh"), "utf8");
  await must(inNamespace(home, ["bash", "-s"]), {
    input: script
      .replace("wanted=/etc/homerelay/routes", `wanted=${folder}/routes`)
      .replace("in_force=/run/homerelay-routes", `in_force=${folder}/in-force`)
      .replace("/usr/local/lib/homerelay/", `${components}/tunnel/`),
  });
}

/** By kernel-settings.sh, with its files in the folder. */
async function applySettings(namespace: string, settings: string, folder: string): Promise<void> {
  await writeFile(join(folder, "settings"), settings);
  const here = async (script: string) =>
    (await readFile(join(components, "host", script), "utf8")).replace(
      /^(readonly sysctl_\w+=)\/.*\/(.*)$/gm,
      `$1${folder}/${namespace}-$2`,
    );
  const parts = await Promise.all(["paths.sh", "messages.sh", "files.sh", "kernel-settings.sh"].map(here));
  await must(inNamespace(namespace, ["bash", "-s"]), {
    input: ["set -euo pipefail", ...parts, `apply_kernel_settings ${folder}/settings`, ""].join("\n"),
  });
}

export async function startService(way: Way, traffic: string): Promise<void> {
  const { bytes, streams, echoes } = services;
  const ports = [bytes, streams, echoes].map(({ target }) => String(target));
  await new Promise<void>((ready, failed) => {
    run(inNamespace(homeOf(way), [traffic, "serve", "0.0.0.0", ...ports]), {
      timeoutMs: 3_600_000,
      onLine: () => ready(),
    }).then(({ stderr }) => failed(new Error(`The service at home ended: ${stderr}`)), failed);
  });
}

/** With the rank and the core of the client and the service, and ending with this program. */
const asTraffic = ["setpriv", "--pdeathsig", "KILL", "taskset", "--cpu-list", "0", "chrt", "--fifo", "1"];

async function startProxy(
  way: Way,
  programs: ProxyPrograms | undefined,
  config: ProxyConfig,
  options: readonly string[],
  folder: string,
): Promise<void> {
  if (programs === undefined || "missing" in programs) throw new Error(`There is no ${way.name}.`);
  const start = async (end: "relay" | "home", text: string) => {
    const file = join(folder, `${way.name}-${end}.toml`);
    await writeFile(file, text);
    const command = [...asTraffic, programs[end], ...options, file];
    void run(inNamespace(end === "relay" ? relayOf(way) : homeOf(way), command), { timeoutMs: 3_600_000 });
  };
  await start("relay", config.relay);
  await sleep(500);
  await start("home", config.home(lineAddress(way, "relay")));
}

/** What the client finds at a relay. */
export interface FirstBytes {
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Of all that is under way: client, service, proxies, and the kernel in their name. */
  readonly processorMsPer1000: number;
}

/** From where a way is called, and how. */
export interface Door {
  readonly namespace: string;
  /** The first of the addresses that it is called from. */
  readonly source: string;
  readonly address: string;
  readonly port: "published" | "target";
}

/** The client's side of one way. */
export class Caller {
  readonly #way: Way;
  readonly #traffic: string;
  readonly #door: Door;

  constructor(way: Way, traffic: string, door: Door = publicDoor(way)) {
    this.#way = way;
    this.#traffic = traffic;
    this.#door = door;
  }

  async firstBytes(seconds: number, atOnce: number): Promise<FirstBytes> {
    const pids = [
      ...(await pidsIn(relayOf(this.#way))),
      ...(await pidsIn(homeOf(this.#way))),
      await softirqThread(),
    ];
    const args = [sources, seconds, atOnce, ...pids];
    return JSON.parse(await this.#call("first-byte", services.bytes, args)) as FirstBytes;
  }

  async gbitPerSecond(seconds: number): Promise<number> {
    const answer = await this.#call("stream", services.streams, [seconds]);
    return (JSON.parse(answer) as { gbitPerSecond: number }).gbitPerSecond;
  }

  async echoesPerSecond(seconds: number): Promise<number> {
    const answer = await this.#call("echo", services.echoes, [seconds]);
    return (JSON.parse(answer) as { echoesPerSecond: number }).echoesPerSecond;
  }

  /** A proxy takes a moment until both its ends have found each other. */
  async awaitAnswer(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.firstBytes(0.01, 1);
        await this.echoesPerSecond(0.01);
        return;
      } catch (error) {
        if (attempt === 30) throw error;
        await sleep(500);
      }
    }
  }

  #call(verb: string, service: Service, args: readonly (string | number)[]): Promise<string> {
    const { namespace, source, address, port } = this.#door;
    const words = [verb, address, service[port], source, ...args].map(String);
    return must(inNamespace(namespace, [this.#traffic, ...words]));
  }
}

type Service = (typeof services)[keyof typeof services];

function publicDoor(way: Way): Door {
  return { namespace: client, source: source(way, 0), address: publicAddress(way), port: "published" };
}

async function pidsIn(namespace: string): Promise<string[]> {
  return (await must(["ip", "netns", "pids", namespace])).split("\n").filter((pid) => pid !== "");
}

/** The kernel's thread that does on the measured core what processes leave undone. */
async function softirqThread(): Promise<string> {
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
    if (name === "ksoftirqd/0\n") return pid;
  }
  throw new Error("There is no ksoftirqd/0 to be seen.");
}
