/**
 * A relay, a home and a stranger, each in a network of its own, on which the steps of a whole program are run as its
 * engine runs them, and can be broken off at any of their commands. WireGuard, nftables and routing are real; what stands
 * in for systemd, apt and sshd lies in hosts/stand-ins/.
 */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { HomeRelay } from "../../../components/HomeRelay.ts";
import { uninstallParts } from "../../../components/host/scriptParts.ts";
import type { RawSettings } from "../../../components/settings/parseSettings.ts";
import { asWanted, homeRelayArgs } from "../../unit/componentArguments.ts";
import { documentOf, isSecret, register } from "../../unit/mockEngine.ts";
import type { Registered } from "../../unit/mockEngine.ts";
import { asRoot } from "../tool.ts";
import { apart, needTools } from "./namespaces.ts";

const components = join(__dirname, "../../../components");
const folder = join(__dirname, "hosts");

export const addresses = { relay: "198.51.100.2", home: "192.0.2.10" } as const;
export type HostName = keyof typeof addresses;
export const hostNames: readonly HostName[] = ["relay", "home"];

/** What a step runs on a host, and with what on its standard input. */
export interface HostStep {
  readonly name: string;
  readonly host: HostName;
  readonly command: string;
  readonly input: string;
}

/** The steps of a program's hosts, in the order in which they run, and those that take everything away again. */
export interface Steps {
  readonly all: readonly HostStep[];
  readonly uninstall: readonly HostStep[];
}

/** Every step that the program has for these settings; `random`: another word, other keys. */
export async function stepsOf(
  sections: Partial<RawSettings>,
  encrypted: readonly string[],
  random = "",
): Promise<Steps> {
  const outputs = Object.fromEntries(
    ["relay", "peer-nas", "peer-phone"].map((key) => [
      `home-keys-${key}`,
      { result: `random ${key}${random}` },
    ]),
  );
  const publicDns = { ...asWanted, addresses: () => Promise.resolve([addresses.relay]) };
  const args = { ...homeRelayArgs(sections, encrypted), publicDns };
  const registered = await register(() => new HomeRelay("home", args), {}, [], outputs);
  const uninstall = registered.filter(({ inputs }) => "delete" in inputs);
  return { all: inOrder(registered).flatMap(stepOf), uninstall: uninstall.map(uninstallOf) };
}

/** A step after all that it depends on. */
function inOrder(registered: readonly Registered[]): readonly Registered[] {
  const done = new Set<string>();
  const order: Registered[] = [];
  const visit = (one: Registered): void => {
    if (done.has(one.urn)) return;
    done.add(one.urn);
    for (const before of registered) if (one.dependsOn.includes(before.name)) visit(before);
    order.push(one);
  };
  registered.forEach(visit);
  return order;
}

function stepOf(one: Registered): readonly HostStep[] {
  const { create, stdin } = one.inputs;
  const text = isSecret(create) ? create.secret : create;
  const command =
    typeof text === "string"
      ? /(timeout \d+ \/\S.*|(?:timeout \d+ )?bash -s .*)$/.exec(text)?.[1]
      : undefined;
  if (command === undefined || !("access" in documentOf(one))) return [];
  const input = isSecret(stdin) ? stdin.secret : stdin;
  return [{ name: one.name, host: hostOf(one), command, input: String(input) }];
}

function uninstallOf(one: Registered): HostStep {
  const { stackId, nameOnHost, script } = documentOf(one) as Record<
    "stackId" | "nameOnHost" | "script",
    string
  >;
  const input = [...uninstallParts, script]
    .map((part) => readFileSync(join(components, part), "utf8"))
    .join("");
  return { name: one.name, host: hostOf(one), command: `bash -s ${stackId} ${nameOnHost}`, input };
}

function hostOf(one: Registered): HostName {
  const { host } = documentOf(one)["access"] as { host: string };
  return host === addresses.relay ? "relay" : "home";
}

/** At which command all of a step is sent a signal, counted from 1. */
export interface Break {
  readonly at: number;
  readonly by: "KILL" | "TERM" | "HUP";
}

export interface Ended {
  readonly status: number | null;
  /** Both outputs. */
  readonly said: string;
}

export class TwoHosts {
  readonly #holder: ChildProcess;
  readonly #pid: string;

  private constructor(holder: ChildProcess, pid: string) {
    this.#holder = holder;
    this.#pid = pid;
  }

