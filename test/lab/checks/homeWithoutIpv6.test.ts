/** A home whose owner has switched IPv6 off. The relay has an IPv6 address, and the name says so. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { power } from "../control.ts";
import { raiseLab } from "../fixture.ts";
import { initPid } from "../machines.ts";
import { asPerson } from "../network.ts";
import { home, zone } from "../operator.ts";
import { knock, shell, strangerBy, tcp, udp } from "../people.ts";
import { run } from "../shell.ts";
import { until, untilSshAnswers } from "../world.ts";

const echo = 64738;

const lab = raiseLab({
  stack: "without6",
  homeIpv6: "off",
  settings: async () => ({
    homes: [await home(["80:8080", `${echo}:${echo}/tcp+udp`])],
    dns: { zone, createZone: true, names: ["@"] },
  }),
});

describe("before anything of ours is there", () => {
  test.each(["now", "after a boot"])("the home has no IPv6 at all, %s", async (when) => {
    if (when === "after a boot") {
      const before = await initPid("home");
      await power("home", "reboot");
      await until("the home is another one", 60, async () => expect(await initPid("home")).not.toBe(before));
      await untilSshAnswers("home");
    }
    expect(await shell("home", "ip -6 address show; cat /proc/sys/net/ipv6/conf/all/disable_ipv6")).toBe(
      "1\n",
    );
  });
});

describe("with forwards", () => {
  beforeAll(async () => {
    await lab.operator.up();
    await lab.readRelay();
  });

  test("a stranger with IPv4 is answered", async () => {
    const probes = [tcp(lab.published[4], echo), udp(lab.published[4], echo)];
    expect(await knock("stranger", probes)).toEqual(probes.map(() => `${strangerBy[4]} hello`));
  });

  // Answered by the service, or refused at once; never silence, at which a client waits for a minute or two.
  test.each([
    ["TCP", tcp],
    ["UDP", udp],
  ])("a stranger with IPv6 is told at once over %s", async (_, door) => {
    const [answer] = await knock("stranger", [door(lab.published[6], echo)], 2);
    expect(answer).toMatch(new RegExp(`^(${strangerBy[6]} hello|\\(E[A-Z]+\\))$`));
  });

  test("a program that tries one address of the name after the other comes to the page at once", async () => {
    const script = `
import socket
with socket.create_connection(("${zone}", 80), 5) as door:
    door.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
    print(door.makefile("rb").read().decode())`;
    const began = performance.now();
    const { stdout } = await run(asPerson("stranger", ["python3", "-c", script]));
    expect([stdout, performance.now() - began < 2000]).toEqual([
      expect.stringContaining("Hello from home"),
      true,
    ]);
  });
});
