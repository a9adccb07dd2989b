/**
 * `npm run bench:change`: what one changed forward costs, in the lab, with the real engine: steps that run, SSH
 * connections, wall time beside an `up` that changes nothing, and packets lost meanwhile on a forward that did not
 * change. Rounds alternate, so that a noisy machine is as noisy for both.
 */
import { home, Operator } from "../lab/operator.ts";
import { keepBusy, shell } from "../lab/people.ts";
import type { FlowsReport } from "../lab/people.ts";
import { machineNames } from "../lab/machines.ts";
import { Progress } from "../lab/progress.ts";
import { down, up } from "../lab/world.ts";
import { spreadOf } from "./statistics.ts";

const rounds = 5;
const forwards = ["80:8080", "64738:64738/tcp+udp"];

interface Cost {
  readonly seconds: number;
  /** Names of the steps that ran, as the engine reported them. */
  readonly steps: readonly string[];
  readonly connections: { readonly relay: number; readonly home: number };
}

const progress = new Progress();
try {
  await progress.phase("A lab of its own", down);
  await up(progress);
  const operator = await Operator.withStack("bench", () => undefined);
  await operator.configure({ homes: [await home(forwards)] });
  await progress.phase("The first pulumi up", (detail) => operator.up([], { onLine: detail }));
  const relay = (await machineNames()).find((name) => name.startsWith("server-")) as `server-${number}`;
  const { ipv4Address } = await operator.outputs();

  const unchanged: Cost[] = [];
  const changed: Cost[] = [];
  const flows = await keepBusy(String(ipv4Address), 64738);
  const report: FlowsReport = await progress.phase(`${rounds} changes under load`, async (detail) => {
    for (let round = 0; round < rounds; round++) {
      detail(`round ${round + 1} of ${rounds}`);
      unchanged.push(await cost(operator, relay));
      // Alternately one more and one less.
      const added = round % 2 === 0 ? ["9000:9999"] : [];
      await operator.configure({ homes: [await home([...forwards, ...added])] });
      changed.push(await cost(operator, relay));
    }
    return flows.end();
  });
  console.log(`\n${table(unchanged, changed, report)}`);
} finally {
  await down();
}

async function cost(operator: Operator, relay: `server-${number}`): Promise<Cost> {
  const before = await logins(relay);
  const started = performance.now();
  const output = await operator.up(["--color", "never"]);
  const seconds = (performance.now() - started) / 1000;
  const after = await logins(relay);
  const steps = [...output.matchAll(/command:(?:remote|local):Command (\S+) (?:updated|created)/g)];
  return {
    seconds,
    steps: [...new Set(steps.map(([, name = ""]) => name))],
    connections: { relay: after.relay - before.relay, home: after.home - before.home },
  };
}

async function logins(relay: `server-${number}`): Promise<Cost["connections"]> {
  const count = "journalctl -u ssh -o cat --no-pager | grep -c '^Accepted' || true";
  return { relay: Number(await shell(relay, count)), home: Number(await shell("home", count)) };
}

function table(unchanged: readonly Cost[], changed: readonly Cost[], flows: FlowsReport): string {
  const seconds = (costs: readonly Cost[]) => spreadOf(costs.map((cost) => cost.seconds)).median;
  const steps = [...new Set(changed.flatMap((cost) => cost.steps))].sort();
  const most = (where: "relay" | "home") => Math.max(...changed.map((cost) => cost.connections[where]));
  const rows: readonly (readonly [string, string])[] = [
    ["steps that run", `${steps.length}: ${steps.join(", ")}`],
    ["SSH connections", `${most("relay")} to the relay, ${most("home")} to the home`],
    [
      "wall time",
      `${seconds(changed).toFixed(1)} s, ${(seconds(changed) / seconds(unchanged)).toFixed(2)} times an up that changes nothing`,
    ],
    ["new connections on an untouched forward", `${flows.connections} made, ${flows.failed.length} failed`],
    ["a TCP flow that was open all the time", flow(flows.lines)],
    ["a UDP flow that was open all the time", flow(flows.datagrams)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    "One changed forward costs",
    ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
  ].join("\n");
}

function flow({ sent, answered, alive }: FlowsReport["lines"]): string {
  return `${sent} sent, ${sent - answered} unanswered, ${alive ? "alive" : "dead"} at the end`;
}
