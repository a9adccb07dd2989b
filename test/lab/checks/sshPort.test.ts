import { beforeAll, describe, expect, test } from "@jest/globals";
import { addresses, bridges, namespaces } from "../addresses.ts";
import { deleteServersByHand } from "../cloudByHand.ts";
import { power } from "../control.ts";
import { expectNoChange, expectUnharmed, failingUp } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { initPid, relayMachine } from "../machines.ts";
import { loadRules } from "../network.ts";
import { home } from "../operator.ts";
import { keepBusy, knock, shell, tcp, watchDoors } from "../people.ts";
import type { DoorsReport } from "../people.ts";
import { inNamespace, must } from "../shell.ts";
import type { Result } from "../shell.ts";
import { until } from "../world.ts";

const echo = 64738;
const forwards = [`${echo}:64738/tcp+udp`];

const lab = raiseLab({
  stack: "doors",
  images: ["debian-12"],
  settings: async () => ({ relay: { sshPort: 2022 }, homes: [await home(forwards)] }),
  up: true,
});

async function configure(relay: Readonly<Record<string, unknown>>): Promise<void> {
  await lab.operator.forward(forwards, { relay });
}

/** The ports at which SSH answers a stranger. */
async function doors(...ports: number[]): Promise<number[]> {
  const answers = await knock(
    "stranger",
    ports.map((port) => tcp(lab.published[4], port)),
    2,
  );
  return ports.filter((_, i) => answers[i]?.startsWith("SSH-2.0-"));
}

/** The ports on which sshd listens, whoever may come there. */
async function listening(): Promise<string> {
  const list = `ss -Hltnp | awk '/"sshd"/ { sub(".*:", "", $4); print $4 }' | sort -un | xargs`;
  return (await shell(await relayMachine(), list)).trim();
}

/** What the relay's own rules admit of SSH from outside. */
async function admitted(): Promise<string> {
  return shell(await relayMachine(), "nft list set inet homerelay ssh_public | grep -o 'elements = .*'");
}

async function expectOnly(port: number, ...others: number[]): Promise<void> {
  expect(await doors(port, ...others)).toEqual([port]);
  expect(await listening()).toBe(`${port}`);
  expect(await admitted()).toBe(`elements = { ${port} }\n`);
}

/** Somebody knocked at two doors all the time, and always one of them opened; at the end the new one alone does. */
function expectAlwaysOpen(
  { knocks, unanswered, answered, last }: DoorsReport,
  from: number,
  to: number,
): void {
  expect(knocks).toBeGreaterThan(20);
  expect(unanswered).toEqual([]);
  expect(Math.min(answered[from] ?? 0, answered[to] ?? 0)).toBeGreaterThan(0);
  expect(last).toEqual([`${to}`]);
}

/** Changes the port while a stranger's flows run and somebody knocks at both doors. */
async function changeWatched(from: number, to: number, more = {}): Promise<void> {
  const flows = await keepBusy(lab.published[4], echo);
  const watched = await watchDoors(lab.published[4], [from, to]);
  await configure({ ...more, sshPort: to });
  const { code, stdout } = await lab.operator.attempt("up");
  const report = await watched.end();
  const fared = await flows.end();
  expect([code, code === 0 ? "" : stdout]).toEqual([0, ""]);
  console.log(`${from} -> ${to}: ${JSON.stringify(report)}`);
  expectAlwaysOpen(report, from, to);
  expectUnharmed(fared);
  await expectOnly(to, from);
}

test("a relay that is made with another port has it from the beginning", async () => {
  await expectOnly(2022, 22);
  await expectNoChange(lab.operator);
});

test("a port that is a forward's until this very change is refused, and nothing changes", async () => {
  await lab.operator.forward([`${echo + 1}:64738/tcp+udp`], { relay: { sshPort: echo } });
  expect(await failingUp(lab.operator)).toContain(`Port ${echo} is forwarded to a home just now`);
  await expectOnly(2022, echo);
});

test("the port of a running relay changes with SSH open all the time, and nothing is left to do", async () => {
  await changeWatched(2022, 2222);
  await expectNoChange(lab.operator);
});

