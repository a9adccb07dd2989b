import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { cloudRequests, deleteServersByHand, forgetCloudRequests, inCloud } from "../cloudByHand.ts";
import { controlCloud, power } from "../control.ts";
import { failingDestroy, failingUp, secondUp } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { exec, inMachine, relayMachine } from "../machines.ts";
import type { RelayMachine } from "../machines.ts";
import { home } from "../operator.ts";
import { pageOf, shell } from "../people.ts";
import { tracesOn } from "../traces.ts";
import { until, untilSshAnswers } from "../world.ts";

type HomeMachine = "home" | "attic";

/** What a program could have left on each home, before the first step there. */
let traces: Record<HomeMachine, string>;

const lab = raiseLab({
  stack: "goodbye",
  machines: [{ name: "attic" }],
  before: async () => {
    traces = { home: await tracesOn("home"), attic: await tracesOn("attic") };
  },
});

async function configureOneHome(): Promise<void> {
  await lab.operator.forward(["80:8080"]);
}

async function configureTwoHomes(): Promise<void> {
  await lab.operator.configure({ homes: [await home(["80:8080"]), await home(["81:8080"], "attic")] });
}

async function page(port = 80): Promise<string> {
  return pageOf(`http://${(await lab.operator.published())[4]}:${port}/`);
}

const answer = `You are ${addresses.stranger}`;

async function expectNothingInCloud(): Promise<void> {
  expect(Object.values(await inCloud()).flat()).toEqual([]);
}

async function expectEmptyStack(): Promise<void> {
  const { deployment } = JSON.parse(await exported()) as { deployment: { resources?: unknown[] } };
  expect(deployment.resources ?? []).toEqual([]);
}

const exported = async () => (await lab.operator.pulumi(["stack", "export"])).stdout;

async function expectNothingLeft(): Promise<void> {
  await expectNothingInCloud();
  await expectEmptyStack();
  expect(await tracesOn("home")).toBe(traces.home);
  expect(await tracesOn("attic")).toBe(traces.attic);
}

describe("after a first up that failed half-way, destroy leaves both ends clean", () => {
  test("the home's apt found no mirror", async () => {
    await shell("home", "sed -i s/203.0.113.90/203.0.113.91/ /etc/apt/sources.list");
    await configureOneHome();
    expect(await failingUp(lab.operator)).toMatch(
      /command:local:Command \(home-nas-reach\):[^]*- It needs packages that apt cannot install there: nftables/,
    );
    await shell("home", "sed -i s/203.0.113.91/203.0.113.90/ /etc/apt/sources.list");
    await lab.operator.destroy();
    await expectNothingLeft();
  });

  test("the home's guard could not be finished", async () => {
    await configureOneHome();
    await shell("home", "mount --bind /etc/sysctl.d /etc/sysctl.d && mount -o remount,bind,ro /etc/sysctl.d");
    expect(await failingUp(lab.operator)).toContain("Read-only file system");
    expect(await shell("home", "nft list tables")).toContain("inet homerelay");
    await shell("home", "umount /etc/sysctl.d");
    await lab.operator.destroy();
    await expectNothingLeft();
  });

  test("the relay took its rules back", async () => {
    const relay = { adminCidrs: ["192.0.2.99/32"] };
    await lab.operator.configure({ relay, homes: [await home(["80:8080"])] });
    expect(await failingUp(lab.operator)).toContain("The new rules leave out");
    await lab.operator.destroy();
    await expectNothingLeft();
  });
});

/** `pulumi up`, with Ctrl-C pressed so often as soon as `moment` is true; then something may be let go. */
async function upInterrupted(
  times: 1 | 2,
  moment: (output: string) => unknown,
  letGo: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  let interrupt: () => void = () => undefined;
  let output = "";
  let ended = false;
  const result = lab.operator
    .attempt("up", [], {
      onStart: (it) => (interrupt = it),
      onLine: (line) => (output += `${line}\n`),
    })
    .finally(() => (ended = true));
  await until("the moment for Ctrl-C", 120, async () => {
    if (ended) throw new Error(`up ended before: ${output}`);
    if (!(await moment(output))) throw new Error(output);
  });
  interrupt();
  await until("pulumi notices", 60, () =>
    output.includes("press ^C again") ? Promise.resolve() : Promise.reject(new Error(output)),
  );
  if (times === 2) interrupt();
  await letGo();
  expect((await result).code).not.toBe(0);
}

async function serverIsBeingMade(): Promise<boolean> {
  const requests = await cloudRequests();
  return requests.some(({ method, path }) => method === "POST" && path === "/v1/servers");
}

