/**
 * What people and programs do in the lab's world: knock at doors, move data, talk for long. Their programs lie in
 * people/; what they report is what was seen from where they sit.
 */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { addresses, isNamespace, namespaces, registrarPort } from "./addresses.ts";
import { inMachine, inNetworkOf } from "./machines.ts";
import { asPerson } from "./network.ts";
import { inNamespace, must, run } from "./shell.ts";
import type { Result } from "./shell.ts";

const folder = join(import.meta.dirname, "people");

/** Where somebody sits: one of the people, a machine by its name, or the container that container.sh makes at home. */
export type Place =
  | "stranger"
  | "operator"
  | "printer"
  | "laptop"
  | "phone"
  | "vpn"
  | "registrar"
  | "home"
  | "attic"
  | "vps"
  | "container"
  | `server-${string}`;

/** That container's addresses. */
export const container = { 4: "172.17.0.2", 6: "fd00:d0c::2" } as const;

/** The stranger's address that a service should see. */
export const strangerBy = { 4: addresses.stranger, 6: addresses.stranger6 } as const;

/** The home's own addresses on the internet: those of a public router and its LAN's, and those on a public card. */
export const homeOnTheInternet = {
  router: { 4: addresses.homeRouterPublic, 6: addresses.home6 },
  card: { 4: addresses.homePublic, 6: addresses.home6 },
} as const;

/** The registrar's addresses. */
export const registrarBy = { 4: addresses.registrar, 6: addresses.registrar6 } as const;

async function at(place: Place, command: readonly string[]): Promise<string[]> {
  if (place === "stranger" || place === "operator") return asPerson(place, command);
  if (isNamespace(place)) return inNamespace(namespaces[place], command);
  if (place === "container") return inMachine("home", ["nsenter", containerNetwork, "--", ...command]);
  return inMachine(place, command);
}

const containerNetwork = "--net=/run/netns/container";

/** Runs a shell command somewhere, which has to succeed; returns its output. */
export async function shell(place: Place, command: string): Promise<string> {
  return must(await at(place, ["sh", "-c", command]));
}

/** Installs Debian packages on a machine, as its owner would. */
export async function installPackages(machine: Place, packages: readonly string[]): Promise<void> {
  await shell(
    machine,
    `export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update && apt-get -qq install -y --no-install-recommends ${packages.join(" ")} >/dev/null 2>&1`,
  );
}

/** What a URL gives a stranger over HTTP or HTTPS, whoever signed the certificate; an empty text when nothing came. */
export async function pageOf(url: string, family?: 4 | 6): Promise<string> {
  const flags = ["--silent", "--insecure", "--globoff", "--max-time", "4", ...(family ? [`-${family}`] : [])];
  return (await run(asPerson("stranger", ["curl", ...flags, url]))).stdout;
}

/** The address of its client that such a page names; an empty text when none did. */
export async function clientOf(url: string): Promise<string> {
  return /You are ([0-9a-f.:]+)/.exec(await pageOf(url))?.[1] ?? "";
}

/** Runs one of the programs in people/ somewhere, to its end. */
export async function perform(place: Place, program: string, args: readonly string[]): Promise<Result> {
  const script = await readFile(join(folder, program), "utf8");
  const interpreter = program.endsWith(".py") ? ["python3", "-"] : ["sh", "-s", "--"];
  return run(await at(place, [...interpreter, ...args]), { input: script });
}

/** The same, which has to succeed; returns its output. */
export async function mustPerform(place: Place, program: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await perform(place, program, args);
  if (code !== 0)
    throw new Error(`${program} ${args.join(" ")} at ${place}: exit ${code}\n${stdout}${stderr}`);
  return stdout;
}

/** A question to a service, asked once. */
export interface Probe {
  readonly protocol: "tcp" | "udp" | "ping";
  readonly address: string;
  readonly port?: number;
  /** Latin-1. @default "hello" */
  readonly payload?: string;
  /** Where it comes from; root may forge it. @default as the kernel chooses */
  readonly from?: { readonly address?: string; readonly port?: number };
}