  static async raise(): Promise<TwoHosts> {
    needTools({
      ip: "iproute2",
      nft: "nftables",
      wg: "wireguard-tools",
      "wg-quick": "wireguard-tools",
      "wireguard-go": "wireguard-go",
      ping: "iputils-ping",
      python3: "python3",
      setpriv: "util-linux",
    });
    const holder = spawn("unshare", [...apart, "bash", join(folder, "raise.sh"), join(folder, "stand-ins")], {
      stdio: ["pipe", "pipe", "inherit"],
      env,
    });
    const { done = false } = await createInterface({ input: holder.stdout })[Symbol.asyncIterator]().next();
    if (done)
      throw new Error("this machine gives no such world; run this as root, with overlay file systems");
    const task = `/proc/${holder.pid}/task/${holder.pid}/children`;
    return new TwoHosts(holder, readFileSync(task, "utf8").trim());
  }

  async end(): Promise<void> {
    const ended = once(this.#holder, "exit");
    this.#holder.stdin?.end();
    await ended;
  }

  /** Runs a step as sshd would. `reader`: what its output goes to, after which nobody reads it any more. */
  step({ host, command, input }: HostStep, { breaking, reader, trace = false }: StepOptions = {}): Ended {
    const from = `SSH_CONNECTION="203.0.113.9 5555 ${addresses[host]} 22" setsid --wait`;
    const counted =
      breaking === undefined && !trace
        ? ""
        : `: >/dev/shm/counted; export BASH_ENV=/stand-ins/kill-here kill_at=${breaking?.at ?? 0} kill_by=${breaking?.by ?? "KILL"} kill_trace=${trace ? "yes" : ""}; `;
    const read = reader === undefined ? "" : ` | ${reader}`;
    return this.run(host, `${counted}${from} ${command}${read}`, input);
  }

  /** Where each command of a step stands that it ran: `FILE:LINE`, in their order. */
  trace(step: HostStep): readonly string[] {
    this.run(step.host, "rm -f /dev/shm/places");
    const { status, said } = this.step(step, { trace: true });
    if (status !== 0) throw new Error(`${step.name} ended with ${status}:\n${said}`);
    return this.run(step.host, "cat /dev/shm/places").said.trim().split("\n");
  }

  /** Runs lines of bash on a host. */
  run(host: HostName, lines: string, input = ""): Ended {
    const root = `/run/world/${host}/root`;
    return this.#run(host, ["chroot", root, "bash", "--norc", "-c", lines], input);
  }

  /** What a host has of ours. */
  look(host: HostName): string {
    return this.run(host, "bash /stand-ins/look").said;
  }

  /** Whether a stranger gets the home's page by the relay's public address, within some seconds. */
  strangerGetsThrough(): boolean {
    const lines = `for _ in {1..6}; do
      if [ "$(timeout 3 bash -c 'exec 3<>/dev/tcp/${addresses.relay}/80 && cat <&3' 2>/dev/null)" = hello ]; then exit 0; fi
      sleep 0.5
    done; exit 1`;
    return this.#run("stranger", ["bash", "--norc", "-c", lines], "").status === 0;
  }

  /** Everything that lives in the kernel and in the memory of a host goes, and what starts at boot starts. */
  reboot(host: HostName): void {
    const lines = `if [ -x /usr/local/lib/homerelay/remember-endpoints.sh ]; then /usr/local/lib/homerelay/remember-endpoints.sh save; fi
      systemctl stop homerelay-new-keys
      ip link delete homerelay; nft flush ruleset
      for family in 4 6; do ip -$family rule flush; ip -$family rule add priority 32766 lookup main; done
      ip rule add priority 32767 lookup default
      sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
      find /run /tmp -mindepth 1 -delete
      for unit in homerelay-firewall wg-quick@homerelay homerelay-new-keys; do
        if [ -e /etc/enabled-units/$unit.service ]; then systemctl start $unit; fi
      done
      for unit in /etc/enabled-units/*.timer; do systemctl start "\${unit##*/}"; done`;
    this.run(host, lines);
  }

  #run(place: HostName | "stranger", command: readonly string[], input: string): Ended {
    const network = `--net=/proc/${this.#pid}/root/run/netns/${place}`;
    const { error, status, stdout, stderr } = spawnSync(
      "nsenter",
      [...["--target", this.#pid, "--mount", "--pid", network], ...asRoot, ...command],
      { input, encoding: "utf8", timeout: 300_000, env },
    );
    // A step that ends early leaves its document unread.
    if (error && (error as NodeJS.ErrnoException).code !== "EPIPE")
      throw new Error(`${place}: ${command.at(-1) ?? ""}: ${error.message}\n${stdout}${stderr}`);
    return { status, said: stdout + stderr };
  }
}

interface StepOptions {
  readonly breaking?: Break;
  readonly reader?: string;
  readonly trace?: boolean;
}

const env = { PATH: "/stand-ins:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };
