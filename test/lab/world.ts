import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { addresses, namespaces } from "./addresses.ts";
import { makeAuthority } from "./certificates.ts";
import { killCgroups, removeCgroups } from "./cgroups.ts";
import { machines } from "./control.ts";
import type { MachineStatus } from "./control.ts";
import { prepareHost, refuseUnfitHost } from "./hostPackages.ts";
import { asPerson, homeAddressOutside, raisedNamespaces, raiseNetwork, removeNetwork } from "./network.ts";
import type { HomeNetwork } from "./homeLine.ts";
import { paths } from "./paths.ts";
import { makeOperatorKey } from "./plainMachines.ts";
import type { HomeMachine, PlainMachine } from "./plainMachines.ts";
import { readPidFile, writePidFile } from "./pidFile.ts";
import type { Progress } from "./progress.ts";
import { provideRoot } from "./root.ts";
import { endRunning, inNamespace, must, run } from "./shell.ts";

export interface Status {
  /** Whether the lab is up as a whole: a second `up` has nothing to do. */
  readonly healthy: boolean;
  /** Whether anything of a lab is there. */
  readonly remains: boolean;
  readonly machines: readonly MachineStatus[];
  /** The IPv4 address that the internet sees for the home's line just now. */
  readonly homeSeenAs: string | undefined;
}

/** How a lab's home differs from the usual one. */
export interface HomeWorld {
  readonly machine?: HomeMachine;
  readonly network?: HomeNetwork;
}

/**
 * Raises the lab, or finds it up already, whatever its home is. Cleans up what a crashed one left; Ctrl-C cleans up as
 * well.
 */
export async function up(progress: Progress, home: HomeWorld = {}): Promise<void> {
  refuseUnfitHost();
  const before = await status();
  if (before.healthy) return;
  await refuseDuringAnotherUp();
  if (before.remains) await progress.phase("Remove what an earlier lab left", sweep);

  let interruption: Promise<never> | undefined;
  const interrupt = () => {
    interruption ??= abandon();
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, interrupt);
  try {
    await raise(progress, home);
  } catch (error) {
    await interruption;
    throw error;
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}

async function raise(progress: Progress, { machine = {}, network = {} }: HomeWorld): Promise<void> {
  await mkdir(paths.run, { recursive: true });
  await writePidFile(paths.upPid, process.pid);
  await progress.phase("Tools of the host", prepareHost);
  await progress.phase("A Debian 13 system for the machines", (detail) => provideRoot("trixie", detail));
  await progress.phase("Internet, CGNAT and home network", () => raiseNetwork(network));
  await progress.phase("Cloud, package mirror and the server at home", async (detail) => {
    await makeOperatorKey();
    await makeAuthority();
    await writeFile(paths.cloudToken, randomBytes(32).toString("hex"), { mode: 0o600 });
    const { ended } = await startDaemon(machine);
    await Promise.race([ended, until("the lab's daemon answers", 30, () => machines())]);
    detail("the home boots");
    await until("the home's page answers", 60, () => must(asPerson("operator", pageOfHome)));
    await untilSshAnswers("home");
  });
  await writeFile(paths.ready, "");
  await rm(paths.upPid);
}

const pageOfHome = ["curl", "--silent", "--fail", "--max-time", "2", `http://${addresses.home}:8080/`];

async function abandon(): Promise<never> {
  process.stdout.write("\nInterrupted: cleaning up\n");
  endRunning();
  await sweep();
  process.exit(130);
}

/** Ends the lab and removes all of it but the cache; whatever state it is in. */
export async function down(): Promise<void> {
  refuseUnfitHost();
  await refuseDuringAnotherUp();
  await sweep();
}

/** What is there of the lab, and whether it is whole. */
export async function status(): Promise<Status> {
  const raised = await raisedNamespaces();
  const supervised = await machines().catch(() => []);
  const whole = raised.length === Object.keys(namespaces).length && existsSync(paths.ready);
  return {
    healthy: whole && supervised.length > 0,
    remains: raised.length > 0 || existsSync(paths.run) || existsSync(paths.state),
    machines: supervised,
    homeSeenAs: raised.includes(namespaces.cgnat)
      ? await homeAddressOutside().catch(() => undefined)
      : undefined,
  };
}

/** An SSH command line with the operator's key, as one of the people runs it. The host key is not checked. */
export function ssh(
  person: "stranger" | "operator",
  address: string,
  command: readonly string[],
  user = "root",
): string[] {
  const options = {
    BatchMode: "yes",
    ConnectTimeout: "5",
    IdentitiesOnly: "yes",
    LogLevel: "ERROR",
    StrictHostKeyChecking: "no",
    UserKnownHostsFile: "/dev/null",
  };
  const flags = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  return asPerson(person, ["ssh", "-i", paths.operatorKey, ...flags, `${user}@${address}`, ...command]);
}

/** Waits until a machine lets the operator in. */
export async function untilSshAnswers(machine: PlainMachine): Promise<void> {
  await until(`SSH of ${machine} answers`, 120, () => must(ssh("operator", addresses[machine], ["true"])));
}

/** Tries until it does not throw; after the given time throws what the last try said. */
export async function until<T>(what: string, seconds: number, attempt: () => Promise<T>): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) {
        throw new Error(`Not so within ${seconds} s: ${what}. Logs are in ${paths.run}.\n${String(error)}`, {
          cause: error,
        });
      }
      await sleep(200);
    }
  }
}

/** Starts it in the internet's namespace. `ended` rejects with its log when it ends. */
async function startDaemon(home: HomeMachine): Promise<{ readonly ended: Promise<never> }> {
  const log = openSync(paths.daemonLog, "a", 0o600);
  const [program = "", ...args] = inNamespace(namespaces.internet, [
    process.execPath,
    join(import.meta.dirname, "daemon.ts"),
    JSON.stringify(home),
  ]);
  const child = spawn(program, args, { stdio: ["ignore", log, log], detached: true });
  closeSync(log);
  await new Promise((resolve, reject) => child.on("spawn", resolve).on("error", reject));
  if (child.pid !== undefined) await writePidFile(paths.daemonPid, child.pid);
  child.unref();
  const ended = new Promise<never>((_, reject) => {
    child.on("exit", () =>
      reject(new Error(`The lab's daemon ended:\n${readFileSync(paths.daemonLog, "utf8")}`)),
    );
  });
  // It may end long after anybody waits for it.
  ended.catch(() => undefined);
  return { ended };
}

async function refuseDuringAnotherUp(): Promise<void> {
  const other = await readPidFile(paths.upPid);
  if (other !== undefined && other !== process.pid) {
    throw new Error(`Another process (${other}) is raising the lab just now: wait for it or end it.`);
  }
}

/** By id or name, in the order in which nothing comes back: supervisor, machines, people, network, files. */
async function sweep(): Promise<void> {
  const daemon = await readPidFile(paths.daemonPid);
  if (daemon !== undefined) process.kill(daemon, "SIGKILL");
  await killCgroups();
  await removeCgroups();
  for (const namespace of await raisedNamespaces()) {
    const { stdout } = await run(["ip", "netns", "pids", namespace]);
    const others = stdout.split("\n").filter((pid) => pid !== "" && Number(pid) !== process.pid);
    if (others.length > 0) await run(["kill", "-KILL", ...others]);
  }
  await removeNetwork();
  await rm(paths.state, { recursive: true, force: true });
  await rm(paths.run, { recursive: true, force: true });
}

/** The API token of the stand-in cloud. */
export async function cloudToken(): Promise<string> {
  return readFile(paths.cloudToken, "utf8");
}
