/**
 * `npm run status [-- --json] [ARGUMENTS OF PULUMI]`: how the stack is at this moment, on one screen or, with --json, as
 * docs/status.md describes it. Exit code: 0 all is well, 1 something is wrong, 2 it was called otherwise. It changes nothing.
 */
import { styleText } from "node:util";
import { askProgram } from "../host/askProgram.ts";
import { loginCommand } from "../host/operatorAccess.ts";
import { HostRunner, stackHosts } from "../host/stackHosts.ts";
import type { StackHost } from "../host/stackHosts.ts";
import { readStackState } from "../host/stackState.ts";
import type { StackState } from "../host/stackState.ts";
import { programCommand } from "../network/programDocument.ts";
import { parseHostStatus } from "./hostStatus.ts";
import { assembleReport } from "./report.ts";
import type { AskedHost, Gathered, ProviderAnswer } from "./report.ts";
import { renderScreen } from "./screen.ts";
import { readStackFacts } from "./stackFacts.ts";
import type { StackFacts } from "./stackFacts.ts";

const usage = `usage: npm run status [-- [--json] [--stack NAME]]
  --json        for a program; the form is described in docs/status.md
  --stack NAME  another stack than the one that is selected`;

/** Seconds for what another program asks. */
const askSeconds = 12;

async function main(args: readonly string[]): Promise<number> {
  const rest = args.filter((argument) => argument !== "--json");
  const unknown = unknownArgument(rest);
  if (unknown !== undefined) {
    console.error(unknown === "--help" || unknown === "-h" ? usage : `What is ${unknown}?\n${usage}`);
    return 2;
  }
  const state = readStackState(rest);
  const facts = readStackFacts(state.resources, state.outputs);
  if (facts === undefined) {
    console.error("Nothing of this stack was made yet. To make it:\n  pulumi up");
    return 1;
  }
  const report = assembleReport(await gather(state, facts));
  process.stdout.write(
    args.includes("--json") ? `${JSON.stringify(report, undefined, 2)}\n` : renderScreen(report, styleText),
  );
  return report.well ? 0 : 1;
}

/** The first that is neither --stack NAME nor --cwd FOLDER. */
function unknownArgument(args: readonly string[]): string | undefined {
  for (let i = 0; i < args.length; i++) {
    const argument = args[i] ?? "";
    if (/^(--stack|-s|--cwd|-C)$/.test(argument) && args[i + 1] !== undefined) i++;
    else if (!/^(--stack|--cwd)=./.test(argument)) return argument;
  }
  return undefined;
}

/** Everybody is asked at once. */
async function gather(state: StackState, facts: StackFacts): Promise<Gathered> {
  const hosts = knownHosts(state);
  const [asked, names, provider] = await Promise.all([
    Promise.all(hosts.map(askHost)),
    askNames(facts.names),
    askProvider(state, facts),
  ]);
  return {
    stack: hosts[0]?.reach.stack ?? state.stack,
    at: Date.now(),
    facts,
    hosts: asked,
    names,
    provider: provider.answer,
    providerProblem: provider.problem,
  };
}

function knownHosts(state: StackState): StackHost[] {
  try {
    return stackHosts(state);
  } catch (error) {
    console.error(`This stack was last brought up by another version of this program (${(error as Error).message}). First:
  pulumi up`);
    process.exit(1);
  }
}

const step = { script: "read-status.sh", arguments: [], timeoutSeconds: 25 };

async function askHost(host: StackHost): Promise<AskedHost> {
  const { title, isRelay, reach } = host;
  const login =
    reach.access.way === "here"
      ? "here"
      : host.secrets.loginKey === undefined
        ? loginCommand(reach.access)
        : "stack";
  const answer = await new HostRunner(host).run(step);
  if ("problem" in answer) return { title, isRelay, login, status: undefined, problem: answer.problem };
  try {
    return { title, isRelay, login, status: parseHostStatus(answer.said), problem: undefined };
  } catch (error) {
    const problem = `${title}: what it says of itself cannot be read: ${(error as Error).message}. To bring it up to date:\n  pulumi up`;
    return { title, isRelay, login, status: undefined, problem };
  }
}

async function askNames(names: readonly string[]): Promise<Gathered["names"]> {
  if (names.length === 0) return {};
  const { code, stdout } = await askProgram("dns/look-up-names.ts", { names }, "", askSeconds);
  return code === 0 ? (JSON.parse(stdout) as Gathered["names"]) : undefined;
}

/** By the token that the stack itself has, or that of the environment. */
async function askProvider(
  { resources }: StackState,
  { serverId }: StackFacts,
): Promise<{ readonly answer: ProviderAnswer | undefined; readonly problem: string | undefined }> {
  const nothing = { answer: undefined, problem: undefined };
  const access = resources.find(({ inputs }) => inputs["delete"] === strayServerProgram)?.inputs["stdin"];
  if (serverId === undefined || typeof access !== "string") return nothing;
  if ((JSON.parse(access) as { token?: string }).token === "" && !process.env["HCLOUD_TOKEN"])
    return {
      ...nothing,
      problem:
        "Its token is not in this stack's settings. With it in the environment:\n  HCLOUD_TOKEN=… npm run status",
    };
  const { code, stdout, stderr } = await askProgram(
    "hetzner/ask-server.ts",
    { id: serverId },
    access,
    askSeconds,
  );
  if (code === 0) return { answer: JSON.parse(stdout) as ProviderAnswer, problem: undefined };
  return { ...nothing, problem: stderr.trim() || `It took longer than ${askSeconds} s.` };
}

const strayServerProgram = programCommand("hetzner/find-stray-server.ts");

process.exitCode = await main(process.argv.slice(2));
