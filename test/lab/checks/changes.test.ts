import { beforeAll, describe, expect, test } from "@jest/globals";
import { endDocument, renderDocument } from "../../../components/network/document.ts";
import { power } from "../control.ts";
import { expectCut, expectEchoToAnswer, expectUnharmed } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { exec, initPid } from "../machines.ts";
import type { RelayMachine } from "../machines.ts";
import { renumber } from "../network.ts";
import { home } from "../operator.ts";
import type { StackConfig } from "../operator.ts";
import { otherTablesOn } from "../otherTables.ts";
import { installPackages, keepBusy, knock, mustPerform, shell } from "../people.ts";
import type { FlowsReport } from "../people.ts";
import type { Result } from "../shell.ts";
import { until } from "../world.ts";

const untouched = 64738;
const added = 9000;
const forwards = ["80:8080", `${untouched}:64738/tcp+udp`];
/** What others have in nftables at home, as it was before the first `up`. */
let foreignAtHome: string;
/** The same on the relay, as it was before the first change. */
let foreignOnRelay: string;

const lab = raiseLab({
  stack: "changes",
  before: async () => {
    foreignAtHome = await makeForeignTables("home");
  },
  settings: async () => ({ homes: [await home(forwards)] }),
  up: true,
});

beforeAll(async () => {
  foreignOnRelay = await makeForeignTables(lab.relay);
});

async function configure(more: readonly string[] = [], relay: StackConfig["relay"] = {}): Promise<void> {
  await lab.operator.forward([...forwards, ...more], { relay });
}

async function makeForeignTables(machine: "home" | RelayMachine): Promise<string> {
  await installPackages(machine, ["nftables", "iptables"]);
  await mustPerform(machine, "foreign-tables.sh", []);
  return foreignTables(machine);
}

async function foreignTables(machine: "home" | RelayMachine): Promise<string> {
  const text = await otherTablesOn(machine);
  expect(text.match(/^table /gm)?.length).toBeGreaterThanOrEqual(6);
  return text;
}

const expectForwardsToAnswer = () => expectEchoToAnswer(lab.published, untouched);

describe("the first up", () => {
  test("leaves the tables of others at home as they were", async () => {
    expect(await foreignTables("home")).toBe(foreignAtHome);
  });
});

describe("a forward that is added and taken away", () => {
  let onOthers: FlowsReport;
  let onItself: FlowsReport;

  beforeAll(async () => {
    const others = await keepBusy(lab.published[4], untouched);
    await configure([`${added}:64738/tcp+udp`]);
    await lab.operator.up();
    const itself = await keepBusy(lab.published[4], added);
    await configure();
    await lab.operator.up();
    onItself = await itself.end();
    onOthers = await others.end();
  });

  test("costs the others no new connection and no packet of an open flow", () => {
    expectUnharmed(onOthers);
  });

  test("is cut for open TCP and UDP flows too when it is taken away", () => {
    expectCut(onItself);
  });

  test("leaves the tables of others as they were, at home and on the relay", async () => {
    expect(await foreignTables("home")).toBe(foreignAtHome);
    expect(await foreignTables(lab.relay)).toBe(foreignOnRelay);
  });
});

/** Our own rules on the relay, without what nft counts and remembers. */
const rules = () => shell(lab.relay, "nft --stateless --terse list table inet homerelay");

/** An SSH server names itself before it asks who is there. */
async function sshAtRelay(): Promise<"open" | "closed"> {
  const [banner] = await knock("operator", [{ protocol: "tcp", address: lab.published[4], port: 22 }], 2);
  return banner?.startsWith("SSH-2.0") ? "open" : "closed";
}

async function untilSshIsOpen(): Promise<void> {
  await until("SSH answers the operator", 120, async () => expect(await sshAtRelay()).toBe("open"));
}

const applyFirewall = ["/usr/local/lib/homerelay/apply-firewall.sh", "public"];
const documentOf = (ruleset: string) => endDocument(renderDocument([{ name: "ruleset", text: ruleset }]));

describe("rules that nft refuses", () => {
  test("leave those before them in force, and say so", async () => {
    const before = await rules();
    const live = await shell(lab.relay, "cat /etc/homerelay/firewall.nft");
    const broken = `${live}table inet homerelay { chain broken { tcp dport } }\n`;
    const { code, stdout } = await exec(lab.relay, applyFirewall, { input: documentOf(broken) });
    expect(code).not.toBe(0);
    expect(stdout).toContain("the ones before them stay in force");
    expect(await rules()).toBe(before);
    expect(await shell(lab.relay, "cat /etc/homerelay/firewall.nft")).toBe(live);
    await expectForwardsToAnswer();
  });
});