export const tcp = (address: string, port: number): Probe => ({ protocol: "tcp", address, port });
export const udp = (address: string, port: number): Probe => ({ protocol: "udp", address, port });
export const ping = (address: string): Probe => ({ protocol: "ping", address });

/** What came back: a line or a datagram, `(closed)`, an error like `(ECONNREFUSED)`; null when nothing did. */
export type Answer = string | null;

/** Asks all at the same time, and waits up to the given time for the answers. */
export async function knock(place: Place, probes: readonly Probe[], seconds = 3): Promise<Answer[]> {
  const questions = probes.map((probe) => JSON.stringify(probe));
  return JSON.parse(await mustPerform(place, "knock.py", [String(seconds), ...questions])) as Answer[];
}

/** What a witness saw of a question; undefined when it did not answer. */
export interface Testimony {
  readonly client: string;
  readonly clientPort: number;
  /** The witness's own port. */
  readonly port: number;
  readonly payload: string;
}

export function parseTestimony(answer: Answer | undefined): Testimony | undefined {
  const [, client, clientPort, port, payload] = /^(\S+) (\d+) (\d+) ([^]*)$/.exec(answer ?? "") ?? [];
  if (client === undefined || payload === undefined) return undefined;
  return { client, clientPort: Number(clientPort), port: Number(port), payload };
}

/** The address from which the registrar sees somebody who connects to it; undefined when nothing came back. */
export async function seenAs(place: Place, family: 4 | 6): Promise<string | undefined> {
  const [answer] = await knock(place, [tcp(registrarBy[family], registrarPort)]);
  return parseTestimony(answer)?.client;
}

/** Gives an order to a telephone of people/ that listens to it at this port; returns what it says. */
export async function order(place: Place, control: number, words: string): Promise<Answer> {
  const [answer] = await knock(place, [{ ...tcp("127.0.0.1", control), payload: words }], 5);
  return answer ?? null;
}

/** Brings one of the programs in people/ to the home or a server; returns where it lies there. */
export async function bring(machine: Place, program: string): Promise<string> {
  const path = `/opt/lab/${program}`;
  // Somebody may just be starting the one that is there.
  const place = `install -d /opt/lab; cat >${path}.next; chmod 755 ${path}.next; mv ${path}.next ${path}`;
  await must(await at(machine, ["sh", "-c", place]), {
    input: await readFile(join(folder, program), "utf8"),
  });
  return path;
}

/** Starts one of the programs in people/ as a service at home, until its next boot. */
export async function serve(
  where: "home" | "container",
  unit: string,
  program: string,
  args: readonly string[],
): Promise<void> {
  const path = await bring("home", program);
  const properties = [
    `StandardOutput=append:${logPath(unit)}`,
    ...(where === "container" ? ["NetworkNamespacePath=/run/netns/container"] : []),
  ].map((property) => `--property=${property}`);
  const command = ["systemd-run", "--quiet", `--unit=${unit}`, ...properties, "python3", "-u", path, ...args];
  await must(await at("home", command));
}

/** What a service wrote to its standard output. */
export function logOf(unit: string): Promise<string> {
  return shell("home", `cat ${logPath(unit)}`);
}

export async function emptyLogOf(unit: string): Promise<void> {
  await shell("home", `: >${logPath(unit)}`);
}

const logPath = (unit: string) => `/run/${unit}.log`;

/** A program in people/ that runs beside the check. */
export interface Running {
  /** It said that it has begun. */
  readonly begun: Promise<void>;
  /** Hands it a line on its stdin. */
  tell(line: string): void;
  /** Ends its stdin, on which some programs end; its last line, when it has ended. */
  end(): Promise<string>;
}

/**
 * Starts one of the programs in people/ somewhere. What is left of it ends with the lab. `onLine` is called with each line
 * that it says.
 */
export async function start(
  place: Place,
  program: string,
  args: readonly string[],
  onLine: (line: string) => void = () => undefined,
): Promise<Running> {
  const isMachine = place === "home" || place.startsWith("server-");
  const path = isMachine ? await bring(place, program) : join(folder, basename(program));
  return follow(program, place, await at(place, ["python3", "-u", path, ...args]), onLine);
}

