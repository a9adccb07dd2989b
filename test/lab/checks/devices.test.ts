import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { configOf, joinTunnel, leaveTunnel, showDevice, widen } from "../device.ts";
import type { DeviceName } from "../device.ts";
import { exec, machineNames } from "../machines.ts";
import { home, Operator } from "../operator.ts";
import { keepBusy, knock, parseTestimony, shell, start, strangerBy } from "../people.ts";
import type { FlowReport, FlowsReport, Place, Probe } from "../people.ts";
import { Progress } from "../progress.ts";
import { down, until, up } from "../world.ts";

const minute = 60_000;
jest.setTimeout(3 * minute);

/** Addresses in the tunnel, which come from the names. */
const nas = { 4: "10.77.218.48", 6: "fd77::da30" } as const;
const relayInside = { 4: "10.77.0.1", 6: "fd77::1" } as const;
/** Forwarded, so that a stranger can keep it busy. */
const echo = 64738;
/** Open at home, and not forwarded. */
const inside = 9999;
/** What an owner could route into the tunnel who wants more than was given. */
const everything = ["10.77.0.0/16", "fd77::/64", "192.168.1.0/24", "203.0.113.0/24"];

let operator: Operator;
let relay: Place;
let published: string;
let traces: string;
let inTunnel: Record<DeviceName, Record<4 | 6, string>>;

beforeAll(async () => {
  const progress = new Progress(process.stderr);
  await down();
  await up(progress);
  traces = await tracesAtHome();
  operator = await Operator.withStack("devices", () => undefined);
  await configure([]);
  await progress.phase("pulumi up", (detail) => operator.up([], { onLine: detail }));
  published = String((await operator.outputs())["ipv4Address"]);
  relay = await relayMachine();
  for (const device of ["laptop", "phone"] as const)
    await (
      await start(device, "witness.py", ["tcp:7000", "udp:7000"])
    ).begun;
  await (
    await start("stranger", "witness.py", ["tcp:7000", "udp:7000"])
  ).begun;
}, 30 * minute);

afterAll(down, minute);

async function configure(devices: readonly unknown[]): Promise<void> {
  await operator.configure({ homes: [await home(["80:8080", `${echo}/tcp+udp`])], devices });
}

async function relayMachine(): Promise<Place> {
  return (await machineNames()).find((name) => name.startsWith("server-")) as Place;
}

async function tracesAtHome(): Promise<string> {
  const script = await readFile(join(import.meta.dirname, "../traces.sh"), "utf8");
  const { code, stdout, stderr } = await exec("home", ["bash", "-s"], { input: script });
  if (code !== 0) throw new Error(`traces.sh: ${stderr}`);
  return stdout;
}

/** Brings the device's own configuration up, with all else routed into the tunnel that is said. */
async function joins(device: DeviceName, alsoRouted: readonly string[] = []): Promise<void> {
  const config = await configOf(operator, device);
  const own = /^AllowedIPs = (.*)$/m.exec(config)?.[1]?.split(", ") ?? [];
  await joinTunnel(device, alsoRouted.length === 0 ? config : widen(config, [...own, ...alsoRouted]));
}

/** The relay answers a ping through the tunnel, so silence of others is not that of a tunnel that is not there. */
async function expectTunnel(device: DeviceName): Promise<void> {
  await until(`${device}'s tunnel carries packets`, 20, async () =>
    expect(await knock(device, [{ protocol: "ping", address: relayInside[4] }], 1)).toEqual(["pong"]),
  );
}

/** What the answers are that came, by the question. */
async function answers(
  place: Place,
  probes: Readonly<Record<string, Probe>>,
  seconds = 2,
): Promise<Record<string, string>> {
  const all = await knock(place, Object.values(probes), seconds);
  const named = Object.keys(probes).map((name, i) => [name, all[i]] as const);
  return Object.fromEntries(named.filter((one): one is [string, string] => typeof one[1] === "string"));
}

const tcp = (address: string, port: number): Probe => ({ protocol: "tcp", address, port });
const udp = (address: string, port: number): Probe => ({ protocol: "udp", address, port });
const ping = (address: string): Probe => ({ protocol: "ping", address });

/** Whatever a device could want, but for the other device. */
const wishes: Readonly<Record<string, Probe>> = {
  "home, tcp": tcp(nas[4], inside),
  "home, udp": udp(nas[4], 5000),
  "home, a forwarded port": tcp(nas[4], echo),
  "home, ssh": tcp(nas[4], 22),
  "home, ping": ping(nas[4]),
  "home, tcp over IPv6": tcp(nas[6], inside),
  "home's address in the LAN": tcp(addresses.home, inside),
  printer: tcp(addresses.printer, 9100),
  "a stranger": tcp(addresses.stranger, 7000),
  "relay, ssh": tcp(relayInside[4], 22),
  "relay, ssh over IPv6": tcp(relayInside[6], 22),
};

