/** What an edit of the stack file costs a stack that runs: how long nobody gets through, and what lives on. */
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { controlCloud } from "../control.ts";
import { machineNames } from "../machines.ts";
import { home, Operator, zone } from "../operator.ts";
import type { StackConfig } from "../operator.ts";
import { keepBusy, knock, measureOutage, shell, start, strangerBy } from "../people.ts";
import type { FlowsReport, Outage, Probe } from "../people.ts";
import { Progress } from "../progress.ts";
import { provideRoot } from "../root.ts";
import { down, up } from "../world.ts";

const minute = 60_000;
jest.setTimeout(4 * minute);

const port = 64738;
/** Where the stranger has an echo of its own. */
const strangersPort = 7000;

let operator: Operator;
let settings: StackConfig;

beforeAll(async () => {
  const progress = new Progress(process.stderr);
  await down();
  await progress.phase("A Debian 12 system for the relay", (detail) => provideRoot("bookworm", detail));
  await up(progress);
  operator = await Operator.withStack("mind", () => undefined);
  settings = {
    homes: [await home(["80:8080", `${port}:64738/tcp+udp`])],
    dns: { zone, createZone: true },
  };
  await operator.configure(settings);
  await progress.phase("pulumi up", (detail) => operator.up([], { onLine: detail }));
  await start("stranger", "echo.py", [`tcp:${strangersPort}`, `udp:${strangersPort}`]);
}, 30 * minute);

afterAll(down, minute);

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
  await operator.configure(settings);
  const outage = await measureOutage(zone, port);
  const strangers = await keepBusy(String((await operator.outputs())["ipv4Address"]), port);
  const busy = await start("home", "flows.py", [addresses.stranger, String(strangersPort)]);
  await busy.begun;
  await operator.up();
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

/** New connections and datagrams of a stranger, over both address families, are answered. */
async function expectForwardsToAnswer(): Promise<void> {
  const { ipv4Address, ipv6Address } = await operator.outputs();
  const probes = [ipv4Address, ipv6Address].flatMap((address): Probe[] => [
    { protocol: "tcp", address: String(address), port },
    { protocol: "udp", address: String(address), port },
  ]);
  const answers = [strangerBy[4], strangerBy[6]].flatMap((it) => [`${it} hello`, `${it} hello`]);
  expect(await knock("stranger", probes, 2)).toEqual(answers);
}

/** What the home does in the internet by itself never notices. */
function expectHomeUnharmed({ homesOwn: { connections, failed, lines, datagrams } }: Change): void {
  expect(connections).toBeGreaterThan(10);
  expect(failed).toEqual([]);
  for (const flow of [lines, datagrams]) expect([flow.alive, flow.answered]).toEqual([true, flow.sent]);
}

async function expectNoOp(): Promise<void> {
  await controlCloud({ reset: "requests" });
  const { code, stdout } = await operator.pulumi(["preview", "--expect-no-changes", "--non-interactive"]);
  expect([code, code === 0 ? "" : stdout]).toEqual([0, ""]);
  expect(await controlCloud({ get: "requests" })).toEqual([]);
}

const relay = async () =>
  (await machineNames()).find((name) => name.startsWith("server-")) as `server-${string}`;

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
    await expectNoOp();
  });

  test("is the one that was asked for, at both ends", async () => {
    expect(await shell(await relay(), "wg show homerelay listen-port")).toBe("51999\n");
    for (const end of ["home", await relay()] as const) {
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
    const before = await relay();
    const found = await change("serverType", "relay", { serverType: "cx33" });
    expect(found.outage.alive).toBe(true);
    expectHomeUnharmed(found);
    expect(await relay()).toBe(before);
    await expectForwardsToAnswer();
    await expectNoOp();
  });

  test("can be taken back", async () => {
    await change("serverType back", "relay", { serverType: "cx23" });
    await expectForwardsToAnswer();
  });
});

describe("another image", () => {
  test("is another server at the same address, and the home joins it by itself", async () => {
    const before = [await relay(), (await operator.outputs())["ipv4Address"]];
    const found = await change("image", "relay", { image: "debian-12" });
    expect(found.outage.alive).toBe(true);
    expectHomeUnharmed(found);
    const after = [await relay(), (await operator.outputs())["ipv4Address"]];
    expect(after[1]).toBe(before[1]);
    expect(after[0]).not.toBe(before[0]);
    await expectForwardsToAnswer();
    await expectNoOp();
  });
});

describe("another location", () => {
  let before: Record<string, unknown>;

  beforeAll(async () => {
    before = await operator.outputs();
  });

  test("means other addresses, and the preview says so", async () => {
    await operator.configure({ ...settings, relay: { ...settings.relay, location: "hel1" } });
    const { stdout } = await operator.pulumi(["preview", "--diff", "--non-interactive", "--color", "never"]);
    expect(stdout).toContain('~ ORDER_LOCATION: "nbg1" => "hel1"');
    expect(stdout).toMatch(new RegExp(`~ ipAddress +: "${String(before["ipv4Address"])}" => \\[unknown\\]`));
  });

  test("is another server at another address, where its name and the home find it", async () => {
    const cost = await change("location", "relay", { location: "hel1" });
    expect(cost.outage.alive).toBe(true);
    expectHomeUnharmed(cost);
    const { ipv4Address, ipv6Address } = await operator.outputs();
    expect([ipv4Address, ipv6Address]).not.toContain(before["ipv4Address"]);
    expect([ipv4Address, ipv6Address]).not.toContain(before["ipv6Address"]);
    const found = (family: 4 | 6) => shell("stranger", `getent ahostsv${family} ${zone} | head -n 1`);
    expect(await found(4)).toMatch(new RegExp(`^${String(ipv4Address)} `));
    expect(await found(6)).toMatch(new RegExp(`^${String(ipv6Address)} `));
    await expectForwardsToAnswer();
    await expectNoOp();
  });

  test("that failed half-way can be taken back", async () => {
    await controlCloud({ failNext: { command: "create_server", code: "server_error", message: "no room" } });
    await operator.configure({ ...settings, relay: { ...settings.relay, location: "fsn1" } });
    await expect(operator.up()).rejects.toThrow("no room");
    await operator.configure(settings);
    await operator.up();
    await expectForwardsToAnswer();
    await expectNoOp();
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
