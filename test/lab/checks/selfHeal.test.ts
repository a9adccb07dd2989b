/** Somebody, or a program, takes away or changes what is home-relay's at either end. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { power } from "../control.ts";
import { expectEchoToAnswer } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { exec, initPid } from "../machines.ts";
import type { RelayMachine } from "../machines.ts";
import { forgetFlows, renumber } from "../network.ts";
import { home } from "../operator.ts";
import { measureOutage, shell, start } from "../people.ts";
import { until } from "../world.ts";

const echo = 64738;
/** Reached by nobody through the tunnel: it is not forwarded. */
const closed = 5999;
const mend = "/usr/local/lib/homerelay/mend-host.sh";

const lab = raiseLab({
  stack: "selfheal",
  settings: async () => ({ homes: [await home(["80:8080", `${echo}:${echo}/tcp+udp`])] }),
  up: true,
});

const ends = { home: () => "home" as const, relay: () => lab.relay };
type End = keyof typeof ends;
const bothEnds = ["home", "relay"] as const;

const differences = async (end: End) => (await exec(ends[end](), [mend, "look"])).stdout;
const journal = (end: End) =>
  shell(ends[end](), "journalctl --quiet --boot --output=cat --unit=homerelay-mend.service");
const expectForwardsToAnswer = () => expectEchoToAnswer(lab.published, echo);

beforeAll(async () => {
  await until("both ends are as they should be", 60, async () => {
    for (const end of bothEnds) expect(await differences(end)).toBe("");
  });
});

/** What somebody types, what of it a look finds first, and what the journal says of it when it was mended. */
const faults: readonly (readonly [string, string, RegExp, RegExp])[] = [
  [
    "our routing rules",
    "while ip rule delete lookup 18546 2>/dev/null; do :; done",
    /^rule\t/,
    /^IPv4 priority /m,
  ],
  [
    "our routes",
    "ip route flush table 18546",
    /^route\tIPv4 default table 18546\tmissing\tthere$/m,
    /default table 18546 was missing/,
  ],
  [
    "the tunnel's IPv4 address",
    "ip -4 address flush dev homerelay",
    /^address\t10\.77\./,
    /of homerelay was missing, and is there again/,
  ],
  [
    "the tunnel's IPv6 address",
    "ip -6 address flush dev homerelay scope global",
    /^address\tfd77:/,
    /of homerelay was missing, and is there again/,
  ],
  [
    "an interface that is up",
    "ip link set dev homerelay down",
    /^interface\tinterface homerelay\tdown\tup$/m,
    /interface homerelay was down, and is up again/,
  ],
  [
    "the interface",
    "ip link delete dev homerelay",
    /^interface\tinterface homerelay\tmissing\tthere$/m,
    /interface homerelay was missing, and is there again/,
  ],
  [
    "the program of the tunnel",
    "pkill -KILL wireguard-go",
    /^interface\tinterface homerelay\tmissing\tthere$/m,
    /interface homerelay was missing, and is there again/,
  ],
  [
    "the tunnel's unit",
    "systemctl disable --now wg-quick@homerelay",
    /^unit\twg-quick@homerelay\.service\tinactive\tactive$/m,
    /wg-quick@homerelay.service was inactive, and is active again/,
  ],
  [
    "the mending itself",
    "systemctl disable --now homerelay-mend.timer; systemctl disable homerelay-firewall",
    /^unit\thomerelay-firewall.service at boot\tdisabled\tenabled$/m,
    /homerelay-firewall.service at boot was disabled/,
  ],
  [
    "how packets are marked, and a peer's addresses",
    "wg set homerelay fwmark 1 peer $(wg show homerelay peers) allowed-ips 192.0.2.1/32",
    /^peer\t/m,
    /was 0x1, and is /,
  ],
  [
    "a preshared key",
    "wg set homerelay peer $(wg show homerelay peers) preshared-key <(wg genpsk)",
    /^peer\tpreshared key of peer \S+\tanother\tthe stack's$/m,
    /preshared key of peer \S+ was another/,
  ],
];
const onlyOnHomes = new Set(["our routing rules", "our routes"]);