describe("rules that no new SSH connection confirms", () => {
  test.each([
    ["", "true"],
    [", also while another step is at work all the time", "systemd-run --quiet --collect --unit=others-step"],
  ])("are taken back by the relay itself, and cost the forwards nothing%s", async (_, also) => {
    const before = await rules();
    const live = await shell(lab.relay, "cat /etc/homerelay/firewall.nft");
    const hook = "type filter hook input priority filter - 1; policy accept;";
    const locked = `${live}table inet homerelay {\n  chain locked {\n    ${hook}\n    tcp dport 22 drop\n  }\n}\n`;
    const busy = await keepBusy(lab.published[4], untouched);
    expect(await exec(lab.relay, applyFirewall, { input: documentOf(locked) })).toMatchObject({ code: 0 });
    await shell(lab.relay, `${also} flock /run/homerelay.lock sleep 150`);
    expect(await sshAtRelay()).toBe("closed");
    await untilSshIsOpen();
    expectUnharmed(await busy.end());
    expect(await rules()).toBe(before);
    expect(await shell(lab.relay, "cat /etc/homerelay/firewall.nft")).toBe(live);
    await shell(lab.relay, "systemctl stop others-step 2>/dev/null || true");
  });
});

describe("settings that lock the operator out", () => {
  let failed: Result;
  let before: string;
  let meanwhile: FlowsReport;

  beforeAll(async () => {
    before = await rules();
    const busy = await keepBusy(lab.published[4], untouched);
    await configure([], { adminCidrs: ["192.0.2.99/32"] });
    failed = await lab.operator.attempt("up");
    meanwhile = await busy.end();
  });

  test("fail up, which names them", () => {
    expect(failed.code).not.toBe(0);
    expect(failed.stdout).toContain("adminCidrs");
  });

  test("end by themselves: SSH lets the operator in again", async () => {
    await untilSshIsOpen();
    expect(await rules()).toBe(before);
  });

  test("cost the forwards no new connection and no packet of an open flow", () => {
    expectUnharmed(meanwhile);
  });

  test("are mended by the next up", async () => {
    await configure();
    await lab.operator.up();
    expect(await sshAtRelay()).toBe("open");
    expect(await rules()).toBe(before);
  });
});

/** What systemd says of our firewall and of the tunnel. */
async function stateOfOurs(machine: "home" | RelayMachine): Promise<string[]> {
  const words = await shell(machine, "systemctl is-active homerelay-firewall wg-quick@homerelay || :");
  return words.trim().split("\n");
}