/**
 * Holds every step up that comes to the home after it was prepared: something else has the lock there. Returns how to
 * let go of it.
 */
async function holdSteps(): Promise<() => Promise<void>> {
  const prepared = "until [ -e /usr/local/lib/homerelay/apply-guard.sh ]; do sleep 0.05; done";
  const hold = `echo ready; ${prepared}; exec 9>/run/homerelay.lock; flock 9; cat >/dev/null`;
  const [program = "", ...args] = await inMachine("home", ["sh", "-c", hold]);
  const holder = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  await once(holder.stdout, "data");
  return async () => {
    const closed = once(holder, "close");
    holder.stdin.end();
    await closed;
  };
}

/** How many steps and cleanings wait at home for the lock. */
const waitingAtHome = async () => Number((await exec("home", ["pgrep", "-c", "-f", "^flock -w"])).stdout);

/** Forgets what the engine began and did not see end. */
const refresh = () =>
  lab.operator.pulumi(["refresh", "--yes", "--skip-preview", "--non-interactive", "--clear-pending-creates"]);

const whileStepsWait = async (output: string) =>
  output.includes("home-relay-server created") && (await waitingAtHome()) === 2;

describe("after Ctrl-C in the middle of up", () => {
  afterEach(async () => {
    await controlCloud({ reset: "faults" });
    await forgetCloudRequests();
  });

  test("once, while the server is being made: destroy leaves nothing", async () => {
    await configureOneHome();
    await forgetCloudRequests();
    await controlCloud({ set: { actionPolls: 100 } });
    await upInterrupted(1, serverIsBeingMade);
    await controlCloud({ reset: "faults" });
    expect((await inCloud())["servers"]).toHaveLength(1);
    await lab.operator.destroy();
    await expectNothingLeft();
  });

  test.each([1, 2] as const)("%d times, while the relay is prepared: the next up finishes", async (times) => {
    await configureOneHome();
    await upInterrupted(times, (output) => output.includes("home-relay-prepare creating"));
    await lab.operator.up();
    expect(await page()).toContain(answer);
    await lab.operator.destroy();
    await expectNothingLeft();
  });

  test("once, while steps wait at home: they end, and destroy leaves nothing", async () => {
    await configureOneHome();
    const letGo = await holdSteps();
    await upInterrupted(1, whileStepsWait, letGo);
    await lab.operator.destroy();
    await expectNothingLeft();
  });

  test("twice, while steps wait at home: they go on there, and destroy leaves nothing", async () => {
    await configureOneHome();
    const letGo = await holdSteps();
    await upInterrupted(2, whileStepsWait);
    const destroyed = lab.operator.destroy();
    await until("the cleaning waits too", 120, async () => expect(await waitingAtHome()).toBe(3)).finally(
      letGo,
    );
    await destroyed;
    await until("no step is left at home", 120, async () =>
      expect((await exec("home", ["pgrep", "-f", "homerelay/[a-z-]+[.]sh"])).stdout).toBe(""),
    );
    await expectNothingLeft();
  });

  test("twice, while the server is being made: the next up and destroy name it until it is removed", async () => {
    await configureOneHome();
    await forgetCloudRequests();
    await controlCloud({ set: { actionPolls: 500 } });
    await upInterrupted(2, serverIsBeingMade);
    await controlCloud({ reset: "faults" });

    expect(await failingUp(lab.operator)).toContain("server name is already used");
    const [server] = (await inCloud())["servers"] ?? [];
    const named = `still has a server home-relay-goodbye (number ${server?.id ?? 0})`;
    expect(await failingDestroy(lab.operator)).toContain(named);
    expect(await failingDestroy(lab.operator, ["--refresh"])).toContain(named);
    expect((await inCloud())["servers"]).toHaveLength(1);

    await deleteServersByHand();
    await lab.operator.destroy();
    await expectNothingLeft();

    expect(await exported()).toContain("pending_operations");
    expect((await refresh()).code).toBe(0);
    expect(await exported()).not.toContain("pending_operations");
  });
});

