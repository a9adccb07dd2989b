import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";
import { parse } from "yaml";
import { isNamespace, namespaces } from "./addresses.ts";
import { addMachine, power } from "./control.ts";
import { demo } from "./demo.ts";
import { inMachine, machineNames } from "./machines.ts";
import { asPerson, renumber } from "./network.ts";
import { checkout, Operator } from "./operator.ts";
import { Progress } from "./progress.ts";
import { raiseWorld } from "./raiseWorld.ts";
import { provideRoot } from "./root.ts";
import { inNamespace } from "./shell.ts";
import type { World } from "./worldOptions.ts";
import { down, status } from "./world.ts";

/** A verb of `npm run lab --`; what it returns is the exit code, 0 when nothing. */
interface Verb {
  readonly usage: string;
  readonly help: string;
  readonly run: (args: readonly string[]) => Promise<number | undefined>;
}

/** How each option of a world is written on a command line, in YAML: the words that it may be, or an example. */
const writings: Readonly<Record<keyof World, readonly string[]>> = {
  homeSuite: ["trixie", "bookworm"],
  homeIpv6: ["native", "none", "off"],
  router: ["'{publicAddress: true, hairpin: true, forwards: [{protocol: tcp, port: 8080, to: home}]}'"],
  homeAddress: ["public", "private"],
  blockedPorts: ["'[25]'"],
  images: ["'[debian-12]'"],
  machines: ["'[{name: attic}]'"],
  packages: ["'{home: [ufw]}'"],
  strange: ["'{home: [fishShell]}'"],
  vpn: ["up", "down"],
  docker: ["'{attic: {}}'"],
  container: ["'{home: [9082:9082/tcp]}'"],
};

function worldExamples(): string {
  return Object.entries(writings)
    .map(([option, values]) => `        ${option}=${values.join("|")}`)
    .join("\n");
}

/** The world that a command line declares. Of what is no single word only `raiseWorld` finds out whether it can be. */
function readWorld(options: readonly string[]): World {
  const pairs = options.map((option): [string, unknown] => {
    const [name = "", text = ""] = option.split(/=(.*)/s);
    const value: unknown = parse(text);
    const possible = Object.hasOwn(writings, name) ? writings[name as keyof World] : [];
    const isStructure = typeof value === "object" && value !== null && possible.length > 0;
    if (!isStructure && !possible.includes(text))
      throw new Error(`up ${option}: no such option; there are\n${worldExamples()}`);
    return [name, value];
  });
  return Object.fromEntries(pairs);
}

const verbs: Readonly<Record<string, Verb>> = {
  demo: {
    usage: "demo [down]",
    help: "the whole path, once: a world, `pulumi up`, and a stranger who reaches the home by name",
    run: async ([what]) => {
      if (what === "down") return verbs["down"]?.run([]);
      if (what !== undefined) throw new Error(`demo ${what}: there is only "demo" and "demo down"`);
      await demo();
      return 0;
    },
  },
  up: {
    usage: "up [option=value…]",
    help: `raise the lab, or find it up already; in another world than the usual one:\n${worldExamples()}`,
    run: async (options) => {
      const world = readWorld(options);
      if (options.length > 0 && (await status()).healthy)
        throw new Error("The lab is up, and its world stays as it is: first npm run lab -- down");
      await raiseWorld(world, new Progress());
      return show();
    },
  },
  down: {
    usage: "down",
    help: "end it and remove all of it but the cache",
    run: async () => {
      await new Progress().phase("Remove the lab", down);
      return 0;
    },
  },
  status: { usage: "status", help: "what runs; exit code 1 when the lab is not up", run: show },
  sh: {
    usage: "sh <home|relay|…> [command…]",
    help: `a shell or a command there: at home, attic, vps, relay, ${Object.keys(namespaces).join(", ")}`,
    run: ([where = "", ...command]) => shell(where, command),
  },
  add: {
    usage: "add <attic|vps>",
    help: "a second server at home, or a VPS that no cloud knows",
    run: async ([name]) => {
      if (name !== "attic" && name !== "vps") throw new Error("add: attic or vps?");
      await addMachine({ name });
      return 0;
    },
  },
  renumber: {
    usage: "renumber",
    help: "give the CGNAT another outside address",
    run: async () => {
      console.log(`The internet now sees the home as ${await renumber()}`);
      return 0;
    },
  },
  "power-cut": {
    usage: "power-cut <home|relay>",
    help: "pull a machine's plug and put it back",
    run: async ([machine = ""]) => {
      await power(await machineName(machine), "power-cut");
      return 0;
    },
  },
  pulumi: {
    usage: "pulumi <arguments>",
    help: "what the operator would type, on the demo's stack",
    run: pulumi,
  },
  root: {
    usage: "root <trixie|bookworm>",
    help: "build the system of a suite into the cache",
    run: async ([suite]) => {
      if (suite !== "trixie" && suite !== "bookworm") throw new Error("root: trixie or bookworm?");
      await new Progress().phase(`A Debian ${suite}`, (detail) => provideRoot(suite, detail));
      return 0;
    },
  },
};

