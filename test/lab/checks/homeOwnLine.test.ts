/**
 * A home that is on the internet by itself as well: its provider gives it IPv6, and its router has a public address and
 * forwards ports of its own, some of them to the services that the relay publishes too.
 */
import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { registrarPort } from "../addresses.ts";
import { raiseLab } from "../fixture.ts";
import type { RouterForward } from "../homeLine.ts";
import { forgetFlows, kernelTimeouts, setUdpTimeouts, udpFlows } from "../network.ts";
import { home, zone } from "../operator.ts";
import { homeOnTheInternet, knock, logOf, order, parseTestimony, registrarBy, seenAs } from "../people.ts";
import { serve, shell, start, strangerBy, tcp, udp } from "../people.ts";
import type { Probe } from "../people.ts";
import { until } from "../world.ts";

const families = [4, 6] as const;

const own = homeOnTheInternet.router;
const witness = 7001;
/** Of a telephone that lets the kernel choose from where it answers, and of one that answers from where it was asked. */
const [plain, exact] = [5060, 5061];
const control = 4000;
const callersPort = 6000;

const toHome = (protocol: "tcp" | "udp", port: number): RouterForward => ({ protocol, port, to: "home" });

const lab = raiseLab({
  stack: "ownline",
  homeIpv6: "native",
  router: {
    publicAddress: true,
    hairpin: true,
    forwards: [toHome("tcp", witness), ...[witness, plain, exact].map((port) => toHome("udp", port))],
  },
  settings: async () => ({
    homes: [
      await home([
        "80:8080",
        `${witness}:${witness}/tcp+udp`,
        `${plain}:${plain}/udp`,
        `${exact}:${exact}/udp`,
      ]),
    ],
    dns: { zone, createZone: true, names: ["@"] },
  }),
  up: true,
});

beforeAll(async () => {
  await serve("home", "lab-witness", "witness.py", [`tcp:${witness}`, `udp:${witness}`]);
  await serve("home", "lab-telephone", "telephone.py", [`${control}`, `${plain}`, `${exact}:asked`]);
  await until("the services at home are up", 30, async () => {
    for (const unit of ["lab-witness", "lab-telephone"]) expect(await logOf(unit)).toContain("begun");
  });
  for (const person of ["stranger", "registrar"] as const)
    await (
      await start(person, "telephone.py", [`${control}`, `${callersPort}`])
    ).begun;
});

const services = [
  ["TCP", "tcp", witness],
  ["UDP on one socket for both families", "udp", witness],
  ["UDP that leaves its own address to the kernel", "udp", plain],
  ["UDP that answers from where it was asked", "udp", exact],
] as const;

describe.each(services)("a service over %s", (_, protocol, port) => {
  const asked = (address: string): Probe => ({ protocol, address, port });

  test.each(families)("answers whoever comes through the relay over IPv%i", async (family) => {
    const [answer] = await knock("stranger", [asked(lab.published[family])]);
    expect(parseTestimony(answer)).toMatchObject({ client: strangerBy[family], payload: "hello" });
  });

  test.each(families)("answers whoever comes by the home's own line over IPv%i", async (family) => {
    const [answer] = await knock("stranger", [asked(own[family])]);
    expect(parseTestimony(answer)).toMatchObject({ client: strangerBy[family], payload: "hello" });
  });

  test("answers one stranger who comes both ways at once", async () => {
    const ways = families.flatMap((family) => [lab.published[family], own[family]]);
    const clients = (await knock("stranger", ways.map(asked))).map((it) => parseTestimony(it)?.client);
    expect(clients).toEqual(families.flatMap((family) => [strangerBy[family], strangerBy[family]]));
  });
});

/** Shorter than the kernel's, so that a check need not wait for minutes. */
const shortMemory = { unansweredSeconds: 1, answeredSeconds: 1 };

const telephones = [
  ["leaves its own address to the kernel", plain],
  ["answers from where it was asked", exact],
] as const;

// Before the relay has seen the registrar.
describe.each(telephones)("a telephone that %s", (_, port) => {
  test.each(families)("registers by the home's own line over IPv%i", async (family) => {
    const said = await order("home", control, `ask ${port} ${registrarBy[family]} ${registrarPort} REGISTER`);
    expect(parseTestimony(said)).toMatchObject({
      client: own[family],
      clientPort: port,
      payload: "REGISTER",
    });
  });
});

describe.each(telephones)("with a telephone that %s", (_, port) => {
  describe.each(families)("over IPv%i, through the relay", (family) => {
    /** The question of somebody who always calls from the same port; only what comes from where he asked is an answer. */
    const ask = async (person: "stranger" | "registrar") => {
      const words = `ask ${callersPort} ${lab.published[family]} ${port} hello`;
      const said = await order(person, control, words);
      return parseTestimony(said)?.client ?? said;
    };
    const tell = (address: string) => order("home", control, `tell ${port} ${address} ${callersPort} ring`);
    const heard = (person: "stranger" | "registrar") => order(person, control, `heard ${callersPort}`);

    beforeEach(() => forgetFlows("home"));

    test.each([
      ["when somebody has emptied the home's tracker", kernelTimeouts, () => forgetFlows("home")],
      ["when it was idle for longer than the home remembers", shortMemory, idle],
    ])("a conversation goes on, in which the telephone speaks next, %s", async (_when, memory, forget) => {
      await setUdpTimeouts(memory, "home");
      expect(await ask("stranger")).toBe(strangerBy[family]);
      await heard("stranger");
      await forget();
      await setUdpTimeouts(kernelTimeouts, "home");
      await tell(strangerBy[family]);
      expect([await heard("stranger"), await ask("stranger"), await ask("stranger")]).toEqual([
        `${lab.published[family]} ${port} tell ring`,
        strangerBy[family],
        strangerBy[family],
      ]);
    });

    test("somebody is answered whom the telephone had called before, by the home's own line", async () => {
      await heard("registrar");
      await tell(registrarBy[family]);
      expect([await heard("registrar"), await ask("registrar")]).toEqual([
        `${own[family]} ${port} tell ring`,
        registrarBy[family],
      ]);
    });
  });
});

/** Until the home has forgotten every UDP flow of the caller's. */
async function idle(): Promise<void> {
  const calls = async () => (await udpFlows("home")).includes(`sport=${callersPort}`);
  await until("the home has forgotten", 20, async () => expect(await calls()).toBe(false));
}

describe.each(families)("from within the house over IPv%i", (family) => {
  test.each(["home", "operator", "printer"] as const)(
    "the relay's address answers at the %s",
    async (place) => {
      const doors = [tcp, udp].map((door) => door(lab.published[family], witness));
      const answers = await knock(place, doors);
      expect(answers.map((it) => parseTestimony(it)?.payload)).toEqual(["hello", "hello"]);
    },
  );

  test.each(["home", "operator"] as const)("the public name opens the page at the %s", async (place) => {
    const fetch = `curl -${family} --silent --show-error --max-time 5 http://${zone}/`;
    expect(await shell(place, fetch)).toContain("Hello from home");
  });
});

test.each(families)("what the home begins itself leaves by its own line over IPv%i", async (family) => {
  expect(await seenAs("home", family)).toBe(own[family]);
});
