/** What `npm run status` shows is what is: to a person who asks while all is well, and when it is not. */
import { describe, expect, test } from "@jest/globals";
import type { StatusReport } from "../../../components/status/report.ts";
import { raiseLab } from "../fixture.ts";
import { withChangedTable } from "../mending.ts";
import { home, zone } from "../operator.ts";
import { knock, shell, tcp } from "../people.ts";
import { until } from "../world.ts";

const lab = raiseLab({
  stack: "status",
  settings: async () => ({
    homes: [await home(["80:8080", "9000-9010:9000-9010"])],
    devices: ["phone"],
    dns: { zone, createZone: true, names: ["@", "www"] },
  }),
  up: true,
});

const program = "components/status/show-status.ts";

async function status(...args: string[]) {
  return lab.operator.command(["node", program, "--stack", lab.operator.stack, ...args]);
}

async function report(): Promise<StatusReport> {
  const { stdout, stderr } = await status("--json");
  expect(stderr).toBe("");
  return JSON.parse(stdout) as StatusReport;
}

const forwardAt = ({ homes }: StatusReport, published: string) =>
  homes[0]?.forwards.find((forward) => forward.published === published);

test("all is well: the relay, its names, the home and what the proof found", async () => {
  const { code, stdout, stderr } = await status();
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("All is well.");
  const found = await report();
  expect(found).toMatchObject({
    version: 1,
    stack: `home-relay/${lab.operator.stack}`,
    well: true,
    relay: {
      provider: "hetzner",
      ipv4: lab.published[4],
      ipv6: lab.published[6],
      host: { missing: [], failedUnits: [] },
    },
    names: [
      { name: zone, leadsHere: true },
      { name: `www.${zone}`, leadsHere: true },
    ],
    homes: [{ name: "nas", state: "here", byHand: false, host: { missing: [], failedUnits: [] } }],
    devices: [{ name: "phone", state: "away" }],
    traffic: { source: "hetzner", includedBytes: 20 * 1024 ** 4 },
    cost: { currency: "EUR" },
    problems: [],
  });
  expect(forwardAt(found, "80")?.proof).toBe("open");
  expect(found.cost?.total).toBeGreaterThan(0);
});

test("the connections of a stranger are counted, each once, at the forward that they came by", async () => {
  const before = await report();
  for (let i = 0; i < 3; i++)
    await knock(
      "stranger",
      Array.from({ length: 5 }, () => tcp(lab.published[4], 80)),
    );
  await knock("stranger", [
    tcp(lab.published[6], 80),
    tcp(lab.published[4], 9003),
    tcp(lab.published[4], 9004),
  ]);
  const after = await report();
  const more = (published: string) =>
    (forwardAt(after, published)?.connections ?? 0) - (forwardAt(before, published)?.connections ?? 0);
  expect([more("80"), more("9000-9010")]).toEqual([16, 2]);
  expect(forwardAt(after, "80")?.fromHomeBytes).toBeGreaterThan(forwardAt(before, "80")?.fromHomeBytes ?? 0);
});

test("the relay's own count of the month goes on after a reboot", async () => {
  const memory = () => shell(lab.relay, "/usr/local/lib/homerelay/remember-traffic.sh show");
  expect(await shell(lab.relay, "systemctl is-active homerelay-traffic.timer")).toBe("active\n");
  await shell(lab.relay, "systemctl start homerelay-traffic.service");
  const [, since] = (await memory()).split(" ");
  const noted = await shell(lab.relay, "sed -n 's/^sent //p' /var/lib/homerelay/traffic");
  await shell(lab.relay, "sed -i 's/^boot .*/boot another/' /var/lib/homerelay/traffic");
  const [, sinceThen, , sent] = (await memory()).trim().split(" ");
  expect(sinceThen).toBe(since);
  expect(Number(sent)).toBeGreaterThan(1.5 * Number(noted));
});

describe("where something is wrong", () => {
  test("a home that is cut off is said to be away, that it is on, and what to type", async () => {
    await shell(
      "home",
      "nft 'table inet lab_cut { chain out { type filter hook output priority 0; udp dport 51820 drop; }; }'",
    );
    await shell(lab.relay, "systemctl restart wg-quick@homerelay");
    const { code, stdout } = await until("the relay answers again", 60, async () => {
      const found = await status();
      expect(found.stdout).not.toContain("cannot be asked");
      return found;
    });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^nas {6}away, not heard of since the tunnel started$/m);
    expect(stdout).toMatch(
      /nas is away: the relay has not heard[^]*It answers SSH, so it is on[^]*ssh -p 22 root@\S+ 'systemctl restart wg-quick@homerelay'/,
    );
    await shell("home", "nft delete table inet lab_cut");
    await until("the home is back", 60, async () => expect((await report()).homes[0]?.state).toBe("here"));
  });

  test("rules that are gone are missed", async () => {
    const { problems } = await withChangedTable(lab.relay, "nft delete table inet homerelay", report);
    expect(problems.map(({ what }) => what)).toEqual([
      "the relay: our firewall rules are not in its kernel.",
    ]);
  });

  test("hosts that are silent cost seconds, and what is known without them is shown", async () => {
    const silence =
      "nft 'table inet lab_silence { chain in { type filter hook input priority -50; tcp dport 22 drop; }; }'";
    await shell(lab.relay, silence);
    await shell("home", silence);
    const begun = Date.now();
    const { code, stdout } = await status();
    expect(Date.now() - begun).toBeLessThan(60_000);
    for (const machine of [lab.relay, "home"] as const)
      await shell(machine, "nft delete table inet lab_silence");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^relay {4}Hetzner \S+ \S+, cannot be asked$/m);
    expect(stdout).toMatch(/- the relay does not answer: tried ssh to [^]*Look at it in Hetzner's console\./);
    expect(stdout).toMatch(/- nas cannot be asked how it is\.\n[^]*nas does not answer/);
    expect(stdout).toContain(`www.${zone} leads here`);
  });
});

test("a word that it does not know is told, with those that it knows", async () => {
  const { code, stderr } = await lab.operator.command(["node", program, "--jsno"]);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^What is --jsno\?\nusage: npm run status /)]);
});