describe("a stack with two homes", () => {
  beforeAll(async () => {
    await configureTwoHomes();
    await lab.operator.up();
  });

  test("keeps a second pulumi out while the first one works, and says what to do", async () => {
    const letGo = await holdSteps();
    await lab.operator.configure({ homes: [await home(["82:8080"]), await home(["81:8080"], "attic")] });
    const first = lab.operator.up();
    await until("a step waits at home", 120, async () => expect(await waitingAtHome()).toBe(1));
    const said = await secondUp(lab.operator);
    await letGo();
    await first;
    expect(said).toContain("the stack is currently locked by 1 lock(s)");
    expect(said).toContain("pulumi cancel");
    await configureTwoHomes();
    await lab.operator.up();
    expect(await page(81)).toContain(answer);
  });

  test("what was changed by hand in the tables of both ends is put right, at the latest by running their steps again", async () => {
    const relay = await relayMachine();
    // Without what the sets of meters remember of callers.
    const rules = async (machine: "home" | RelayMachine) =>
      (await shell(machine, "nft -s -nn list table inet homerelay")).replaceAll(
        /(flags dynamic[^}]*?)\n\t\telements = \{[^}]*\}/g,
        "$1",
      );
    const before = [await rules("home"), await rules(relay)];
    // Nobody else may change a table that is held. The timer is started again by the tunnel, and may be the first to mend.
    const alone = "systemctl stop homerelay-mend.timer homerelay-mend.service homerelay-table.socket";
    await shell("home", `${alone} && nft insert rule inet homerelay from_relay drop`);
    await shell(
      relay,
      `${alone} && ` +
        "nft delete element inet homerelay forwards4 '{ tcp . 80 }'; nft flush chain inet homerelay forward",
    );

    await lab.operator.up(["--replace", "**nas-guard", "--replace", "**relay-firewall-rules"]);

    expect([await rules("home"), await rules(relay)]).toEqual(before);
    expect(await page()).toContain(answer);
  });

  test("gets a server back that somebody deleted, by `up --refresh`, at the same address", async () => {
    const address = (await lab.operator.outputs())["ipv4Address"];
    await deleteServersByHand();
    expect(await page()).toBe("");
    await lab.operator.up(["--refresh"]);
    expect((await lab.operator.outputs())["ipv4Address"]).toBe(address);
    expect([await page(80), await page(81)]).toEqual([
      expect.stringContaining(answer),
      expect.stringContaining(answer),
    ]);
  });

  describe("with both homes off", () => {
    beforeAll(() => Promise.all([power("home", "power-off"), power("attic", "power-off")]));

    test("is destroyed but for the homes: nothing is billed, and both are named with how to finish", async () => {
      const diagnostics = await failingDestroy(lab.operator);
      await expectNothingInCloud();
      for (const name of ["nas", "attic"]) {
        const address = addresses[name === "nas" ? "home" : "attic"];
        expect(diagnostics).toContain(`${name} (${address} port 22) was not cleaned: ssh: connect to host`);
        expect(diagnostics).toContain(
          `To finish when ${name} is back, run the same command again: pulumi destroy`,
        );
      }
    });

    test("is destroyed further when one is back, and the other is still named", async () => {
      await power("attic", "power-on");
      await untilSshAnswers("attic");
      const diagnostics = await failingDestroy(lab.operator);
      expect(diagnostics).toContain("nas (192.168.1.10 port 22) was not cleaned");
      expect(diagnostics).not.toContain("attic (");
      expect(await tracesOn("attic")).toBe(traces.attic);
    });

    test("and is gone with no trace when the other is back", async () => {
      await power("home", "power-on");
      await untilSshAnswers("home");
      await lab.operator.destroy();
      await expectNothingLeft();
    });
  });
});

describe("a stack whose server somebody deleted", () => {
  beforeAll(async () => {
    await configureTwoHomes();
    await lab.operator.up();
    await deleteServersByHand();
  });

  test("is not destroyed by a plain destroy, which says so", async () => {
    expect(await failingDestroy(lab.operator)).toContain("server not found");
  });

  test("is destroyed with `--refresh`, and leaves nothing", async () => {
    expect((await lab.operator.attempt("destroy", ["--refresh"])).code).toBe(0);
    await expectNothingLeft();
  });
});

test("a home that is given up by the command that the message prints is forgotten, and the stack is empty", async () => {
  await configureOneHome();
  await lab.operator.up();
  await power("home", "power-off");
  const diagnostics = await failingDestroy(lab.operator);
  const urn = /pulumi state delete '([^']+)'/.exec(diagnostics)?.[1] ?? "no command to give the home up";
  expect((await lab.operator.pulumi(["stack", "--show-urns"])).stdout).toContain(urn);
  expect((await lab.operator.pulumi(["state", "delete", urn, "--yes"])).code).toBe(0);
  await lab.operator.destroy();
  await expectEmptyStack();
  await expectNothingInCloud();
});
