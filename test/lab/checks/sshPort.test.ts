import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { addresses, bridges, namespaces } from "../addresses.ts";
import { controlCloud, power } from "../control.ts";
import { initPid, machineNames } from "../machines.ts";
import { asPerson, loadRules } from "../network.ts";
import { home, Operator } from "../operator.ts";
import { keepBusy, knock, shell, watchDoors } from "../people.ts";
import type { DoorsReport, FlowsReport } from "../people.ts";
import { Progress } from "../progress.ts";
import { provideRoot } from "../root.ts";
import { inNamespace, must } from "../shell.ts";
import type { Result } from "../shell.ts";
import { cloudToken, down, until, up } from "../world.ts";

const minute = 60_000;
jest.setTimeout(10 * minute);

const flags = ["--yes", "--skip-preview", "--non-interactive", "--color", "never"];
const echo = 64738;
let operator: Operator;
let address: string;

beforeAll(async () => {
  const progress = new Progress(process.stderr);
  await down();
  await progress.phase("A Debian 12 system for the relay", (detail) => provideRoot("bookworm", detail));
  await up(progress);
  operator = await Operator.withStack("doors", () => undefined);
  await configure({ sshPort: 2022 });
  await progress.phase("pulumi up", (detail) => operator.up([], { onLine: detail }));
  address = String((await operator.outputs())["ipv4Address"]);
}, 30 * minute);

afterAll(down, minute);

async function configure(relay: Readonly<Record<string, unknown>>): Promise<void> {
  await operator.configure({ relay, homes: [await home([`${echo}:64738/tcp+udp`])] });
}

async function relay(): Promise<`server-${string}`> {
  const servers = (await machineNames()).filter((name) => name.startsWith("server-"));
  expect(servers).toHaveLength(1);
  return servers[0] as `server-${string}`;
}

/** The ports at which SSH answers a stranger. */
async function doors(...ports: number[]): Promise<number[]> {
  const answers = await knock(
    "stranger",
    ports.map((port) => ({ protocol: "tcp", address, port })),
    2,
  );
  return ports.filter((_, i) => answers[i]?.startsWith("SSH-2.0-"));
}

/** The ports on which sshd listens, whoever may come there. */
async function listening(): Promise<string> {
  const list = `ss -Hltnp | awk '/"sshd"/ { sub(".*:", "", $4); print $4 }' | sort -un | xargs`;
  return (await shell(await relay(), list)).trim();
}

/** What the relay's own rules admit of SSH from outside. */
async function admitted(): Promise<string> {
  return shell(await relay(), "nft list set inet homerelay ssh_public | grep -o 'elements = .*'");
}

async function expectOnly(port: number, ...others: number[]): Promise<void> {
  expect(await doors(port, ...others)).toEqual([port]);
  expect(await listening()).toBe(`${port}`);
  expect(await admitted()).toBe(`elements = { ${port} }\n`);
}

async function expectNoChange(): Promise<void> {
  const { code, stdout, stderr } = await operator.pulumi([
    "preview",
    "--expect-no-changes",
    "--non-interactive",
  ]);
  expect([code, code === 0 ? "" : stdout + stderr]).toEqual([0, ""]);
}

function expectUnharmed({ connections, failed, lines, datagrams }: FlowsReport): void {
  expect(connections).toBeGreaterThan(10);
  expect(failed).toEqual([]);
  for (const { sent, answered, alive } of [lines, datagrams]) expect([answered, alive]).toEqual([sent, true]);
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
  const flows = await keepBusy(address, echo);
  const watched = await watchDoors(address, [from, to]);
  await configure({ ...more, sshPort: to });
  const { code, stdout } = await operator.pulumi(["up", ...flags]);
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
  await expectNoChange();
});

test("a port that is a forward's until this very change is refused, and nothing changes", async () => {
  await operator.configure({
    relay: { sshPort: echo },
    homes: [await home([`${echo + 1}:64738/tcp+udp`])],
  });
  const { code, stdout } = await operator.pulumi(["up", ...flags]);
  expect(code).not.toBe(0);
  expect(stdout).toContain(`Port ${echo} is forwarded to a home just now`);
  await expectOnly(2022, echo);
});

test("the port of a running relay changes with SSH open all the time, and nothing is left to do", async () => {
  await changeWatched(2022, 2222);
  await expectNoChange();
});

