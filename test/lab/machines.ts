import { spawn } from "node:child_process";
import { existsSync, openSync, closeSync } from "node:fs";
import { chmod, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { trustStore } from "./certificates.ts";
import { killCgroups, makeCgroups, removeCgroups } from "./cgroups.ts";
import { labPrefix } from "./labName.ts";
import { paths } from "./paths.ts";
import { run } from "./shell.ts";
import type { Result, RunOptions } from "./shell.ts";

/** A Debian machine with systemd, as systemd-nspawn boots it from a shared root. */
export interface MachineSpec {
  /** The lab's name of it, for example `home` or `server-7`. */
  readonly name: string;
  readonly hostname: string;
  /** The shared root's folder. */
  readonly root: string;
  /** The namespace and bridge that its `eth0` is plugged into. */
  readonly namespace: string;
  readonly bridge: string;
  /** The name of the host's end of its `eth0`, at most 15 characters. */
  readonly link: string;
  /** Files laid over the root before the first boot. */
  readonly files: readonly MachineFile[];
  /** Folders of this computer that the machine may read, and where it sees them. */
  readonly readable?: readonly { readonly from: string; readonly at: string }[];
  /** System calls that systemd-nspawn forbids its machines unless they are named. @default none */
  readonly systemCalls?: readonly string[];
  /** Called at each start, when the machine's `eth0` is plugged in; given its init's process id. */
  readonly onStart?: (init: number) => Promise<void>;
}

export interface MachineFile {
  /** Absolute, in the machine. */
  readonly path: string;
  readonly content: string | Buffer;
  /** 0o644 when absent. */
  readonly mode?: number;
}

/** The exit code of systemd-nspawn when the machine asked for a reboot. */
const rebootWanted = 133;

/** Supervises one machine: starts it again when it reboots, as hardware does. Lives in the lab's daemon. */
export class Machine {
  readonly name: string;
  readonly #spec: MachineSpec;
  readonly #log: (line: string) => void;
  /** Settles when the running systemd-nspawn has ended; undefined when the machine is off. */
  #ended: Promise<void> | undefined;
  /** Whether a reboot is to be followed by a start. */
  #wanted = false;
  /** Power actions happen one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(spec: MachineSpec, log: (line: string) => void) {
    this.name = spec.name;
    this.#spec = spec;
    this.#log = (line) => log(`${spec.name}: ${line}`);
  }

  /** A new machine with an empty disk over the shared root; it is off. */
  static async make(spec: MachineSpec, log: (line: string) => void): Promise<Machine> {
    const folder = rootsOf(spec.name);
    await rm(folder, { recursive: true, force: true });
    for (const name of ["upper", "work", "root"]) await mkdir(join(folder, name), { recursive: true });
    await mkdir(runOf(spec.name), { recursive: true });
    for (const file of [...spec.files, await trustStore(spec.root)]) {
      const path = join(folder, "upper", file.path);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, file.content);
      await chmod(path, file.mode ?? 0o644);
    }
    return new Machine(spec, log);
  }

  get isOn(): boolean {
    return this.#ended !== undefined;
  }

  /** Returns when the machine's init runs and its cable is plugged in; it boots from then on. */
  powerOn(): Promise<void> {
    return this.#inTurn(() => {
      this.#wanted = true;
      return this.#start();
    });
  }

  /** Pulls the plug: nothing is written, nobody is told. */
  powerOff(): Promise<void> {
    return this.#inTurn(() => {
      this.#wanted = false;
      return this.#kill();
    });
  }

  async powerCut(): Promise<void> {
    await this.powerOff();
    await this.powerOn();
  }

  /** Ends the machine and removes its disk. */
  async destroy(): Promise<void> {
    await this.powerOff();
    await killCgroups(this.name);
    await removeCgroups(this.name);
    await rm(rootsOf(this.name), { recursive: true, force: true });
    await rm(runOf(this.name), { recursive: true, force: true });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #start(): Promise<void> {
    if (this.#ended) return;
    const { name, hostname, namespace, link, root, readable = [], systemCalls = [] } = this.#spec;
    const options = [
      ...readable.map(({ from, at }) => `--bind-ro=${from}:${at}`),
      ...(systemCalls.length > 0 ? [`--system-call-filter=${systemCalls.join(" ")}`] : []),
    ];
    const cgroups = await makeCgroups(name);
    const console = openSync(join(runOf(name), "console.log"), "a");
    const child = spawn(
      join(import.meta.dirname, "start-machine.sh"),
      [`${labPrefix}${name}`, hostname, namespace, link, root, rootsOf(name), ...cgroups, "--", ...options],
      { stdio: ["ignore", console, console], detached: true },
    );
    closeSync(console);
    this.#ended = new Promise((resolve) => {
      child.on("error", (error) => this.#log(error.message));
      child.on("close", (code) => {
        this.#ended = undefined;
        this.#log(`ended with ${code ?? "a signal"}`);
        resolve();
        if (code === rebootWanted) this.#startAgain();
      });
    });
    await writeFile(join(runOf(name), "nspawn.pid"), `${child.pid ?? ""}\n`);
    await this.#plugIn();
    this.#log("started");
  }

  #startAgain(): void {
    this.#inTurn(() => (this.#wanted ? this.#start() : Promise.resolve())).catch((error: unknown) =>
      this.#log(String(error)),
    );
  }

  async #kill(): Promise<void> {
    const ended = this.#ended;
    if (!ended) return;
    const init = await initPid(this.name).catch(() => undefined);
    // systemd-nspawn alone would leave the machine running: its init takes the whole machine with it.
    if (init === undefined) await killCgroups(this.name);
    else process.kill(init, "SIGKILL");
    await ended;
  }

  /** Every boot brings a fresh `eth0`, whose other end has to be put into the bridge. */
  async #plugIn(): Promise<void> {
    const { namespace, link, bridge } = this.#spec;
    for (let tries = 0; tries < 400 && this.#ended; tries++) {
      const plugged = await run(["ip", "-n", namespace, "link", "set", link, "master", bridge, "up"]);
      if (plugged.code === 0) {
        const init = await initPid(this.name).catch(() => undefined);
        if (init !== undefined) return this.#spec.onStart?.(init);
      }
      await sleep(50);
    }
    throw new Error(`${this.name} did not start; its console is ${join(runOf(this.name), "console.log")}`);
  }
}