/** The same, with a machine's network and this computer's files: it lives on when the machine ends. */
export async function startInNetworkOf(
  machine: string,
  program: string,
  args: readonly string[],
): Promise<Running> {
  const command = ["python3", "-u", join(folder, basename(program)), ...args];
  return follow(program, machine, await inNetworkOf(machine, command), () => undefined);
}

function follow(
  program: string,
  place: string,
  [command = "", ...rest]: readonly string[],
  onLine: (line: string) => void,
): Running {
  const child = spawn(command, rest, { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.on("error", () => undefined);
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const lines: string[] = [];
  const heard = createInterface({ input: child.stdout });
  const begun = new Promise<void>((resolve, reject) => {
    heard.on("line", (line) => {
      lines.push(line);
      onLine(line);
      if (line === "begun") resolve();
    });
    child.on("close", () => reject(new Error(`${program} ended before it had begun.\n${complaint}`)));
  });
  begun.catch(() => undefined);
  const ended = new Promise<string>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(lines.at(-1) ?? "");
      else reject(new Error(`${program} at ${place}: exit ${code ?? "by a signal"}\n${complaint}`));
    });
  });
  ended.catch(() => undefined);
  return {
    begun,
    tell: (line) => {
      child.stdin.write(`${line}\n`);
    },
    end: () => {
      child.stdin.end();
      return ended;
    },
  };
}

/** How one long-lived flow fared. */
export interface FlowReport {
  readonly sent: number;
  readonly answered: number;
  /** Whether the last thing sent was answered. */
  readonly alive: boolean;
}

/** How an echo fared that was kept busy. */
export interface FlowsReport {
  readonly connections: number;
  /** Why each of the connections that failed did. */
  readonly failed: readonly string[];
  readonly lines: FlowReport;
  readonly datagrams: FlowReport;
}

/** How the SSH doors of a machine fared while somebody knocked at them. */
export interface DoorsReport {
  /** Rounds, each a knock at every port. */
  readonly knocks: number;
  /** Rounds in which no port answered: when, in seconds, and what was heard of each port. */
  readonly unanswered: readonly (readonly (number | string)[])[];
  /** Answers by port. */
  readonly answered: Readonly<Record<string, number>>;
  /** The ports that answered in the last round. */
  readonly last: readonly string[];
}

/**
 * Knocks at SSH ports five times a second, from now until `end`. As a stranger who has many addresses: the relay, and
 * sshd as well, let nobody call that often.
 */
export async function watchDoors(
  address: string,
  ports: readonly number[],
): Promise<{ readonly end: () => Promise<DoorsReport> }> {
  const sources = { prefix: "203.0.113", first: 128, last: 191 };
  const { prefix, first, last } = sources;
  const add = 'for n in $(seq "$1" "$2"); do ip address replace "$0.$n/24" dev eth0; done';
  await must(await at("stranger", ["sh", "-c", add, prefix, `${first}`, `${last}`]));
  const running = await start("stranger", "doors.py", [
    `${prefix}.${first}-${last}`,
    address,
    ...ports.map(String),
  ]);
  await running.begun;
  return { end: async () => JSON.parse(await running.end()) as DoorsReport };
}

/** Keeps an echo busy over TCP and UDP, as a stranger or somebody else, from now until `end`. */
export async function keepBusy(
  address: string,
  port: number,
  place: Place = "stranger",
): Promise<{ readonly end: () => Promise<FlowsReport> }> {
  const running = await start(place, "flows.py", [address, String(port)]);
  await running.begun;
  return { end: async () => JSON.parse(await running.end()) as FlowsReport };
}

/** How long new connections to an echo got no answer. */
export interface Outage {
  readonly asked: number;
  readonly failed: number;
  /** The longest time in which no answer came. */
  readonly seconds: number;
  /** Whether the last question was answered. */
  readonly alive: boolean;
}

/** Asks an echo ten times a second over new TCP connections, as a stranger, from now until `end`. */
export async function measureOutage(
  host: string,
  port: number,
): Promise<{ readonly end: () => Promise<Outage> }> {
  const running = await start("stranger", "outage.py", [host, String(port)]);
  await running.begun;
  return { end: async () => JSON.parse(await running.end()) as Outage };
}