describe("a change that fails when the new rules are tried", () => {
  let failed: Result;
  let report: DoorsReport;

  beforeAll(async () => {
    const watched = await watchDoors(address, [2222, 2200]);
    await configure({ sshPort: 2200, adminCidrs: ["192.0.2.99/32"] });
    failed = await operator.pulumi(["up", ...flags]);
    report = await watched.end();
  }, 5 * minute);

  test("names the cause, and SSH was open all the time and still is", () => {
    expect([failed.code === 0, failed.stdout]).toEqual([false, expect.stringContaining("adminCidrs")]);
    expect(report.unanswered).toEqual([]);
    expect(report.last).toEqual(["2200"]);
  });

  test("is finished by the next up", async () => {
    await configure({ sshPort: 2200 });
    await operator.up();
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
    const { code, stdout } = await operator.pulumi(["up", ...flags], { timeoutMs: 60_000 });
    expect([code, stdout]).toEqual([124, expect.stringContaining("waiting for the relay")]);
    await must(inNamespace(namespaces.internet, ["nft", "list", "table", "inet", "foreign"]));
    const { code: cancelled } = await operator.pulumi(["cancel", "--yes"]);
    expect(cancelled).toBe(0);
  }, 5 * minute);

  test("is open to everybody else", async () => {
    expect(await doors(blocked)).toEqual([blocked]);
  });

  test("is given up by setting the old one again", async () => {
    await configure({ sshPort: 2200 });
    await operator.up();
    await expectOnly(2200, blocked);
    await expectNoChange();
  });
});

describe("a relay on which systemd listens in sshd's place", () => {
  test("changes nothing and says what to run there", async () => {
    const folder = "/etc/systemd/system/ssh.socket.d";
    const socket = "[Socket]\\nListenStream=\\nListenStream=2200\\n";
    await shell(
      await relay(),
      `mkdir ${folder}; printf '${socket}' >${folder}/port.conf; systemctl daemon-reload
       systemctl disable --now ssh.service; systemctl enable --now ssh.socket`,
    );
    const rules = await admitted();
    await configure({ sshPort: 22 });
    const { code, stdout } = await operator.pulumi(["up", ...flags]);
    expect(code).not.toBe(0);
    expect(stdout).toContain("systemctl disable ssh.socket && systemctl enable ssh.service && reboot");
    expect([await doors(2200, 22), await admitted()]).toEqual([[2200], rules]);
  });

  test("changes its port when that was done", async () => {
    await shell(await relay(), "systemctl disable ssh.socket && systemctl enable ssh.service");
    const before = await initPid(await relay());
    await power(await relay(), "reboot");
    await until("it boots", 30, async () => expect(await initPid(await relay())).not.toBe(before));
    await until("SSH answers", 60, async () => expect(await doors(2200)).toEqual([2200]));
    await changeWatched(2200, 22);
  });
});

test("a new server and a new port at once", async () => {
  const before = await relay();
  await configure({ image: "debian-12", sshPort: 2222 });
  await operator.up();
  expect(await relay()).not.toBe(before);
  await expectOnly(2222, 22);
  await expectNoChange();
});

test("Debian 12, whose sshd is older, changes its port no less smoothly", async () => {
  await changeWatched(2222, 22, { image: "debian-12" });
});

describe("a server that was deleted by hand", () => {
  const unheardOf = 2299;
  let failed: Result;

  beforeAll(async () => {
    const { servers } = (await controlCloud({ get: "everything" })) as { servers: { id: number }[] };
    const call = ["curl", "--silent", "--fail", "--request", "DELETE"];
    const token = ["--header", `Authorization: Bearer ${await cloudToken()}`];
    const url = `http://${addresses.cloudApi}/v1/servers/${servers[0]?.id ?? 0}`;
    await must(asPerson("operator", [...call, ...token, url]));
    await configure({ image: "debian-12", sshPort: unheardOf });
    failed = await operator.pulumi(["up", ...flags]);
  }, 5 * minute);

  test("cannot change its port: up says so before it changes anything", () => {
    expect(failed.code).not.toBe(0);
    expect(failed.stdout).toContain("nothing has changed");
    expect(failed.stdout).toContain(`${address} port 22: `);
  });

  test("comes back with the new port by the command in that message", async () => {
    const [, command = ""] = /pulumi up (--refresh .*)\n/.exec(failed.stdout) ?? [];
    expect(command).not.toBe("");
    await operator.up(command.split(" ").map((word) => word.replaceAll("'", "")));
    await expectOnly(unheardOf, 22);
    await expectNoChange();
  });
});