const runOf = (name: string) => join(paths.machineRuns, name);
const rootsOf = (name: string) => join(paths.machineRoots, name);

/** The machines that exist, on or off. */
export async function machineNames(): Promise<string[]> {
  return (await readdir(paths.machineRuns).catch(() => [])).sort();
}

/** A server of the cloud, as the lab names its machine. */
export type RelayMachine = `server-${string}`;

/** The one server that the cloud has; throws when it has none or several. */
export async function relayMachine(): Promise<RelayMachine> {
  const servers = (await machineNames()).filter((name): name is RelayMachine => name.startsWith("server-"));
  const [server] = servers;
  if (server === undefined || servers.length > 1)
    throw new Error(`The cloud has not one server but ${servers.length}: ${servers.join(", ")}`);
  return server;
}

/** The host's process id of a running machine's init; throws when the machine is off. */
export async function initPid(name: string): Promise<number> {
  const nspawn = (await readFile(join(runOf(name), "nspawn.pid"), "utf8").catch(() => "")).trim();
  // Asked for so often that a look through all processes of the host would cost more than what the checks do themselves.
  const children = await readFile(`/proc/${nspawn}/task/${nspawn}/children`, "utf8").catch(() => "");
  for (const pid of children.split(" ").filter((word) => word !== "")) {
    // Only the init is number 1 in a process namespace of its own; helpers come and go while it starts.
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
    if (/^NSpid:\t\d+\t1$/m.test(status)) return Number(pid);
  }
  throw new Error(`The machine ${name} ${existsSync(runOf(name)) ? "is off" : "does not exist"}.`);
}

/** The command, to be run inside a machine as root with a fresh environment. */
export async function inMachine(name: string, command: readonly string[]): Promise<string[]> {
  const init = await initPid(name);
  const environment = [
    "HOME=/root",
    "USER=root",
    "LANG=C.UTF-8",
    `TERM=${process.env["TERM"] ?? "dumb"}`,
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  ];
  const enter = [
    "nsenter",
    "--target",
    `${init}`,
    "--mount",
    "--uts",
    "--ipc",
    "--net",
    "--pid",
    "--no-fork",
  ];
  const clean = ["env", "--ignore-environment", "--chdir=/", ...environment];
  // The one process outside the machine's process namespace waits for the command. It is a shell because
  // nsenter's own waiting stops for ever when the machine stops its processes, and so keeps it from rebooting.
  return [...enter, "--", ...clean, "sh", "-c", '"$@"; exit $?', "sh", ...command];
}

/** The command, to be run with a machine's network and this machine's everything else. */
export async function inNetworkOf(name: string, command: readonly string[]): Promise<string[]> {
  const enter = ["nsenter", "--target", `${await initPid(name)}`, "--net", "--"];
  // What the command mounts ends with it, as it does with `ip netns exec`.
  return [...enter, "unshare", "--mount", "--propagation", "slave", "--", ...command];
}

/** Runs a command in a machine from outside, as somebody at its console. The program under test never may. */
export async function exec(
  name: string,
  command: readonly string[],
  options: RunOptions = {},
): Promise<Result> {
  return run(await inMachine(name, command), options);
}
