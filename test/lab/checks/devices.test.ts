import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { addresses, namespaces } from "../addresses.ts";
import { deleteServersByHand } from "../cloudByHand.ts";
import { power } from "../control.ts";
import { configOf, joinTunnel, leaveTunnel, showDevice, widen } from "../device.ts";
import type { DeviceName } from "../device.ts";
import { expectCut, expectUnharmed, failingUp } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { initPid } from "../machines.ts";
import { ipBatch } from "../network.ts";
import { home } from "../operator.ts";
import {
  bring,
  keepBusy,
  knock,
  parseTestimony,
  perform,
  ping,
  serve,
  shell,
  start,
  strangerBy,
  tcp,
  udp,
} from "../people.ts";
import type { FlowsReport, Place, Probe } from "../people.ts";
import { tracesOn } from "../traces.ts";
import { until } from "../world.ts";

/** Addresses in the tunnel, which come from the names. */
const nas = { 4: "10.77.218.48", 6: "fd77::da30" } as const;
const relayInside = { 4: "10.77.0.1", 6: "fd77::1" } as const;
/** Forwarded, so that a stranger can keep it busy. */
const echo = 64738;
/** Open at home, and not forwarded. */
const inside = 9999;
/** What an owner could route into the tunnel who wants more than was given. */
const everything = ["10.77.0.0/16", "fd77::/64", "192.168.1.0/24", "203.0.113.0/24"];
/** What the home has of IPv6 once its carrier gives it some. */
const acceptRa = "/proc/sys/net/ipv6/conf/eth0/accept_ra";
const lan6 = { home: "2001:db8:f:2::10", router: "2001:db8:f:2::1" } as const;

let traces: string;
let inTunnel: Record<DeviceName, Record<4 | 6, string>>;

const lab = raiseLab({
  stack: "devices",
  packages: { home: ["iptables"] },
  before: async () => {
    for (const program of ["bulk.py", "container.sh", "witness.py"]) await bring("home", program);
    traces = await tracesOn("home");
  },
  settings: () => settings([]),
  up: true,
});

beforeAll(async () => {
  for (const [place, program, ...args] of [
    ["laptop", "witness.py", "tcp:7000", "udp:7000"],
    ["phone", "witness.py", "tcp:7000", "udp:7000"],
    ["stranger", "witness.py", "tcp:7000", "udp:7000"],
    ["stranger", "bulk.py", "serve", "7100"],
  ] as const)
    await (
      await start(place, program, args)
    ).begun;
});

afterAll(async () => {
  for (const device of ["laptop", "phone"] as const) await leaveTunnel(device);
});

async function settings(devices: readonly unknown[]) {
  return { homes: [await home(["80:8080", `${echo}/tcp+udp`])], devices };
}

/** Brings the device's own configuration up, with all else routed into the tunnel that is said. */
async function joins(device: DeviceName, alsoRouted: readonly string[] = []): Promise<void> {
  const config = await configOf(lab.operator, device);
  const own = /^AllowedIPs = (.*)$/m.exec(config)?.[1]?.split(", ") ?? [];
  await joinTunnel(device, alsoRouted.length === 0 ? config : widen(config, [...own, ...alsoRouted]));
}

/** The relay answers a ping through the tunnel, so silence of others is not that of a tunnel that is not there. */
async function expectTunnel(device: DeviceName): Promise<void> {
  await until(`${device}'s tunnel carries packets`, 20, async () =>
    expect(await knock(device, [{ protocol: "ping", address: relayInside[4] }], 1)).toEqual(["pong"]),
  );
}