describe.each(bothEnds)("at the %s", (end) => {
  describe.each(faults.filter(([what]) => end === "home" || !onlyOnHomes.has(what)))(
    "somebody takes away %s",
    (_, command, found, said) => {
      test("a look finds it, and within a minute it is back, and that is said", async () => {
        const before = await journal(end);
        // What was said within the hour is not said again.
        await shell(ends[end](), "rm -rf /run/homerelay-mended");
        // Both at once, before the timer comes.
        const look = `bash -c ${JSON.stringify(`exec 9</run/homerelay.lock; flock 9; ${command.replaceAll("$", "\\$")} >/dev/null; ${mend} look`)}`;
        expect(await shell(ends[end](), look)).toMatch(found);
        await until("it is back, and the forwards answer", 60, async () => {
          expect(await differences(end)).toBe("");
          await expectForwardsToAnswer();
        });
        const lines = (await journal(end)).slice(before.length);
        expect(lines).toMatch(said);
        expect(lines.trim().split("\n").length).toBeLessThan(4);
      });
    },
  );

  test("a setting of the kernel is set again", async () => {
    const key = end === "home" ? "net.ipv4.conf.all.src_valid_mark" : "net.ipv4.ip_forward";
    await shell(ends[end](), `sysctl -qw ${key}=0`);
    await until("it is back", 60, async () => {
      expect(await shell(ends[end](), `sysctl -n ${key}`)).toBe("1\n");
      await expectForwardsToAnswer();
    });
  });

  test.each([
    ["flushes the ruleset", "nft flush ruleset"],
    ["deletes the table", "nft delete table inet homerelay || :"],
    [
      "empties a chain of it",
      `nft flush chain inet homerelay ${end === "home" ? "from_relay" : "to_home"} || :`,
    ],
    [
      "takes out an element",
      `nft delete element inet homerelay ${end === "home" ? "open" : "published_tcp"} '{ ${end === "home" ? "tcp . " : ""}${echo} }' || :`,
    ],
  ])("somebody %s: no connection is lost, since the table is held", async (_, command) => {
    const outage = await measureOutage(lab.published[4], echo);
    for (let i = 0; i < 3; i++) await shell(ends[end](), command);
    await until("all is as it should be", 60, async () => expect(await differences(end)).toBe(""));
    const { failed, alive } = await outage.end();
    expect([failed, alive]).toEqual([0, true]);
  });
});

test("a relay in the wrong hands sends nothing past the guard while somebody flushes the ruleset at home", async () => {
  const counter = await start("home", "count-datagrams.py", [`${closed}`]);
  await counter.begun;
  const address =
    (await shell("home", "ip -4 -o address show dev homerelay | awk '{ print $4 }'")).split("/")[0] ?? "";
  const flood = await start(lab.relay, "flood.py", [address, `${closed}`]);
  await flood.begun;
  await shell("home", "for i in $(seq 20); do nft flush ruleset; sleep 0.5; done");
  const { sent } = JSON.parse(await flood.end()) as { sent: number };
  const { count } = JSON.parse(await counter.end()) as { count: number };
  expect(sent).toBeGreaterThan(1000);
  expect(count).toBe(0);
  await expectForwardsToAnswer();
});

describe("the forwards are back", () => {
  test("after the carrier gave the home another address, and forgot all flows", async () => {
    await renumber();
    await forgetFlows("cgnat");
    await until("the forwards answer", 60, expectForwardsToAnswer);
  });

  const bootsOf = async (machines: readonly ("home" | RelayMachine)[]) =>
    Promise.all(machines.map((it) => initPid(it)));
  test.each([
    ["the relay was rebooted", ["relay"], "reboot"],
    ["the power of the relay was cut", ["relay"], "power-cut"],
    ["the power of the home was cut", ["home"], "power-cut"],
    ["the power of both was cut at once", ["home", "relay"], "power-cut"],
    ["the home was rebooted", ["home"], "reboot"],
    ["the home was rebooted again", ["home"], "reboot"],
  ] as const)("after %s", async (what, which, action) => {
    const machines = which.map((end) => ends[end]());
    const before = await bootsOf(machines);
    const outage = await measureOutage(lab.published[4], echo);
    await Promise.all(machines.map((it) => power(it, action)));
    await until("they boot", 120, async () => {
      for (const [i, pid] of (await bootsOf(machines)).entries()) expect(pid).not.toBe(before[i]);
    });
    await until("the forwards answer", 90, expectForwardsToAnswer);
    process.stderr.write(`after ${what}: ${(await outage.end()).seconds} s\n`);
    for (const end of bothEnds)
      await until(`nothing is missing at the ${end}`, 60, async () =>
        expect(await differences(end)).toBe(""),
      );
  });
});