async function show(): Promise<number> {
  const { healthy, remains, machines, homeSeenAs } = await status();
  if (!healthy) {
    console.log(remains ? "The lab is not up; something of an earlier one is left." : "The lab is not up.");
    return 1;
  }
  console.log(`The lab is up; the internet sees the home as ${homeSeenAs ?? "nobody"}`);
  for (const machine of machines) console.log(`  ${machine.name}  ${machine.on ? "on" : "off"}`);
  return 0;
}

async function shell(where: string, command: readonly string[]): Promise<number> {
  const wanted = command.length > 0 ? command : ["bash", "-l"];
  const [program = "", ...args] = await placed(where, wanted);
  const child = spawn(program, args, { stdio: "inherit" });
  // The shell has the terminal and answers Ctrl-C by itself.
  process.on("SIGINT", () => undefined);
  return exitCode(child);
}

function exitCode(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

async function pulumi(command: readonly string[]): Promise<number> {
  if (!(await status()).healthy) throw new Error("The lab is not up: npm run demo");
  const operator = await Operator.withStack("demo", console.log);
  const [program = "", ...args] = asPerson("operator", ["pulumi", ...command, "--stack", operator.stack]);
  const child = spawn(program, args, { stdio: "inherit", cwd: checkout, env: operator.environment() });
  process.on("SIGINT", () => undefined);
  return exitCode(child);
}

async function placed(where: string, command: readonly string[]): Promise<string[]> {
  switch (where) {
    case "stranger":
    case "operator":
      return asPerson(where, command);
    default:
      return isNamespace(where)
        ? inNamespace(namespaces[where], command)
        : inMachine(await machineName(where), command);
  }
}

/** `relay` is the newest server; other names stand for themselves. */
async function machineName(given: string): Promise<string> {
  const names = await machineNames();
  const numberOf = (name: string) => Number(/^server-(\d+)$/.exec(name)?.[1] ?? -1);
  const newest = names.filter((name) => numberOf(name) >= 0).sort((a, b) => numberOf(b) - numberOf(a))[0];
  const name = given === "relay" ? newest : names.find((it) => it === given);
  if (name !== undefined) return name;
  throw new Error(`There is no "${given}" in the lab; its machines are: ${names.join(", ") || "none"}.`);
}

function help(): void {
  const rows = Object.values(verbs);
  console.log("npm run lab -- <verb>\n");
  for (const { usage, help: line } of rows) console.log(`  ${usage}\n      ${line}`);
}

const [name = "help", ...args] = process.argv.slice(2);
const verb = verbs[name];
if (verb === undefined) {
  help();
  process.exitCode = name === "help" ? 0 : 2;
} else {
  try {
    process.exitCode = (await verb.run(args)) ?? 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
