/** An `up` that is broken off while steps are at work: the next one finishes, and what worked goes on meanwhile. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readlink } from "node:fs/promises";
import { basename } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { addresses, namespaces } from "../addresses.ts";
import { failingUp } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { exec, inMachine } from "../machines.ts";
import { loadRules } from "../network.ts";
import { pageOf } from "../people.ts";
import type { Place } from "../people.ts";
import { inNamespace, run } from "../shell.ts";
import type { Result } from "../shell.ts";
import { until } from "../world.ts";

const lab = raiseLab({ stack: "cut", up: true });

const page = (port = 80) => pageOf(`http://${lab.published[4]}:${port}/`);
const answer = `You are ${addresses.stranger}`;
/** Each one is another change. */
let port = 100;
const nextForward = async () => {
  port++;
  await lab.operator.forward(["80:8080", `${port}:8080`]);
};

/** The next one finishes; where rules of the relay were taken back that nobody had proven, by what it says. */
async function expectToFinish(): Promise<void> {
  const { code, stdout } = await lab.operator.attempt("up");
  if (code !== 0) {
    expect(stdout).toContain("pulumi up --replace '**relay-firewall-rules'");
    await lab.operator.up(["--replace", "**relay-firewall-rules"]);
  }
  expect(await page()).toContain(answer);
  expect(await page(port)).toContain(answer);
}

/** Something else has the lock on a machine until it is let go. */
async function holdSteps(machine: Place): Promise<() => Promise<void>> {
  const [program = "", ...args] = await inMachine(machine, [
    "sh",
    "-c",
    "exec 9>>/run/homerelay.lock; flock 9; echo ready; cat >/dev/null",
  ]);
  const holder = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  await once(holder.stdout, "data");
  return async () => {
    const closed = once(holder, "close");
    holder.stdin.end();
    await closed;
  };
}

/** An `up` whose step waits on a machine. */
interface Waiting {
  readonly result: Promise<Result>;
  readonly letGo: () => Promise<void>;
  /** Processes of that `up`, by the name of their program. */
  readonly processes: ReadonlyMap<string, number>;
}

async function upThatWaits(machine: Place): Promise<Waiting> {
  const letGo = await holdSteps(machine);
  const result = lab.operator.attempt("up");
  await until("a step waits", 300, async () => expect(await waitingOn(machine)).toBe(1));
  const [cli = ""] = (await run(["pgrep", "-f", "bin/pulumi up .*--stack cut$"])).stdout
    .trim()
    .split("\n")
    .slice(-1);
  return { result, letGo, processes: await descendants(Number(cli)) };
}

const waitingOn = async (machine: Place) =>
  Number((await exec(machine, ["pgrep", "-c", "-f", "^flock -w"])).stdout);

/** A process and those below it, by their programs' names. */
async function descendants(pid: number): Promise<ReadonlyMap<string, number>> {
  const name = basename(await readlink(`/proc/${pid}/exe`).catch(() => ""));
  const { stdout } = await run(["pgrep", "--parent", String(pid)]);
  const children = stdout.split("\n").filter((line) => line !== "");
  const below = await Promise.all(children.map((child) => descendants(Number(child))));
  return new Map([...below.flatMap((one) => [...one]), [name, pid]]);
}

function kill({ processes }: Waiting, program: string): void {
  const pid = processes.get(program);
  if (pid === undefined) throw new Error(`no ${program} among ${[...processes.keys()].join(", ")}`);
  process.kill(pid, "SIGKILL");
}

const mendOperator = () => run(inNamespace(namespaces.operator, ["nft", "delete table inet cut"]));

afterEach(async () => {
  await mendOperator();
  expect(await page()).toContain(answer);
});

test("a killed pulumi leaves a lock: the next one says what to type, and the one after that finishes", async () => {
  await nextForward();
  const waiting = await upThatWaits("home");
  kill(waiting, "pulumi");
  expect((await waiting.result).code).not.toBe(0);
  expect(await page()).toContain(answer);
  expect(await failingUp(lab.operator)).toMatch(/the stack is currently locked by 1 lock.*`pulumi cancel`/);
  expect((await lab.operator.pulumi(["cancel", "--yes"])).code).toBe(0);
  await waiting.letGo();
  await expectToFinish();
});

test.each(["pulumi-language-nodejs", "pulumi-resource-command"])(
  "a killed %s ends this up, and the next one finishes",
  async (program) => {
    await nextForward();
    const waiting = await upThatWaits("home");
    kill(waiting, program);
    await waiting.letGo();
    expect((await waiting.result).code).not.toBe(0);
    await expectToFinish();
  },
);

/** The operator's machine has no network any more, and nobody is told. */
async function cutOperator(): Promise<void> {
  const chain = (hook: string, device: string) =>
    `chain ${hook} { type filter hook ${hook} priority -500; ${device} "eth0" drop; }`;
  await loadRules(
    namespaces.operator,
    `table inet cut {\n${chain("input", "iifname")}\n${chain("output", "oifname")}\n}\n`,
  );
}

test("steps whose connection is silent for long are given up at both ends, and the next up finishes", async () => {
  await nextForward();
  const { result, letGo } = await upThatWaits("home");
  await cutOperator();
  const { code, stdout } = await result;
  await letGo();
  await mendOperator();
  expect([code === 0, stdout]).toEqual([
    false,
    expect.stringMatching(
      /the connection to nas ended while a step was at work there: [^]* Then run the\n *same command again: it waits/,
    ),
  ]);
  await expectToFinish();
});