const unharmed = ({ sent, answered, alive }: FlowReport) => alive && answered === sent;

function expectUnharmed({ connections, failed, lines, datagrams }: FlowsReport): void {
  expect(connections).toBeGreaterThan(10);
  expect(failed).toEqual([]);
  expect([lines, datagrams].filter((flow) => !unharmed(flow))).toEqual([]);
}

/** `up` with other devices, while a stranger keeps the home busy; it has to notice nothing. */
async function change(devices: readonly unknown[]): Promise<void> {
  const strangers = await keepBusy(published, echo);
  await configure(devices);
  await operator.up();
  expectUnharmed(await strangers.end());
}

test("with no device yet, the command says how to make one", async () => {
  const { code, stderr } = await showDevice(operator, ["phone"]);
  expect(code).toBe(1);
  expect(stderr).toContain("The stack has no devices yet. Name them in home-relay:devices");
});

describe("devices to which nothing is allowed", () => {
  beforeAll(async () => {
    await change(["phone", "laptop"]);
    for (const device of ["laptop", "phone"] as const) await joins(device, everything);
    inTunnel = { laptop: await addressesOf("laptop"), phone: await addressesOf("phone") };
  });

  async function addressesOf(device: DeviceName): Promise<Record<4 | 6, string>> {
    const [four = "", six = ""] = (/^Address = (.*)$/m.exec(await configOf(operator, device))?.[1] ?? "")
      .split(", ")
      .map((address) => address.replace(/\/.*/, ""));
    return { 4: four, 6: six };
  }

  test("are named to whom asks for another one", async () => {
    const { code, stderr } = await showDevice(operator, ["fone"]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("The stack's devices: phone, laptop")]);
  });

  test("join", async () => {
    await expectTunnel("laptop");
    await expectTunnel("phone");
  });

  test("reach nothing, whatever they send into the tunnel", async () => {
    const phone = { phone: tcp(inTunnel.phone[4], 7000), "phone, ping": ping(inTunnel.phone[4]) };
    expect(await answers("laptop", { ...wishes, ...phone })).toEqual({});
  });

  test("are reached by nobody: not by the home, not by the relay's callers", async () => {
    const laptop = { tcp: tcp(inTunnel.laptop[4], 7000), six: tcp(inTunnel.laptop[6], 7000) };
    expect(await answers("home", { ...laptop, ping: ping(inTunnel.laptop[4]) })).toEqual({});
    expect(await answers("phone", laptop)).toEqual({});
  });

  test("use the forwards as everybody does", async () => {
    await joins("laptop");
    expect(await answers("laptop", { forward: tcp(published, echo) })).toEqual({
      forward: `${addresses.laptop} hello`,
    });
  });
});

describe("a device that may reach a home and another device", () => {
  beforeAll(async () => {
    await change(["phone", { name: "laptop", allow: ["nas", "phone"] }]);
    await joins("laptop");
    await joins("phone", everything);
    await expectTunnel("phone");
  });

  test("reaches every port of the home, which sees the device, over both families", async () => {
    const { 4: four, 6: six } = inTunnel.laptop;
    const wanted = {
      tcp: tcp(nas[4], inside),
      udp: udp(nas[4], 5000),
      tcp6: tcp(nas[6], inside),
      udp6: udp(nas[6], 5000),
    };
    await until("the laptop's tunnel carries packets", 20, async () =>
      expect(await answers("laptop", wanted)).toEqual({
        tcp: `${four} hello`,
        udp: `${four} hello`,
        tcp6: `${six} hello`,
        udp6: `${six} hello`,
      }),
    );
  });

  test("reaches the other device, which does not reach it", async () => {
    const seen = await knock("laptop", [tcp(inTunnel.phone[4], 7000), udp(inTunnel.phone[6], 7000)]);
    expect(seen.map((answer) => parseTestimony(answer)?.client)).toEqual([
      inTunnel.laptop[4],
      inTunnel.laptop[6],
    ]);
    const laptop = { tcp: tcp(inTunnel.laptop[4], 7000), udp: udp(inTunnel.laptop[6], 7000) };
    expect(await answers("phone", laptop)).toEqual({});
    expect(await answers("phone", wishes)).toEqual({});
  });

  test("reaches nothing else, whatever it sends into the tunnel", async () => {
    await joins("laptop", everything);
    await expectTunnel("laptop");
    const reached = Object.keys(await answers("laptop", wishes));
    expect(reached).toEqual(Object.keys(wishes).filter((wish) => wish.startsWith("home, ")));
  });
});