describe("what the system does by itself takes nothing of ours away", () => {
  test.each(["start", "reload", "restart"])(
    "nftables.service that is told to %s, at both ends",
    async (verb) => {
      const guard = () => shell("home", "nft --stateless --terse list table inet homerelay");
      const before = [await rules(), await guard()];
      for (const machine of [lab.relay, "home"] as const) await shell(machine, `systemctl ${verb} nftables`);
      await until("our tables are back", 20, async () =>
        expect([await rules(), await guard(), await shell(lab.relay, "nft list tables")]).toEqual([
          ...before,
          expect.stringContaining("table inet homerelay_counters\n"),
        ]),
      );
      await until("the forwards answer", 30, expectForwardsToAnswer);
    },
  );

  test.each([
    ["home", () => "home" as const],
    ["relay", () => lab.relay],
  ])("nftables.service that is stopped and started at the %s", async (_, machine) => {
    await shell(machine(), "systemctl stop nftables");
    expect(await stateOfOurs(machine())).toEqual(["inactive", "inactive"]);
    await shell(machine(), "systemctl start nftables");
    await until("all of ours is back", 20, async () =>
      expect(await stateOfOurs(machine())).toEqual(["active", "active"]),
    );
    await until("the forwards answer", 30, expectForwardsToAnswer);
  });

  test("systemd-networkd that sets up an interface at home", async () => {
    const rulesAtHome = () => shell("home", "ip -4 rule show; ip -6 rule show");
    const before = await rulesAtHome();
    expect(before).toContain("lookup 18546\n");
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

  test("rules and routes that somebody takes away at home, and the tunnel's own end leaves none", async () => {
    const ours = () =>
      shell("home", "ip -4 rule show | grep 'lookup 18546' || :; ip -4 route show table 18546 2>&1");
    const before = await ours();
    expect(before).toContain("lookup 18546\n");
    // One after the other: `ip rule flush` leaves what has priority 0.
    await shell(
      "home",
      "while ip -4 rule delete lookup 18546 2>/dev/null; do :; done; ip -4 route flush table 18546",
    );
    await until("they are back", 30, async () => expect(await ours()).toBe(before));
    await shell(
      "home",
      "systemctl stop wg-quick@homerelay homerelay-mend.timer homerelay-mend.service; sleep 17",
    );
    expect(await ours()).not.toContain("lookup 18546");
    await shell("home", "systemctl start wg-quick@homerelay");
    await until("the forwards answer", 30, expectForwardsToAnswer);
    // Also one that ends while they are looked at.
    await shell("home", "systemctl start --no-block homerelay-mend; systemctl restart wg-quick@homerelay");
    await until("the forwards answer", 30, expectForwardsToAnswer);
  });

  test("and the timer of the relay, which has run by now, has written nothing but what it mended", async () => {
    const timer = "systemctl show --property=LastTriggerUSec --value homerelay-mend.timer";
    expect((await shell(lab.relay, timer)).trim()).toMatch(/\d/);
    const said = await shell(
      lab.relay,
      "journalctl --quiet --boot --output=cat --unit=homerelay-mend.service",
    );
    // It may have looked while nftables.service was being restarted.
    expect(said.split("\n").filter((line) => line !== "" && !/ was .*, and is .* again$/.test(line))).toEqual(
      [],
    );
  });
});

describe("a tunnel that somebody took down by hand comes back with its step", () => {
  test.each([
    ["home", () => "home" as const, "**nas-tunnel"],
    ["relay", () => lab.relay, "**relay-tunnel-interface"],
  ])("at the %s", async (_, machine, step) => {
    await shell(machine(), "wg-quick down homerelay");
    await lab.operator.up(["--replace", step]);
    await until("the forwards answer", 30, expectForwardsToAnswer);
  });
});

const otherBoot = (machine: string, before: number) =>
  until(`${machine} boots`, 120, async () => expect(await initPid(machine)).not.toBe(before));

describe("the forwards work again by themselves", () => {
  // Whose file of kernel settings comes after ours.
  beforeAll(async () => {
    for (const machine of [lab.relay, "home"] as const)
      await shell(
        machine,
        "printf '%s = 0\n' net.ipv4.ip_forward net.ipv4.conf.all.src_valid_mark >/etc/sysctl.d/99-owner.conf",
      );
  });

  // The first one: a home that has just booted speaks by itself, and so would show the relay where it is.
  test("after the carrier gave the home another address", async () => {
    const next = await renumber();
    await until("the forwards answer", 60, expectForwardsToAnswer);
    expect(await shell(lab.relay, "wg show homerelay endpoints")).toContain(`\t${next}:`);
  });

  test.each(["reboot", "power-cut"] as const)("after a %s of the relay", async (action) => {
    const before = await initPid(lab.relay);
    await power(lab.relay, action);
    await otherBoot(lab.relay, before);
    await until("the forwards answer", 60, expectForwardsToAnswer);
  });

  test.each(["reboot", "power-cut"] as const)("after a %s of the home", async (action) => {
    const before = await initPid("home");
    await power("home", action);
    await otherBoot("home", before);
    await until("the forwards answer", 60, expectForwardsToAnswer);
    expect(await shell("home", "sysctl -n net.ipv4.conf.all.src_valid_mark")).toBe("1\n");
  });
});

describe("a firewall file that a power cut left empty", () => {
  const cases: readonly [string, () => "home" | RelayMachine, string][] = [
    ["home", () => "home", "**nas-guard"],
    ["relay", () => lab.relay, "**relay-firewall-rules"],
  ];

  test.each(cases)(
    "at the %s keeps the tunnel down, and is whole again with its step",
    async (_, machine, step) => {
      const before = await initPid(machine());
      await shell(machine(), ": >/etc/homerelay/firewall.nft; sync");
      await power(machine(), "power-cut");
      await otherBoot(machine(), before);
      await until("it has booted", 60, async () =>
        expect(await shell(machine(), "systemctl is-active multi-user.target || :")).toBe("active\n"),
      );
      expect(await stateOfOurs(machine())).toEqual(["failed", "inactive"]);
      expect(await shell(machine(), "ip link show dev homerelay 2>&1 || :")).toContain("does not exist");
      expect(await sshAtRelay()).toBe("open");
      await lab.operator.up(["--replace", step]);
      await until("all of ours is back", 20, async () =>
        expect(await stateOfOurs(machine())).toEqual(["active", "active"]),
      );
      await until("the forwards answer", 30, expectForwardsToAnswer);
    },
  );
});

describe("destroy", () => {
  test("leaves the tables of others at home as they were", async () => {
    // The reboots took them away.
    const before = await makeForeignTables("home");
    await lab.operator.destroy();
    expect(await foreignTables("home")).toBe(before);
    expect(await shell("home", "nft list tables")).not.toContain("inet homerelay");
  });
});
