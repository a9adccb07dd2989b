import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { power } from "../control.ts";
import { exec, initPid, machineNames } from "../machines.ts";
import { renumber } from "../network.ts";
import { home, Operator } from "../operator.ts";
import type { StackConfig } from "../operator.ts";
import { keepBusy, knock, perform, shell, strangerBy } from "../people.ts";
import type { FlowReport, FlowsReport, Probe } from "../people.ts";
import { Progress } from "../progress.ts";
import type { Result } from "../shell.ts";
import { down, until, up } from "../world.ts";

const minute = 60_000;
jest.setTimeout(minute);

const untouched = 64738;
const added = 9000;
const forwards = ["80:8080", `${untouched}:64738/tcp+udp`];
const install = "apt-get -qq update && apt-get -qq install -y --no-install-recommends nftables iptables";

let operator: Operator;
let relay: `server-${string}`;
let ipv4: string;
let ipv6: string;
/** What others have in nftables at home, as it was before the first `up`. */
let foreignAtHome: string;
/** The same on the relay, as it was before the first change. */
let foreignOnRelay: string;

beforeAll(async () => {
  const progress = new Progress(process.stderr);
  await down();
  await up(progress);
  foreignAtHome = await makeForeignTables("home");
  operator = await Operator.withStack("changes", () => undefined);
  await configure();
  await progress.phase("pulumi up", (detail) => operator.up([], { onLine: detail }));
  const outputs = await operator.outputs();
  [ipv4, ipv6] = [String(outputs["ipv4Address"]), String(outputs["ipv6Address"])];
  relay = (await machineNames()).find((name) => name.startsWith("server-")) as typeof relay;
  foreignOnRelay = await makeForeignTables(relay);
}, 30 * minute);

afterAll(down, minute);

async function configure(more: readonly string[] = [], section: StackConfig["relay"] = {}): Promise<void> {
  await operator.configure({ homes: [await home([...forwards, ...more])], relay: section });
}

async function makeForeignTables(machine: "home" | `server-${string}`): Promise<string> {
  await shell(machine, install);
  const { code, stderr } = await perform(machine, "foreign-tables.sh", []);
  expect([code, stderr]).toEqual([0, ""]);
  return foreignTables(machine);
}

/** All tables but ours, without what their counters count. */
async function foreignTables(machine: "home" | `server-${string}`): Promise<string> {
  const list = 'while read -r _ family name; do nft -s list table "$family" "$name"; done';
  const text = await shell(machine, `nft list tables | grep -v '^table inet homerelay' | ${list}`);
  expect(text.match(/^table /gm)?.length).toBeGreaterThanOrEqual(6);
  return text;
}

/** New connections and datagrams of a stranger, over both address families, are answered. */
async function expectForwardsToAnswer(): Promise<void> {
  const probes = ([ipv4, ipv6] as const).flatMap((address): Probe[] => [
    { protocol: "tcp", address, port: untouched },
    { protocol: "udp", address, port: untouched },
  ]);
  const answers = [strangerBy[4], strangerBy[6]].flatMap((it) => [`${it} hello`, `${it} hello`]);
  expect(await knock("stranger", probes, 2)).toEqual(answers);
}

const unharmed = ({ sent, answered, alive }: FlowReport) => alive && answered === sent;

function expectUnharmed({ connections, failed, lines, datagrams }: FlowsReport): void {
  expect(connections).toBeGreaterThan(10);
  expect(failed).toEqual([]);
  expect([lines, datagrams].filter((flow) => !unharmed(flow))).toEqual([]);
}

describe("the first up", () => {
  test("leaves the tables of others at home as they were", async () => {
    expect(await foreignTables("home")).toBe(foreignAtHome);
  });
});

