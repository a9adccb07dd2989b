/** What an edit of the stack file costs a stack that runs: how long nobody gets through, and what lives on. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { controlCloud } from "../control.ts";
import { expectEchoToAnswer, expectNoChangeAndNoRequest, expectUnharmed } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { relayMachine } from "../machines.ts";
import { home, zone } from "../operator.ts";
import type { Published, StackConfig } from "../operator.ts";
import { keepBusy, measureOutage, shell, start } from "../people.ts";
import type { FlowsReport, Outage } from "../people.ts";

const port = 64738;
/** Where the stranger has an echo of its own. */
const strangersPort = 7000;

let settings: StackConfig;

const lab = raiseLab({
  stack: "mind",
  images: ["debian-12"],
  settings: async () =>
    (settings = {
      homes: [await home(["80:8080", `${port}:64738/tcp+udp`])],
      dns: { zone, createZone: true },
    }),
  up: true,
});

beforeAll(() => start("stranger", "echo.py", [`tcp:${strangersPort}`, `udp:${strangersPort}`]));

interface Change {
  /** Of new connections by name. */
  readonly outage: Outage;
  /** Of a stranger, over connections to the IPv4 address that were open before. */
  readonly strangers: FlowsReport;
  /** The home's own connection to a server in the internet. */
  readonly homesOwn: FlowsReport;
}

/** Changes the settings for good and runs `pulumi up`, while a stranger and the home itself keep asking. */
async function change(what: string, section: "relay" | "tunnel", values: object): Promise<Change> {
  settings = { ...settings, [section]: { ...settings[section], ...values } };
  await lab.operator.configure(settings);
  const outage = await measureOutage(zone, port);
  const strangers = await keepBusy((await lab.operator.published())[4], port);
  const busy = await start("home", "flows.py", [addresses.stranger, String(strangersPort)]);
  await busy.begun;
  await lab.operator.up();
  const found = {
    outage: await outage.end(),
    strangers: await strangers.end(),
    homesOwn: JSON.parse(await busy.end()) as FlowsReport,
  };
  const { asked, failed, seconds } = found.outage;
  const open = found.strangers.lines.alive ? "lived on" : "broke";
  process.stderr.write(
    `  ${what}: ${failed} of ${asked} new connections failed, no answer for ${seconds} s; an open one ${open}\n`,
  );
  return found;
}

async function expectForwardsToAnswer(): Promise<void> {
  await expectEchoToAnswer(await lab.operator.published(), port);
}

/** What the home does in the internet by itself never notices. */
function expectHomeUnharmed({ homesOwn }: Change): void {
  expectUnharmed(homesOwn);
}

describe("another tunnel", () => {
  test.each([
    ["listenPort", { listenPort: 51999 }, "lives on"],
    ["mtu", { mtu: 1380 }, "lives on"],
    ["keepaliveSeconds", { keepaliveSeconds: 15 }, "lives on"],
    ["prefix4", { prefix4: "10.99.0.0/24" }, "breaks with its address"],
    ["prefix6", { prefix6: "fd99::/64" }, "lives on"],
    ["keyGeneration", { keyGeneration: 2 }, "lives on"],
  ])("%s %j: the forwards work when up ends, and an open IPv4 connection %s", async (name, values, fate) => {
    const found = await change(name, "tunnel", values);
    expect(found.outage.alive).toBe(true);
    expect(found.strangers.lines.alive).toBe(fate === "lives on");
    expectHomeUnharmed(found);
    await expectForwardsToAnswer();
    await expectNoChangeAndNoRequest(lab.operator);
  });

  test("is the one that was asked for, at both ends", async () => {
    expect(await shell(await relayMachine(), "wg show homerelay listen-port")).toBe("51999\n");
    for (const end of ["home", await relayMachine()] as const) {
      const shown = await shell(end, "ip -o address show dev homerelay; ip link show dev homerelay");
      expect(shown).toContain("inet 10.99.0.");
      expect(shown).toContain("inet6 fd99::");
      expect(shown).not.toMatch(/10\.77\.|fd77:/);
      expect(shown).toContain("mtu 1380");
    }
  });
});

describe("another server type", () => {
  test("is the same server, started again: up ends when the forwards work", async () => {
    const before = await relayMachine();
    const found = await change("serverType", "relay", { serverType: "cx33" });
    expect(found.outage.alive).toBe(true);
    expectHomeUnharmed(found);
    expect(await relayMachine()).toBe(before);
    await expectForwardsToAnswer();
    await expectNoChangeAndNoRequest(lab.operator);
  });

  test("can be taken back", async () => {
    await change("serverType back", "relay", { serverType: "cx23" });
    await expectForwardsToAnswer();
  });
});

describe("another image", () => {
  test("is another server at the same address, and the home joins it by itself", async () => {
    const before = [await relayMachine(), (await lab.operator.published())[4]];
    const found = await change("image", "relay", { image: "debian-12" });
    expect(found.outage.alive).toBe(true);
    expectHomeUnharmed(found);
    const after = [await relayMachine(), (await lab.operator.published())[4]];
    expect(after[1]).toBe(before[1]);
    expect(after[0]).not.toBe(before[0]);
    await expectForwardsToAnswer();
    await expectNoChangeAndNoRequest(lab.operator);
  });
});

describe("another location", () => {
  let before: Published;

  beforeAll(async () => {
    before = await lab.operator.published();
  });

  test("means other addresses, and the preview says so", async () => {
    await lab.operator.configure({ ...settings, relay: { ...settings.relay, location: "hel1" } });
    const { stdout } = await lab.operator.pulumi([
      "preview",
      "--diff",
      "--non-interactive",
      "--color",
      "never",
    ]);
    expect(stdout).toMatch(/~ HOMERELAY_DOCUMENT: \(json\) \{[\s\S]*?~ location +: "nbg1" => "hel1"/);
    expect(stdout).toMatch(new RegExp(`~ ipAddress +: "${before[4]}" => \\[unknown\\]`));
  });

  test("is another server at another address, where its name and the home find it", async () => {
    const cost = await change("location", "relay", { location: "hel1" });
    expect(cost.outage.alive).toBe(true);
    expectHomeUnharmed(cost);
    const published = await lab.operator.published();
    expect(Object.values(published).filter((address) => Object.values(before).includes(address))).toEqual([]);
    const found = (family: 4 | 6) => shell("stranger", `getent ahostsv${family} ${zone} | head -n 1`);
    expect(await found(4)).toMatch(new RegExp(`^${published[4]} `));
    expect(await found(6)).toMatch(new RegExp(`^${published[6]} `));
    await expectForwardsToAnswer();
    await expectNoChangeAndNoRequest(lab.operator);
  });

  test("that failed half-way can be taken back", async () => {
    await controlCloud({ failNext: { command: "create_server", code: "server_error", message: "no room" } });
    await lab.operator.configure({ ...settings, relay: { ...settings.relay, location: "fsn1" } });
    await expect(lab.operator.up()).rejects.toThrow("no room");
    await lab.operator.configure(settings);
    await lab.operator.up();
    await expectForwardsToAnswer();
    await expectNoChangeAndNoRequest(lab.operator);
  });

  test("leaves nothing behind at the old one", async () => {
    const cloud = (await controlCloud({ get: "everything" })) as Record<
      string,
      { name: string; location: { name: string } }[]
    >;
    for (const kind of ["servers", "primary_ips"])
      expect(new Set(cloud[kind]?.map(({ location }) => location.name))).toEqual(new Set(["hel1"]));
    expect(cloud["primary_ips"]).toHaveLength(2);
  });
});
