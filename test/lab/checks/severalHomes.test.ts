import { join } from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { cloudRequests, forgetCloudRequests } from "../cloudByHand.ts";
import { power } from "../control.ts";
import { expectCut, expectUnharmed, failingUp } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { exec } from "../machines.ts";
import { home } from "../operator.ts";
import type { StackConfig } from "../operator.ts";
import { keepBusy, pageOf, shell } from "../people.ts";
import { must } from "../shell.ts";
import { tracesOn } from "../traces.ts";
import { ssh, untilSshAnswers } from "../world.ts";

const echo = { nas: 64738, attic: 9000 };
const atNas = ["80:8080", `${echo.nas}:64738/tcp+udp`];
const atAttic = ["81:8080", `${echo.attic}:64738/tcp+udp`];

/** What a program could have left on the attic, before the first step there, and on the first home's machine. */
let traces: string;
let tracesOfHome: string;

const lab = raiseLab({
  stack: "homes",
  machines: [{ name: "attic" }],
  before: async () => {
    traces = await tracesOn("attic");
    tracesOfHome = await tracesOn("home");
  },
  settings: async () => ({ homes: [await home(atNas)] }),
  up: true,
});

/** Both homes with these forwards, or the first alone. */
async function configure(nas: string[], attic?: string[], more: Partial<StackConfig> = {}): Promise<void> {
  const homes = [await home(nas), ...(attic ? [await home(attic, "attic")] : [])];
  await lab.operator.configure({ ...more, homes });
}

/** The title and the client that a page tells a stranger. */
async function page(port: number): Promise<string> {
  return pageOf(`http://${lab.published[4]}:${port}/`);
}

async function expectPage(port: number, title: string): Promise<void> {
  const text = await page(port);
  expect(text).toContain(`Hello from ${title}`);
  expect(text).toContain(`You are ${addresses.stranger}`);
}

/** What is to happen, as `<operation> <name>`, components and what stays as it is left out. */
async function preview(): Promise<string[]> {
  const { code, stdout, stderr } = await lab.operator.pulumi(["preview", "--json", "--non-interactive"]);
  if (code !== 0) throw new Error(`pulumi preview: ${stdout}${stderr}`);
  const { steps } = JSON.parse(stdout) as { steps: { op: string; urn: string }[] };
  return steps
    .filter(
      ({ op, urn }) => op !== "same" && /::(command|hcloud|random):|\$(command|hcloud|random):/.test(urn),
    )
    .map(({ op, urn }) => `${op} ${urn.slice(urn.lastIndexOf("::") + 2)}`)
    .sort();
}

/** All that the first home has of us, with the time of each file's last change, and who came in over SSH. */
function stateOfNas(): Promise<string> {
  return shell(
    "home",
    "find /etc/homerelay /usr/local/lib/homerelay /etc/wireguard /etc/sysctl.d/60-homerelay.conf " +
      "-printf '%p %T@ %C@\\n' | sort; journalctl -u ssh -o cat | grep -c '^Accepted'; wg show homerelay public-key; " +
      "ip -o address show dev homerelay scope global",
  );
}

/** Runs while the first home's echo is busy; neither that nor the home itself must notice anything. */
async function unnoticedByNas(change: () => Promise<void>): Promise<void> {
  const before = await stateOfNas();
  const busy = await keepBusy(lab.published[4], echo.nas);
  await change();
  expectUnharmed(await busy.end());
  expect(await stateOfNas()).toBe(before);
}

const ofNas = /\bhome-nas-/;

test("two homes that want one public port are refused with both named, before anything is contacted", async () => {
  await forgetCloudRequests();
  await configure(atNas, ["80:8080"]);
  const diagnostics = await failingUp(lab.operator);
  expect(diagnostics).toContain(
    "homes[1].forwards[0]: publishes 80/tcp for home attic, which home-relay:homes[0].forwards[0] publishes for home nas",
  );
  expect(await cloudRequests()).toEqual([]);
});

