/**
 * A home with a public IPv4 address on its own card, among neighbours that have one as well, in a network that lets
 * nothing in: a campus, an office, a rack.
 */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { expectEchoToAnswer } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { home } from "../operator.ts";
import { homeOnTheInternet, knock, parseTestimony, seenAs, serve, logOf, tcp, udp } from "../people.ts";
import { until } from "../world.ts";

const families = [4, 6] as const;
const echo = 64738;
const witness = 7001;
const own = homeOnTheInternet.card;

const lab = raiseLab({
  stack: "card",
  homeAddress: "public",
  homeIpv6: "native",
  settings: async () => ({
    homes: [await home(["80:8080", `${echo}:${echo}/tcp+udp`, `${witness}:${witness}/tcp+udp`])],
  }),
});

describe("the world is as it says", () => {
  test.each(families)("home and neighbour are seen by addresses of their own over IPv%i", async (family) => {
    const neighbour = { 4: addresses.operatorPublic, 6: addresses.operator6 }[family];
    // Its router's word for IPv6 may come a moment after the home is up.
    await until("the home is on the internet", 20, async () =>
      expect([await seenAs("home", family), await seenAs("operator", family)]).toEqual([
        own[family],
        neighbour,
      ]),
    );
  });

  test.each(families)("the neighbour reaches the home over IPv%i, a stranger does not", async (family) => {
    const probes = [tcp(own[family], echo), udp(own[family], echo)];
    expect(await knock("stranger", probes, 1)).toEqual([null, null]);
    const neighbour = { 4: addresses.operatorPublic, 6: addresses.operator6 }[family];
    expect(await knock("operator", probes)).toEqual(probes.map(() => `${neighbour} hello`));
  });
});

describe("with forwards", () => {
  beforeAll(async () => {
    await serve("home", "lab-witness", "witness.py", [`tcp:${witness}`, `udp:${witness}`]);
    await until("the witness is up", 30, async () => expect(await logOf("lab-witness")).toContain("begun"));
  });

  test("up comes to its end: every forward is proven from there", async () => {
    await lab.operator.up();
  });

  test("strangers are answered, by their own addresses", async () => {
    await lab.readRelay();
    await expectEchoToAnswer(lab.published, echo);
  });

  describe.each(families)("an answer from the relay over IPv%i", (family) => {
    test.each(["home", "operator"] as const)("comes to whoever asks at the %s", async (place) => {
      const doors = [tcp, udp].map((door) => door(lab.published[family], witness));
      const answers = await knock(place, doors);
      expect(answers.map((it) => parseTestimony(it)?.payload)).toEqual(["hello", "hello"]);
    });
  });

  test.each(families)("the home itself is seen at its own card over IPv%i", async (family) => {
    expect(await seenAs("home", family)).toBe(own[family]);
  });
});
