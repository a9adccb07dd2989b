/** What a home may have of its own: a line with IPv6, a router that lets somebody in, a VPN. Nothing of ours is there. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { addresses, registrarPort } from "../addresses.ts";
import { power } from "../control.ts";
import { raiseLab } from "../fixture.ts";
import { initPid } from "../machines.ts";
import { kernelTimeouts, forgetFlows, setUdpTimeouts, udpFlows } from "../network.ts";
import { homeOnTheInternet, knock, order, parseTestimony, registrarBy, seenAs, serve } from "../people.ts";
import { logOf, shell, start, strangerBy, tcp, udp } from "../people.ts";
import type { Place } from "../people.ts";
import { until, untilSshAnswers } from "../world.ts";
import { seenFromVpn, startVpnAtBoot, vpn } from "../vpn.ts";

const families = [4, 6] as const;
const echo = 64738;
const { router: ownAddress } = homeOnTheInternet;

raiseLab({
  homeIpv6: "native",
  router: {
    publicAddress: true,
    hairpin: true,
    forwards: [
      { protocol: "tcp", port: echo, to: "home" },
      { protocol: "udp", port: echo, to: "home" },
      { protocol: "udp", port: 5061, to: "home" },
      { protocol: "tcp", port: 9100, to: "printer" },
    ],
  },
  blockedPorts: [25],
  vpn: "down",
});

describe.each(families)("over IPv%i", (family) => {
  const home = ownAddress[family];

  test("a stranger reaches what the router lets in, and is seen as himself", async () => {
    const printer = family === 4 ? home : addresses.printer6;
    const probes = [tcp(home, echo), udp(home, echo), tcp(printer, 9100)];
    expect(await knock("stranger", probes)).toEqual(probes.map(() => `${strangerBy[family]} hello`));
  });

  test("and nothing else", async () => {
    const closed = [tcp(home, 8080), tcp(home, 22), udp(home, 5000)];
    const others = [addresses.operator6, addresses.printer6].map((address) => tcp(address, 22));
    const probes = [...closed, ...(family === 6 ? others : [])];
    expect(await knock("stranger", probes, 1)).toEqual(probes.map(() => null));
  });

  test("the internet sees the home's own address", async () => {
    expect(await seenAs("home", family)).toBe(home);
  });
});

test("the LAN's machines are on the internet over IPv6, each by its own address", async () => {
  const places = ["operator", "printer"] as const;
  expect(await Promise.all(places.map((place) => seenAs(place, 6)))).toEqual([
    addresses.operator6,
    addresses.printer6,
  ]);
});

test("the LAN reaches the router's forwards at its public address, as the router", async () => {
  const probes = [tcp(ownAddress[4], echo), udp(ownAddress[4], echo)];
  for (const place of ["operator", "home"] as const)
    expect(await knock(place, probes)).toEqual(probes.map(() => `${addresses.homeRouter} hello`));
});

test.each(families)("the line lets nobody connect to port 25 over IPv%i", async (family) => {
  await (
    await start(
      "stranger",
      "witness.py",
      ["tcp:25", "tcp:26"].map((it) => `${it}@${strangerBy[family]}`),
    )
  ).begun;
  const probes = [25, 26].map((port) => tcp(strangerBy[family], port));
  const [blocked, open] = (await knock("home", probes, 2)).map(parseTestimony);
  expect([blocked, open?.client]).toEqual([undefined, ownAddress[family]]);
});

describe("a telephone at home", () => {
  const control = 4000;
  const strangersPort = 6000;

  beforeAll(async () => {
    await serve("home", "lab-telephone", "telephone.py", [`${control}`, "5060", "5061:asked"]);
    await until("it is ready", 30, async () => expect(await logOf("lab-telephone")).toContain("begun"));
    await (
      await start("stranger", "telephone.py", [`${control}`, `${strangersPort}`])
    ).begun;
  });

  test.each(families)("registers over IPv%i, and learns how it is seen", async (family) => {
    const said = await order("home", control, `ask 5060 ${registrarBy[family]} ${registrarPort} REGISTER`);
    expect(parseTestimony(said)).toEqual({
      client: ownAddress[family],
      clientPort: 5060,
      port: registrarPort,
      payload: "REGISTER",
    });
  });

  /** The stranger's question, always from the same port. */
  const ask = async (family: 4 | 6) =>
    parseTestimony(await order("stranger", control, `ask ${strangersPort} ${ownAddress[family]} 5061 hello`));

  test.each(families)("answers over IPv%i, and speaks first to whom it knows", async (family) => {
    expect(await ask(family)).toMatchObject({ client: strangerBy[family], payload: "hello" });
    const tell = `tell 5061 ${strangerBy[family]} ${strangersPort} ring`;
    expect(await order("home", control, tell)).toBe("(told)");
    expect(await order("stranger", control, `heard ${strangersPort}`)).toBe(
      `${ownAddress[family]} 5061 tell ring`,
    );
  });

  test("has a machine that forgets flows, at once or when they are idle", async () => {
    // A kernel keeps track only where some rule asks for it.
    await shell(
      "home",
      "nft 'table inet tracked { chain flows { type filter hook prerouting priority 0; ct state new accept; }; }'",
    );
    const remembered = async () => (await udpFlows("home")).includes(`dport=5061`);
    await ask(4);
    expect(await remembered()).toBe(true);
    await forgetFlows("home");
    expect(await remembered()).toBe(false);
    await setUdpTimeouts({ unansweredSeconds: 1, answeredSeconds: 1 }, "home");
    await ask(4);
    await until("it is forgotten", 10, async () => expect(await remembered()).toBe(false));
    await setUdpTimeouts(kernelTimeouts, "home");
  });
});

describe("the home's VPN", () => {
  const seen = (place: Place) => Promise.all(families.map((family) => seenAs(place, family)));
  const own = [ownAddress[4], ownAddress[6]];
  const hidden = [seenFromVpn[4], seenFromVpn[6]];

  test("hides the home, and nobody else, while it is up", async () => {
    expect(await seen("home")).toEqual(own);
    for (const verb of ["start", "restart"] as const) {
      await vpn(verb);
      expect([await seen("home"), await seenAs("operator", 6)]).toEqual([hidden, addresses.operator6]);
    }
    await vpn("stop");
    expect(await seen("home")).toEqual(own);
  });

  test("is up after a boot where its owner wants that", async () => {
    await startVpnAtBoot("Before");
    const before = await initPid("home");
    await power("home", "reboot");
    await until("the home is another one", 60, async () => expect(await initPid("home")).not.toBe(before));
    await untilSshAnswers("home");
    await until("the VPN is up", 30, async () => expect(await seen("home")).toEqual(hidden));
  });
});