describe("a second home", () => {
  test("comes without a step at the first, and costs it no connection and no packet", async () => {
    await configure(atNas, atAttic);
    const planned = await preview();
    expect(planned).toContain("create home-attic-guard");
    expect(planned.filter((each) => ofNas.test(each))).toEqual([]);
    await unnoticedByNas(() => lab.operator.up().then(() => undefined));
    await expectPage(80, "home");
    await expectPage(81, "the attic");
  });

  test("has an address, keys and a guard of its own, and is no neighbour of the first", async () => {
    const own = (machine: "home" | "attic") =>
      Promise.all([
        shell(machine, "wg show homerelay public-key"),
        shell(machine, "wg show homerelay preshared-keys | cut -f 2"),
        shell(machine, "ip -4 -o address show dev homerelay | awk '{ print $4 }'"),
      ]);
    const [nas, attic] = [await own("home"), await own("attic")];
    expect(nas.filter((text, i) => text === attic[i])).toEqual([]);
    const address = attic[2].split("/")[0] ?? "";
    const reach = ["curl", "--silent", "--max-time", "2", `http://${address}:8080/`];
    expect((await exec("attic", reach)).stdout).toContain("Hello from the attic");
    expect((await exec("home", ["curl", "--interface", "homerelay", ...reach.slice(1)])).stdout).toBe("");
  });

  test("changes its forwards without a step at the first", async () => {
    await configure(atNas, [...atAttic, "82:8080"]);
    expect((await preview()).filter((each) => ofNas.test(each))).toEqual([]);
    await unnoticedByNas(() => lab.operator.up().then(() => undefined));
    await expectPage(82, "the attic");
  });
});

describe("while the second home is off", () => {
  beforeAll(() => power("attic", "power-off"));

  test("a change of the first is made, and nobody asks for the second", async () => {
    await configure([...atNas, "8080"], [...atAttic, "82:8080"]);
    await lab.operator.up();
    await expectPage(8080, "home");
  });

  test("a change of both is made at the first, and the error names the second and how to go on", async () => {
    await configure([...atNas, "8083:8080"], atAttic);
    const diagnostics = await failingUp(lab.operator);
    expect(diagnostics).toMatch(/attic was away for \d+ s: ssh: connect to host 192\.168\.1\.11 port 22: /);
    expect(diagnostics).toContain("pulumi up --continue-on-error");
    expect(diagnostics).not.toMatch(/command:\w+:Command \(nas-/);
    await expectPage(8083, "home");
    expect([await page(8080), await page(82)]).toEqual(["", ""]);
  });

  test("new keys wait for it, since they would shut it out; what else changes at the first is done", async () => {
    const before = await shell("home", "wg show homerelay public-key");
    await configure([...atNas, "8084:8080"], atAttic, { tunnel: { keyGeneration: 2 } });
    const diagnostics = await failingUp(lab.operator, ["--continue-on-error"]);
    expect(diagnostics).toContain("attic was away for");
    expect(diagnostics).toContain("Not heard through the tunnel: attic.");
    expect(await shell("home", "wg show homerelay public-key")).toBe(before);
    await expectPage(8084, "home");
  });

  test("the next up after it is back finishes what was left", async () => {
    await power("attic", "power-on");
    await untilSshAnswers("attic");
    await lab.operator.up();
    await expectPage(80, "home");
    await expectPage(81, "the attic");
    expect(await shell("home", "wg show homerelay peers")).toBe(
      await shell("attic", "wg show homerelay peers"),
    );
    expect(await preview()).toEqual([]);
  });
});

describe("a second home that is taken out of the settings", () => {
  test("is cut off and cleaned by the same up, with no step at the first", async () => {
    const doomed = await keepBusy(lab.published[4], echo.attic);
    await configure([...atNas, "8084:8080"], undefined, { tunnel: { keyGeneration: 2 } });
    const planned = await preview();
    expect(planned).toContain("delete home-attic-uninstall");
    expect(planned.filter((each) => ofNas.test(each))).toEqual([]);
    await unnoticedByNas(() => lab.operator.up().then(() => undefined));
    expectCut(await doomed.end());
    expect((await shell(lab.relay, "wg show homerelay peers")).trim().split("\n")).toHaveLength(1);
    expect(await tracesOn("attic")).toBe(traces);
  });

  test("while it is off is named last, when all else is done; the next up with it back cleans it", async () => {
    await configure(atNas, atAttic, { tunnel: { keyGeneration: 2 } });
    await lab.operator.up();
    await power("attic", "power-off");
    await configure([...atNas, "8085:8080"], undefined, { tunnel: { keyGeneration: 2 } });

    const diagnostics = await failingUp(lab.operator);
    expect(diagnostics).toContain(`attic (${addresses.attic} port 22) was not cleaned: ssh: connect to host`);
    expect(diagnostics).toContain(
      "run the same command again: pulumi destroy, or pulumi up if you took attic out",
    );
    await expectPage(8085, "home");
    expect(await page(81)).toBe("");
    // Its keys may be left as well: the engine ends no more deletions after one that failed.
    expect((await preview()).filter((each) => each !== "delete home-keys-peer-attic")).toEqual([
      "delete home-attic-uninstall",
    ]);

    await power("attic", "power-on");
    await untilSshAnswers("attic");
    await lab.operator.up();
    expect(await tracesOn("attic")).toBe(traces);
    expect(await preview()).toEqual([]);
  });

  test("and is given up by the command that the message prints is forgotten by the next up", async () => {
    await configure(atNas, atAttic, { tunnel: { keyGeneration: 2 } });
    await lab.operator.up();
    await power("attic", "power-off");
    await configure(atNas, undefined, { tunnel: { keyGeneration: 2 } });
    const diagnostics = await failingUp(lab.operator);
    const urn = /pulumi state delete '([^']+)'/.exec(diagnostics)?.[1] ?? "";
    expect((await lab.operator.pulumi(["state", "delete", urn, "--yes"])).code).toBe(0);
    await lab.operator.up();
    expect((await lab.operator.pulumi(["stack", "--show-urns"])).stdout).not.toContain("attic");

    await power("attic", "power-on");
    await untilSshAnswers("attic");
    const [, scripts = "", login, there = ""] =
      /cat (.+) \| ssh -p 22 (\S+) '([^']+)'/.exec(diagnostics) ?? [];
    expect(login).toBe(`root@${addresses.attic}`);
    const input = await must(["sh", "-c", `cd ${join(import.meta.dirname, "../../..")} && cat ${scripts}`]);
    await must(ssh("operator", addresses.attic, [there]), { input });
    expect(await tracesOn("attic")).toBe(traces);
  });
});