describe("a forward that is added and taken away", () => {
  let onOthers: FlowsReport;
  let onItself: FlowsReport;

  beforeAll(async () => {
    const others = await keepBusy(ipv4, untouched);
    await configure([`${added}:64738/tcp+udp`]);
    await operator.up();
    const itself = await keepBusy(ipv4, added);
    await configure();
    await operator.up();
    onItself = await itself.end();
    onOthers = await others.end();
  }, 5 * minute);

  test("costs the others no new connection and no packet of an open flow", () => {
    expectUnharmed(onOthers);
  });

  test("is cut for open TCP and UDP flows too when it is taken away", () => {
    const { lines, datagrams } = onItself;
    expect([lines.alive, datagrams.alive]).toEqual([false, false]);
    expect(Math.min(lines.answered, datagrams.answered)).toBeGreaterThan(0);
  });

  test("leaves the tables of others as they were, at home and on the relay", async () => {
    expect(await foreignTables("home")).toBe(foreignAtHome);
    expect(await foreignTables(relay)).toBe(foreignOnRelay);
  });
});

/** Our own rules on the relay, without what nft counts and remembers. */
const rules = () => shell(relay, "nft --stateless --terse list table inet homerelay");

/** An SSH server names itself before it asks who is there. */
async function sshAtRelay(): Promise<"open" | "closed"> {
  const [banner] = await knock("operator", [{ protocol: "tcp", address: ipv4, port: 22 }], 2);
  return banner?.startsWith("SSH-2.0") ? "open" : "closed";
}

async function untilSshIsOpen(): Promise<void> {
  await until("SSH answers the operator", 120, async () => expect(await sshAtRelay()).toBe("open"));
}

const applyFirewall = ["/usr/local/lib/homerelay/apply-firewall.sh", "public"];

describe("rules that nft refuses", () => {
  test("leave those before them in force, and say so", async () => {
    const before = await rules();
    const live = await shell(relay, "cat /etc/homerelay/firewall.nft");
    const broken = `${live}table inet homerelay { chain broken { tcp dport } }\n`;
    const { code, stdout } = await exec(relay, applyFirewall, { input: broken });
    expect(code).not.toBe(0);
    expect(stdout).toContain("the ones before them stay in force");
    expect(await rules()).toBe(before);
    expect(await shell(relay, "cat /etc/homerelay/firewall.nft")).toBe(live);
    await expectForwardsToAnswer();
  });
});

describe("rules that no new SSH connection confirms", () => {
  test.each([
    ["", "true"],
    [", also while another step is at work all the time", "systemd-run --quiet --collect --unit=others-step"],
  ])(
    "are taken back by the relay itself, and cost the forwards nothing%s",
    async (_, also) => {
      const before = await rules();
      const live = await shell(relay, "cat /etc/homerelay/firewall.nft");
      const hook = "type filter hook input priority filter - 1; policy accept;";
      const locked = `${live}table inet homerelay {\n  chain locked {\n    ${hook}\n    tcp dport 22 drop\n  }\n}\n`;
      const busy = await keepBusy(ipv4, untouched);
      expect(await exec(relay, applyFirewall, { input: locked })).toMatchObject({ code: 0 });
      await shell(relay, `${also} flock /run/homerelay.lock sleep 150`);
      expect(await sshAtRelay()).toBe("closed");
      await untilSshIsOpen();
      expectUnharmed(await busy.end());
      expect(await rules()).toBe(before);
      expect(await shell(relay, "cat /etc/homerelay/firewall.nft")).toBe(live);
      await shell(relay, "systemctl stop others-step 2>/dev/null || true");
    },
    3 * minute,
  );
});

describe("settings that lock the operator out", () => {
  let failed: Result;
  let before: string;
  let meanwhile: FlowsReport;

  beforeAll(async () => {
    before = await rules();
    const busy = await keepBusy(ipv4, untouched);
    await configure([], { adminCidrs: ["192.0.2.99/32"] });
    failed = await operator.pulumi([
      "up",
      "--yes",
      "--skip-preview",
      "--non-interactive",
      "--color",
      "never",
    ]);
    meanwhile = await busy.end();
  }, 5 * minute);

  test("fail up, which names them", () => {
    expect(failed.code).not.toBe(0);
    expect(failed.stdout).toContain("adminCidrs");
  });

  test(
    "end by themselves: SSH lets the operator in again",
    async () => {
      await untilSshIsOpen();
      expect(await rules()).toBe(before);
    },
    3 * minute,
  );

  test("cost the forwards no new connection and no packet of an open flow", () => {
    expectUnharmed(meanwhile);
  });

  test(
    "are mended by the next up",
    async () => {
      await configure();
      await operator.up();
      expect(await sshAtRelay()).toBe("open");
      expect(await rules()).toBe(before);
    },
    3 * minute,
  );
});