describe("a device that may reach a part of the LAN, and one whose traffic goes out at home", () => {
  let closed: FlowsReport;

  beforeAll(async () => {
    const flows = await keepBusy(nas[4], echo, "laptop");
    await change([
      { name: "phone", allow: ["internet via nas"], dns: ["9.9.9.9"] },
      { name: "laptop", allow: [`${addresses.printer} via nas`] },
    ]);
    closed = await flows.end();
    await joins("laptop", everything);
    await joins("phone");
    await expectTunnel("laptop");
    await expectTunnel("phone");
  });

  test("has its open flows cut to what it may no longer reach", () => {
    expect([closed.lines.alive, closed.datagrams.alive]).toEqual([false, false]);
    expect(Math.min(closed.lines.answered, closed.datagrams.answered)).toBeGreaterThan(0);
  });

  test("reaches that part, and not the home", async () => {
    // The printer knows no way back into the tunnel: it sees the home.
    expect(await answers("laptop", wishes)).toEqual({ printer: `${addresses.home} hello` });
  });

  test("goes to the internet with the home's address, and nowhere else", async () => {
    expect(await configOf(operator, "phone")).toContain("\nDNS = 9.9.9.9\n");
    const [seen, datagram] = await knock("phone", [
      tcp(addresses.stranger, 7000),
      udp(addresses.stranger, 7000),
    ]);
    expect([seen, datagram].map((answer) => parseTestimony(answer)?.client)).toEqual([
      addresses.cgnatOutside,
      addresses.cgnatOutside,
    ]);
    expect(Object.keys(await answers("phone", wishes))).toEqual(["a stranger"]);
    expect(await answers("phone", { laptop: tcp(inTunnel.laptop[4], 7000) })).toEqual({});
    const routers = { router: ping(addresses.homeRouter), carrier: ping(addresses.cgnatInside) };
    expect(await answers("phone", routers)).toEqual({});
  });

  test("reaches the stack's own forwards through the tunnel, as the relay; strangers as themselves", async () => {
    expect(await answers("phone", { tcp: tcp(published, echo), udp: udp(published, echo) })).toEqual({
      tcp: `${relayInside[4]} hello`,
      udp: `${relayInside[4]} hello`,
    });
    expect(await answers("stranger", { tcp: tcp(published, echo) })).toEqual({
      tcp: `${strangerBy[4]} hello`,
    });
    expect(await answers("phone", { ssh: tcp(published, 22) })).toEqual({});
  });

  test("moves a page's worth of data both ways without a stall", async () => {
    const url = `http://${published}/`;
    expect(await shell("phone", `curl --silent --max-time 5 ${url}`)).toContain(`You are ${relayInside[4]}`);
  });

  test("the home that is the way out cannot pose as somebody of the internet", async () => {
    const [forged, route] = ["203.0.113.99", "priority 100 from 203.0.113.99 lookup 51820"];
    await shell("home", `ip rule add ${route}`);
    try {
      const from = { address: forged };
      const targets = [inTunnel.laptop[4], inTunnel.phone[4]].map((address) => ({
        ...udp(address, 7000),
        from,
      }));
      await knock("home", [...targets, { ...udp(published, 22), from }], 1);
    } finally {
      await shell("home", `ip rule delete ${route}`);
    }
    const rules = await shell(relay, "nft list table inet homerelay");
    const counted = (comment: string) =>
      Number(new RegExp(`packets (\\d+) bytes \\d+ drop comment "${comment}"`).exec(rules)?.[1] ?? 0);
    expect(counted("poses as the internet")).toBeGreaterThanOrEqual(2);
  });
});

describe("a new server in the relay's place", () => {
  test("has the same devices, whose configuration stays as it is", async () => {
    const before = await configOf(operator, "phone");
    await operator.up(["--replace", "**hcloud:index/server:Server**"]);
    expect(await configOf(operator, "phone")).toBe(before);
    await until("the phone goes to the internet again", 60, async () => {
      const [answer] = await knock("phone", [tcp(addresses.stranger, 7000)]);
      expect(parseTestimony(answer)?.client).toBe(addresses.cgnatOutside);
    });
  });
});

describe("without devices", () => {
  test("the relay and the home are as if there had never been any", async () => {
    await change([]);
    relay = await relayMachine();
    expect(await shell(relay, "ip rule show; ip -6 rule show; ip route show table all")).not.toMatch(
      /51820|192\.168/,
    );
    expect(await shell(relay, "wg show homerelay allowed-ips")).toMatch(
      new RegExp(`^\\S+\\t${nas[4]}/32 ${nas[6]}/128\n$`),
    );
    expect(await shell("home", "sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding")).toBe("0\n0\n");
    await leaveTunnel("phone");
  });

  test("destroy leaves no trace at home", async () => {
    await operator.destroy();
    expect(await tracesAtHome()).toBe(traces);
  });
});