test("a home that gets another name stays, under that name, and is cleaned under it", async () => {
  const tunnel = { keyGeneration: 2 };
  await configure(atNas, atAttic, { tunnel });
  await lab.operator.up();
  const renamed = { ...(await home(atAttic, "attic")), name: "loft" };
  await lab.operator.configure({ tunnel, homes: [await home(atNas), renamed] });
  await unnoticedByNas(() => lab.operator.up().then(() => undefined));
  await expectPage(81, "the attic");
  await configure(atNas, undefined, { tunnel });
  await lab.operator.up();
  expect(await tracesOn("attic")).toBe(traces);
});

test("a home that is off from the start keeps nobody waiting with `--continue-on-error`", async () => {
  const tunnel = { keyGeneration: 2 };
  await power("attic", "power-off");
  await configure([...atNas, "8086:8080"], atAttic, { tunnel });
  const diagnostics = await failingUp(lab.operator, ["--continue-on-error"]);
  expect(diagnostics).toContain("attic does not answer: tried ssh to");
  await expectPage(8086, "home");
  await power("attic", "power-on");
  await untilSshAnswers("attic");
  await lab.operator.up();
  await expectPage(81, "the attic");
});

describe("a home that is another machine from now on, under its old name", () => {
  const moveTo = async (machine: "home" | "attic", forwards = atNas) =>
    lab.operator.configure({ homes: [{ ...(await home(forwards, machine)), name: "nas" }] });

  test("is served from there, and the machine before it is as it was before there was a home", async () => {
    await moveTo("home");
    await lab.operator.up();
    await moveTo("attic");
    await lab.operator.up();
    await expectPage(80, "the attic");
    expect(await tracesOn("home")).toBe(tracesOfHome);
    expect(await preview()).toEqual([]);
  });

  test("and while that one is off, up ends by naming it, with the new one at work; the next up cleans it", async () => {
    await power("attic", "power-off");
    await moveTo("home");
    const diagnostics = await failingUp(lab.operator);
    expect(diagnostics).toContain(
      `nas is another machine now, and the one before it (${addresses.attic} port 22) was not cleaned: ssh: connect`,
    );
    await expectPage(80, "home");

    await power("attic", "power-on");
    await untilSshAnswers("attic");
    await lab.operator.up();
    expect(await tracesOn("attic")).toBe(traces);
    await expectPage(80, "home");
    expect(await preview()).toEqual([]);
  });

  test("or has it given up by the command that up prints", async () => {
    await moveTo("attic");
    await lab.operator.up();
    await power("attic", "power-off");
    await moveTo("home");
    const diagnostics = await failingUp(lab.operator);
    const urn = /pulumi state delete --target-dependents '([^']+)'/.exec(diagnostics)?.[1] ?? "";
    const { code, stdout, stderr } = await lab.operator.pulumi([
      ...["state", "delete", "--target-dependents", urn, "--yes"],
    ]);
    expect([code, code === 0 ? "" : stdout + stderr]).toEqual([0, ""]);
    await lab.operator.up();
    await expectPage(80, "home");
    expect(await preview()).toEqual([]);
  });

  test("and one that is set up anew at its old address has nothing that could be cleaned", async () => {
    await shell("home", "rm /etc/ssh/ssh_host_ed25519_key* && ssh-keygen -A && systemctl restart ssh");
    const hostKey = (await shell("home", "cat /etc/ssh/ssh_host_ed25519_key.pub")).split(" ", 2).join(" ");
    const { ssh: before, ...nas } = await home(atNas);
    await lab.operator.configure({ homes: [{ ...nas, ssh: { ...(before as object), hostKey } }] });
    await lab.operator.up();
    await expectPage(80, "home");
  });
});