/** The carrier gives the home IPv6; the home knows its router as if the kernel had heard it announce itself. */
async function giveHomeIpv6(): Promise<void> {
  await ipBatch(namespaces.internet, [
    "addr replace 2001:db8:c::1/64 dev to-cgnat nodad",
    "route replace 2001:db8:f::/48 via 2001:db8:c::2",
  ]);
  await ipBatch(namespaces.cgnat, [
    "addr replace 2001:db8:c::2/64 dev outside nodad",
    "addr replace 2001:db8:f:1::1/64 dev inside nodad",
    "route replace default via 2001:db8:c::1",
    "route replace 2001:db8:f:2::/64 via 2001:db8:f:1::2",
  ]);
  await ipBatch(namespaces.router, [
    "addr replace 2001:db8:f:1::2/64 dev outside nodad",
    `addr replace ${lan6.router}/64 dev lan nodad`,
    "route replace default via 2001:db8:f:1::1",
  ]);
  await shell(
    "home",
    `ip address replace ${lan6.home}/64 dev eth0 nodad; ip -6 route replace default via ${lan6.router} dev eth0 proto ra; echo 1 >${acceptRa}`,
  );
}

/** Nothing passes that does not come from where its answer would go to. */
async function setStrictReversePath(place: Place): Promise<void> {
  await shell(place, 'for it in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 1 >"$it"; done');
}