describe("a change that fails when the new rules are tried", () => {
  let failed: Result;
  let report: DoorsReport;

  beforeAll(async () => {
    const watched = await watchDoors(lab.published[4], [2222, 2200]);
    await configure({ sshPort: 2200, adminCidrs: ["192.0.2.99/32"] });
    failed = await lab.operator.attempt("up");
    report = await watched.end();
  });

  test("names the cause, and SSH was open all the time and still is", () => {
    expect([failed.code === 0, failed.stdout]).toEqual([false, expect.stringContaining("adminCidrs")]);
    expect(report.unanswered).toEqual([]);
    expect(report.last).toEqual(["2200"]);
  });

  test("is finished by the next up", async () => {
    await configure({ sshPort: 2200 });
    await lab.operator.up();
    await expectOnly(2200, 2222);
  });
});

describe("a new port that the operator's network does not let through", () => {
  const blocked = 4443;

  beforeAll(async () => {
    await loadRules(
      namespaces.internet,
      `table inet foreign {
        chain forward {
          type filter hook forward priority filter - 5; policy accept;
          oifname ${bridges.dataCentre} ip saddr ${addresses.cgnatOutside} tcp dport ${blocked} drop
        }
      }`,
    );
    await configure({ sshPort: blocked });
    // Ended while it waits for the relay, as by a power cut.
    const { code, stdout } = await lab.operator.attempt("up", [], { timeoutMs: 60_000 });
    expect([code, stdout]).toEqual([124, expect.stringContaining("waiting for the relay")]);
    await must(inNamespace(namespaces.internet, ["nft", "list", "table", "inet", "foreign"]));
    const { code: cancelled } = await lab.operator.pulumi(["cancel", "--yes"]);
    expect(cancelled).toBe(0);
  });

  test("is open to everybody else", async () => {
    expect(await doors(blocked)).toEqual([blocked]);
  });

  test("is given up by setting the old one again", async () => {
    await configure({ sshPort: 2200 });
    await lab.operator.up();
    await expectOnly(2200, blocked);
    await expectNoChange(lab.operator);
  });
});

describe("a relay on which systemd listens in sshd's place", () => {
  test("changes nothing and says what to run there", async () => {
    const folder = "/etc/systemd/system/ssh.socket.d";
    const socket = "[Socket]\\nListenStream=\\nListenStream=2200\\n";
    await shell(
      await relayMachine(),
      `mkdir ${folder}; printf '${socket}' >${folder}/port.conf; systemctl daemon-reload
       systemctl disable --now ssh.service; systemctl enable --now ssh.socket`,
    );
    const rules = await admitted();
    await configure({ sshPort: 22 });
    expect(await failingUp(lab.operator)).toContain(
      "systemctl disable ssh.socket && systemctl enable ssh.service && reboot",
    );
    expect([await doors(2200, 22), await admitted()]).toEqual([[2200], rules]);
  });

  test("changes its port when that was done", async () => {
    await shell(await relayMachine(), "systemctl disable ssh.socket && systemctl enable ssh.service");
    const before = await initPid(await relayMachine());
    await power(await relayMachine(), "reboot");
    await until("it boots", 120, async () => expect(await initPid(await relayMachine())).not.toBe(before));
    await until("SSH answers", 60, async () => expect(await doors(2200)).toEqual([2200]));
    await changeWatched(2200, 22);
  });
});

test("a new server and a new port at once", async () => {
  const before = await relayMachine();
  await configure({ image: "debian-12", sshPort: 2222 });
  await lab.operator.up();
  expect(await relayMachine()).not.toBe(before);
  await expectOnly(2222, 22);
  await expectNoChange(lab.operator);
});

test("Debian 12, whose sshd is older, changes its port no less smoothly", async () => {
  await changeWatched(2222, 22, { image: "debian-12" });
});

describe("a server that was deleted by hand", () => {
  const unheardOf = 2299;
  let failed: Result;

  beforeAll(async () => {
    await deleteServersByHand();
    await configure({ image: "debian-12", sshPort: unheardOf });
    failed = await lab.operator.attempt("up");
  });

  test("cannot change its port: up says so before it changes anything", () => {
    expect(failed.code).not.toBe(0);
    expect(failed.stdout).toContain("nothing has changed");
    expect(failed.stdout).toContain(`${lab.published[4]} port 22: `);
  });

  test("comes back with the new port by the command in that message", async () => {
    const [, command = ""] = /pulumi up (--refresh .*)\n/.exec(failed.stdout) ?? [];
    expect(command).not.toBe("");
    await lab.operator.up(command.split(" ").map((word) => word.replaceAll("'", "")));
    await expectOnly(unheardOf, 22);
    await expectNoChange(lab.operator);
  });
});