describe("what the system does by itself takes nothing of ours away", () => {
  test.each(["start", "reload", "restart"])(
    "nftables.service that is told to %s, at both ends",
    async (verb) => {
      const guard = () => shell("home", "nft --stateless --terse list table inet homerelay");
      const before = [await rules(), await guard()];
      for (const machine of [relay, "home"] as const) await shell(machine, `systemctl ${verb} nftables`);
      await until("our tables are back", 20, async () =>
        expect([await rules(), await guard(), await shell(relay, "nft list tables")]).toEqual([
          ...before,
          expect.stringContaining("table inet homerelay_counters\n"),
        ]),
      );
      await until("the forwards answer", 30, expectForwardsToAnswer);
    },
  );

  test("systemd-networkd that sets up an interface at home", async () => {
    const rulesAtHome = () => shell("home", "ip -4 rule show; ip -6 rule show");
    const before = await rulesAtHome();
    expect(before).toMatch(/^518\d:/m);
    const network = "/etc/systemd/network/later.network";
    await shell(
      "home",
      `printf '[Match]\\nName=later\\n[Network]\\nAddress=10.66.0.1/24\\n' >${network}; networkctl reload
       ip link add later type bridge; ip link set later up`,
    );
    await until("it has an address", 20, async () =>
      expect(await shell("home", "ip -4 address show dev later")).toContain("10.66.0.1/24"),
    );
    expect(await rulesAtHome()).toBe(before);
    await expectForwardsToAnswer();
    await shell("home", `rm ${network}; networkctl reload; ip link delete later`);
  });
});

describe("a tunnel that somebody took down by hand comes back with its step", () => {
  test.each([
    ["home", () => "home" as const, "**nas-tunnel"],
    ["relay", () => relay, "**relay-tunnel-interface"],
  ])(
    "at the %s",
    async (_, machine, step) => {
      await shell(machine(), "wg-quick down homerelay");
      await operator.up(["--replace", step]);
      await until("the forwards answer", 30, expectForwardsToAnswer);
    },
    3 * minute,
  );
});

describe("the forwards work again by themselves", () => {
  const otherBoot = (machine: string, before: number) =>
    until(`${machine} boots`, 30, async () => expect(await initPid(machine)).not.toBe(before));

  // The first one: a home that has just booted speaks by itself, and so would show the relay where it is.
  test(
    "after the carrier gave the home another address",
    async () => {
      const next = await renumber();
      await until("the forwards answer", 60, expectForwardsToAnswer);
      expect(await shell(relay, "wg show homerelay endpoints")).toContain(`\t${next}:`);
    },
    3 * minute,
  );

  test.each(["reboot", "power-cut"] as const)(
    "after a %s of the relay",
    async (action) => {
      const before = await initPid(relay);
      await power(relay, action);
      await otherBoot(relay, before);
      await until("the forwards answer", 60, expectForwardsToAnswer);
    },
    3 * minute,
  );

  test.each(["reboot", "power-cut"] as const)(
    "after a %s of the home",
    async (action) => {
      const before = await initPid("home");
      await power("home", action);
      await otherBoot("home", before);
      await until("the forwards answer", 60, expectForwardsToAnswer);
    },
    3 * minute,
  );
});

describe("destroy", () => {
  test(
    "leaves the tables of others at home as they were",
    async () => {
      // The reboots took them away.
      const before = await makeForeignTables("home");
      await operator.destroy();
      expect(await foreignTables("home")).toBe(before);
      expect(await shell("home", "nft list tables")).not.toContain("inet homerelay");
    },
    3 * minute,
  );
});