/** Three megabytes in each direction, without a stall; returns whom the other end saw. */
async function moveBytes(place: Place, address: string, port: number): Promise<string[]> {
  const saw: string[] = [];
  for (const verb of ["fetch", "give"]) {
    const { code, stdout, stderr } = await perform(place, "bulk.py", [
      verb,
      address,
      `${port}`,
      "3000000",
      "5",
    ]);
    if (code !== 0) throw new Error(`bulk.py ${verb}: ${stdout}${stderr}`);
    saw.push(stdout.trim());
  }
  return saw;
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

/** `up` with other devices, while a stranger keeps the home busy; it has to notice nothing. */
async function change(devices: readonly unknown[]): Promise<void> {
  const strangers = await keepBusy(lab.published[4], echo);
  await lab.operator.configure(await settings(devices));
  await lab.operator.up();
  expectUnharmed(await strangers.end());
}

test("with no device yet, the command says how to make one", async () => {
  const { code, stderr } = await showDevice(lab.operator, ["phone"]);
  expect(code).toBe(1);
  expect(stderr).toContain("The stack has no devices yet. Name them in its settings");
});

describe("devices to which nothing is allowed", () => {
  beforeAll(async () => {
    await change(["phone", "laptop"]);
    for (const device of ["laptop", "phone"] as const) await joins(device, everything);
    inTunnel = { laptop: await addressesOf("laptop"), phone: await addressesOf("phone") };
  });

  async function addressesOf(device: DeviceName): Promise<Record<4 | 6, string>> {
    const [four = "", six = ""] = (/^Address = (.*)$/m.exec(await configOf(lab.operator, device))?.[1] ?? "")
      .split(", ")
      .map((address) => address.replace(/\/.*/, ""));
    return { 4: four, 6: six };
  }

  test("are named to whom asks for another one", async () => {
    const { code, stderr } = await showDevice(lab.operator, ["fone"]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("The stack's devices: laptop, phone")]);
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
    expect(await answers("laptop", { forward: tcp(lab.published[4], echo) })).toEqual({
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

  test("moves data both ways without a stall", async () => {
    await serve("home", "lab-bulk", "bulk.py", ["serve", "9090"]);
    await until("the home serves", 60, async () =>
      expect(await moveBytes("laptop", nas[4], 9090)).toEqual([inTunnel.laptop[4], inTunnel.laptop[4]]),
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

const phoneOut = { name: "phone", allow: ["internet via nas"], dns: ["9.9.9.9"] };

describe("a device that may reach a part of the LAN, and one whose traffic goes out at home", () => {
  /** To the home, whose guard has a say, and to the phone, which has none: the relay alone cuts these. */
  let closed: FlowsReport[];

  beforeAll(async () => {
    await giveHomeIpv6();
    await setStrictReversePath("home");
    await setStrictReversePath(lab.relay);
    const flows = [await keepBusy(nas[4], echo, "laptop"), await keepBusy(inTunnel.phone[4], 7000, "laptop")];
    await change([phoneOut, { name: "laptop", allow: [`${addresses.printer} via nas`] }]);
    closed = await Promise.all(flows.map(({ end }) => end()));
    await joins("laptop", everything);
    await joins("phone");
    await expectTunnel("laptop");
    await expectTunnel("phone");
  });

  test("has its open flows cut to what it may no longer reach", () => {
    for (const flows of closed) expectCut(flows);
  });

  test("reaches that part, and not the home", async () => {
    // The printer knows no way back into the tunnel: it sees the home.
    expect(await answers("laptop", wishes)).toEqual({ printer: `${addresses.home} hello` });
  });

  test("goes to the internet with the home's address, and nowhere else", async () => {
    expect(await configOf(lab.operator, "phone")).toContain("\nDNS = 9.9.9.9\n");
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
    expect(
      await answers("phone", { tcp: tcp(lab.published[4], echo), udp: udp(lab.published[4], echo) }),
    ).toEqual({
      tcp: `${relayInside[4]} hello`,
      udp: `${relayInside[4]} hello`,
    });
    expect(await answers("stranger", { tcp: tcp(lab.published[4], echo) })).toEqual({
      tcp: `${strangerBy[4]} hello`,
    });
    expect(await answers("phone", { ssh: tcp(lab.published[4], 22) })).toEqual({});
  });

  test("goes there over IPv6 too, where the home has it, and still not into the LAN", async () => {
    const [answer] = await knock("phone", [tcp(addresses.stranger6, 7000)]);
    expect(parseTestimony(answer)?.client).toBe(lan6.home);
    const forbidden = { home: tcp(lan6.home, inside), ping: ping(lan6.home), router: ping(lan6.router) };
    expect(await answers("phone", forbidden)).toEqual({});
    // Its own network is what it was: routers that announce themselves are still listened to.
    expect(await shell("home", `cat ${acceptRa}`)).toBe("2\n");
  });

  test("moves data both ways without a stall", async () => {
    expect(await moveBytes("phone", addresses.stranger, 7100)).toEqual([
      addresses.cgnatOutside,
      addresses.cgnatOutside,
    ]);
  });

  test("is left asleep by the relay, which keeps the home's way open alone", async () => {
    const keepalives = await shell(lab.relay, "wg show homerelay persistent-keepalive | cut -f 2 | sort");
    expect(keepalives).toBe("5\noff\noff\n");
    await shell(lab.relay, "/usr/local/lib/homerelay/remember-endpoints.sh save");
    expect(await shell(lab.relay, "wc -l </var/lib/homerelay/endpoints")).toBe("1\n");
  });

  test("a relay in the wrong hands gets as a device where that device may go, and no further", async () => {
    const refusedByGuard = async () => {
      const chain = await shell("home", "nft list chain inet homerelay from_device");
      return Number(/packets (\d+) bytes \d+ drop comment "not open to this device"/.exec(chain)?.[1]);
    };
    const as = (device: DeviceName, family: 4 | 6, ...targets: readonly string[]) =>
      targets.map((address) => ({ ...udp(address, 5000), from: { address: inTunnel[device][family] } }));
    const before = await refusedByGuard();
    const closed = [
      ...as(
        "phone",
        4,
        nas[4],
        addresses.home,
        addresses.printer,
        addresses.homeRouter,
        addresses.cgnatInside,
      ),
      ...as("phone", 6, nas[6], lan6.home, lan6.router),
      ...as("laptop", 4, nas[4], addresses.home, addresses.homeRouter, addresses.stranger),
      ...as("laptop", 6, nas[6]),
    ];
    await knock(lab.relay, [...closed, ...as("laptop", 4, addresses.printer)], 1);
    expect((await refusedByGuard()) - before).toBe(closed.length);
  });

  test("the home that is the way out cannot pose as somebody of the internet", async () => {
    const [forged, route] = ["203.0.113.99", "priority 100 from 203.0.113.99 lookup 18546"];
    await shell("home", `ip rule add ${route}`);
    try {
      const from = { address: forged };
      const targets = [inTunnel.laptop[4], inTunnel.phone[4]].map((address) => ({
        ...udp(address, 7000),
        from,
      }));
      await knock("home", [...targets, { ...udp(lab.published[4], 22), from }], 1);
    } finally {
      await shell("home", `ip rule delete ${route}`);
    }
    const rules = await shell(lab.relay, "nft list table inet homerelay");
    const counted = (comment: string) =>
      Number(new RegExp(`packets (\\d+) bytes \\d+ drop comment "${comment}"`).exec(rules)?.[1] ?? 0);
    expect(counted("poses as the internet")).toBeGreaterThanOrEqual(2);
  });
});

/** The phone goes out at home, and the laptop reaches the printer. */
async function expectBothToReach(): Promise<void> {
  const [phones] = await knock("phone", [tcp(addresses.stranger, 7000)]);
  expect(parseTestimony(phones)?.client).toBe(addresses.cgnatOutside);
  expect(await answers("laptop", { printer: wishes["printer"] ?? ping("") })).toEqual({
    printer: `${addresses.home} hello`,
  });
}

describe("a home with Docker", () => {
  let said: string;

  beforeAll(async () => {
    await shell("home", "/opt/lab/container.sh 9082:9082/tcp && iptables -P FORWARD DROP");
    await serve("container", "lab-container-witness", "witness.py", ["tcp:9082"]);
    await lab.operator.configure(
      await settings([phoneOut, { name: "laptop", allow: ["nas", `${addresses.printer} via nas`] }]),
    );
    said = await failingUp(lab.operator);
  });

  test("is told what Docker swallows, with the mend, which mends it", async () => {
    expect(said).toContain("Devices do not get through until that is done.");
    const mend = /^.*(iptables -I FORWARD -i homerelay.*)$/m.exec(said)?.[1];
    await shell("home", mend ?? "false");
    await lab.operator.up();
    await joins("laptop");
    await expectBothToReach();
  });

  test("shows a container the device that calls it", async () => {
    await until("the container answers", 20, async () => {
      const [answer] = await knock("laptop", [tcp(nas[4], 9082)], 1);
      expect(parseTestimony(answer)?.client).toBe(inTunnel.laptop[4]);
    });
  });
});

describe("devices find their way again by themselves", () => {
  test.each([
    ["the relay", () => lab.relay],
    ["the home", () => "home" as const],
  ])("after a power cut of %s", async (_, machine) => {
    const before = await initPid(machine());
    await power(machine(), "power-cut");
    await until("it boots", 120, async () => expect(await initPid(machine())).not.toBe(before));
    await until("both devices reach what they may", 60, expectBothToReach);
  });

  test("where the home has no IPv6, a device that goes out there is told so at once", async () => {
    expect(await knock("phone", [tcp(addresses.stranger6, 7000)], 3)).toEqual(["(ENETUNREACH)"]);
  });
});

describe("a new server in the relay's place", () => {
  test("has the same devices, whose configuration stays as it is", async () => {
    const before = await configOf(lab.operator, "phone");
    await deleteServersByHand();
    await lab.operator.up(["--refresh"]);
    expect(await configOf(lab.operator, "phone")).toBe(before);
    await until("both devices reach what they may", 60, expectBothToReach);
    await lab.readRelay();
  });
});

describe("without devices", () => {
  test("the relay and the home are as if there had never been any", async () => {
    await change([]);
    expect(await shell(lab.relay, "ip rule show; ip -6 rule show; ip route show table all")).not.toMatch(
      /18546|192\.168/,
    );
    expect(await shell(lab.relay, "wg show homerelay allowed-ips")).toMatch(
      new RegExp(`^\\S+\\t${nas[4]}/32 ${nas[6]}/128\n$`),
    );
    expect(await shell("home", "sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding")).toBe("0\n0\n");
    expect(await shell("home", `cat ${acceptRa}`)).toBe("1\n");
    await leaveTunnel("phone");
  });

  test("destroy leaves no trace at home", async () => {
    await lab.operator.destroy();
    expect(await tracesOn("home")).toBe(traces);
  });
});
