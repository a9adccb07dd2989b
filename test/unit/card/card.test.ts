import { describe, expect, test } from "@jest/globals";
import { describeAge } from "../../../components/card/age.ts";
import { renderCard } from "../../../components/card/card.ts";
import type { CardFacts } from "../../../components/card/card.ts";
import type { CardHome } from "../../../components/card/homeLines.ts";
import { createForward, parseForward } from "../../../components/network/forward.ts";
import { parsePortRange } from "../../../components/network/port.ts";
import type { Measured, Proof, Reachability } from "../../../components/network/proven.ts";

const now = Date.UTC(2026, 10, 29, 16, 12) / 1000;
const noOne: CardFacts = {
  homes: [],
  names: [],
  addresses: ["203.0.113.5", "2001:db8:77::1"],
  devices: [],
  toDo: [],
  stackFile: "Pulumi.dev.yaml",
  now,
};
const forwards = (...texts: readonly string[]) => texts.map(parseForward);
const saw = { ipv4: "198.51.100.77", ipv6: "2001:db8:51::77" };

/** What the proof of that many seconds ago found: everything open, where nothing else is said. */
function proofOf(
  ports: readonly string[],
  ago = 20,
  otherwise: Reachability = {},
  ms: Record<"ipv4" | "ipv6", number> = { ipv4: 14.2, ipv6: 8.04 },
): Proof {
  const isTcp = (port: string) => port.endsWith("tcp");
  const measured: Measured = {
    at: now - ago,
    ports: Object.fromEntries(
      ports.map((port) => {
        const of = (family: "ipv4" | "ipv6") => {
          const verdict = (otherwise[port] ?? { ipv4: "open", ipv6: "open" })[family];
          if (verdict !== "open") return {};
          return { [family]: { saw: saw[family], ...(isTcp(port) ? { milliseconds: ms[family] } : {}) } };
        };
        return [port, { ...of("ipv4"), ...of("ipv6") }];
      }),
    ),
  };
  const open = Object.fromEntries(ports.map((port) => [port, { ipv4: "open", ipv6: "open" }]));
  return { reachability: { ...open, ...otherwise }, measured };
}

const nas: CardHome = {
  name: "nas",
  forwards: forwards("80:8080", "443:8081", "64738/tcp+udp"),
  proof: proofOf(["80/tcp", "443/tcp", "64738/tcp", "64738/udp"]),
};

function card(facts: Partial<CardFacts>): string {
  return `\n${renderCard({ ...noOne, ...facts })}\n`;
}

test("one forward, without a name", () => {
  const home = { name: "nas", forwards: forwards("443"), proof: proofOf(["443/tcp"]) };
  expect(card({ homes: [home] })).toMatchInlineSnapshot(`
    "
    The forward is open.

    nas, tried just now
      203.0.113.5:443/tcp   open   IPv4 14 ms   IPv6 8 ms
      the services saw who called: 198.51.100.77 and 2001:db8:51::77, nas as the internet sees it

    The relay is at 203.0.113.5 and 2001:db8:77::1.
    Next: npm run status says how it is. Edit Pulumi.dev.yaml, look with npm run preview, then npx pulumi up; npx pulumi destroy takes all away.
    "
  `);
});

test("two homes and names, of which one home was proven days ago", () => {
  const attic = {
    name: "attic",
    forwards: forwards("81:8080", "50000-50100/udp"),
    proof: proofOf(["81/tcp", "50000/udp", "50100/udp"], 3 * 86_400),
  };
  expect(card({ homes: [nas, attic], names: ["example.org", "www.example.org"] })).toMatchInlineSnapshot(`
    "
    All 5 forwards are open.

    nas, tried just now
      http://example.org          open   IPv4 14 ms   IPv6 8 ms
      https://example.org         open   IPv4 14 ms   IPv6 8 ms
      example.org:64738/tcp+udp   open   IPv4 14 ms   IPv6 8 ms
      the services saw who called: 198.51.100.77 and 2001:db8:51::77, nas as the internet sees it

    attic, tried 3 days ago, 2026-11-26 16:12 UTC
      example.org:81/tcp            open   IPv4 14 ms   IPv6 8 ms
      example.org:50000-50100/udp   open   IPv4         IPv6
      the services saw who called: 198.51.100.77 and 2001:db8:51::77, attic as the internet sees it

    Names set to 203.0.113.5 and 2001:db8:77::1: example.org, www.example.org
    Next: npm run status says how it is. Edit Pulumi.dev.yaml, look with npm run preview, then npx pulumi up; npx pulumi destroy takes all away.
    "
  `);
});

test("what is still to do: nameservers, a home that its owner sets up, devices to scan", () => {
  const router: CardHome = { name: "router", forwards: forwards("8443", "5000/udp"), proof: "by its owner" };
  const toDo = [
    "where you registered example.org, enter its nameservers: helium.ns.hetzner.de, oxygen.ns.hetzner.com",
    "router waits for its script, now and after each change: npm run -s home router",
  ];
  const devices = ["phone", "laptop"];
  expect(card({ homes: [nas, router], names: ["example.org"], toDo, devices })).toMatchInlineSnapshot(`
    "
    All 3 forwards are open.

    nas, tried just now
      http://example.org          open   IPv4 14 ms   IPv6 8 ms
      https://example.org         open   IPv4 14 ms   IPv6 8 ms
      example.org:64738/tcp+udp   open   IPv4 14 ms   IPv6 8 ms
      the services saw who called: 198.51.100.77 and 2001:db8:51::77, nas as the internet sees it

    router, set up by its owner: not tried from here
      example.org:8443/tcp
      example.org:5000/udp

    Names set to 203.0.113.5 and 2001:db8:77::1: example.org
    Still to do:
      - where you registered example.org, enter its nameservers: helium.ns.hetzner.de, oxygen.ns.hetzner.com
      - router waits for its script, now and after each change: npm run -s home router
      - phone, laptop: scan the code in WireGuard's app, if that is not done: npm run device -- phone
    Next: npm run status says how it is. Edit Pulumi.dev.yaml, look with npm run preview, then npx pulumi up; npx pulumi destroy takes all away.
    "
  `);
});

test("none open, and each says why", () => {
  const lan = createForward(parsePortRange("82"), parsePortRange("8082"), "tcp", { to: "192.168.1.20" });
  const office = parseForward("2200:22");
  const home: CardHome = {
    name: "nas",
    forwards: [...forwards("80:8080", "5000-5001/udp", "6000/tcp+udp"), lan, office],
    proof: proofOf([], 20, {
      "80/tcp": { ipv4: "nothing listens", ipv6: "nothing listens" },
      "5000/udp": { ipv4: "nothing listens", ipv6: "open" },
      "5001/udp": { ipv4: "open", ipv6: "nothing listens" },
      "6000/tcp": { ipv4: "open", ipv6: "nothing listens" },
      "6000/udp": { ipv4: "nothing listens", ipv6: "nothing listens" },
      "82/tcp": {
        ipv4: "nothing listens",
        ipv6: "not tried: IPv4 alone leads to a machine in the LAN",
      },
      "2200/tcp": { ipv4: "not tried: open to some only", ipv6: "not tried: open to some only" },
    }),
  };
  expect(card({ homes: [home], addresses: ["203.0.113.5"] })).toMatchInlineSnapshot(`
    "
    0 of 5 forwards are open, 1 could not be tried.

    nas, tried just now
      http://203.0.113.5     nothing listens on 8080 at nas
      203.0.113.5:5000/udp   nothing listens on 5000 at nas, over IPv6 open   IPv6
      203.0.113.5:5001/udp   open, over IPv6 nothing listens on 5001 at nas   IPv4
      203.0.113.5:6000/tcp   open, over IPv6 nothing listens on 6000 at nas   IPv4
      203.0.113.5:6000/udp   nothing listens on 6000 at nas
      203.0.113.5:82/tcp     nothing listens on 8082 at 192.168.1.20
      203.0.113.5:2200/tcp   not tried: open to some only
      not tried over IPv6: IPv4 alone leads to a machine in the LAN

    The relay is at 203.0.113.5.
    Next: npm run status says how it is. Edit Pulumi.dev.yaml, look with npm run preview, then npx pulumi up; npx pulumi destroy takes all away.
    "
  `);
});

test("whoever sees somebody else than the caller is told so in its own line", () => {
  const masqueraded = createForward(parsePortRange("82"), parsePortRange("82"), "tcp", {
    clientIp: "masquerade",
  });
  const lan = createForward(parsePortRange("83"), parsePortRange("83"), "tcp", { to: "192.168.1.20" });
  const without6 = "not tried: this home has no IPv6 of its own";
  const port = (seen: string) => ({ ipv4: { saw: seen, milliseconds: 12 } });
  const home: CardHome = {
    name: "nas",
    forwards: [...forwards("80"), masqueraded, lan],
    proof: {
      reachability: Object.fromEntries(
        [80, 82, 83].map((port) => [`${port}/tcp`, { ipv4: "open", ipv6: without6 }]),
      ),
      measured: {
        at: now,
        ports: { "80/tcp": port(saw.ipv4), "82/tcp": port("10.77.0.1"), "83/tcp": port("192.168.1.10") },
      },
    },
  };
  expect(card({ homes: [home] })).toMatchInlineSnapshot(`
    "
    All 3 forwards are open.

    nas, tried just now
      http://203.0.113.5   open   IPv4 12 ms
      203.0.113.5:82/tcp   open   IPv4 12 ms   saw the relay as the caller, 10.77.0.1
      203.0.113.5:83/tcp   open   IPv4 12 ms   saw nas as the caller, 192.168.1.10
      the services saw who called: 198.51.100.77, nas as the internet sees it
      not tried over IPv6: this home has no IPv6 of its own

    The relay is at 203.0.113.5 and 2001:db8:77::1.
    Next: npm run status says how it is. Edit Pulumi.dev.yaml, look with npm run preview, then npx pulumi up; npx pulumi destroy takes all away.
    "
  `);
});

test("two hundred forwards stay short: neighbours are one line, what is not open comes first, the rest is counted", () => {
  const ports = Array.from({ length: 200 }, (_, i) => (i < 60 ? 8000 + i : 10_000 + 2 * i));
  const home: CardHome = {
    name: "nas",
    forwards: [...forwards("443"), ...ports.map((port) => parseForward(String(port)))],
    proof: proofOf(
      [443, ...ports].map((port) => `${port}/tcp`),
      20,
      {
        "8007/tcp": { ipv4: "nothing listens", ipv6: "nothing listens" },
        "10300/tcp": { ipv4: "nothing listens", ipv6: "nothing listens" },
      },
    ),
  };
  const text = card({ homes: [home], names: ["example.org"] });
  expect(text.split("\n").length).toBeLessThan(40);
  expect(text).toMatchInlineSnapshot(`
    "
    199 of 201 forwards are open.

    nas, tried just now
      example.org:8007/tcp        nothing listens on 8007 at nas
      example.org:10300/tcp       nothing listens on 10300 at nas
      https://example.org         open   IPv4 14 ms         IPv6 8 ms
      example.org:8000-8006/tcp   open   IPv4 up to 14 ms   IPv6 up to 8 ms
      example.org:8008-8059/tcp   open   IPv4 up to 14 ms   IPv6 up to 8 ms
      example.org:10120/tcp       open   IPv4 14 ms         IPv6 8 ms
      example.org:10122/tcp       open   IPv4 14 ms         IPv6 8 ms
      example.org:10124/tcp       open   IPv4 14 ms         IPv6 8 ms
      example.org:10126/tcp       open   IPv4 14 ms         IPv6 8 ms
      example.org:10128/tcp       open   IPv4 14 ms         IPv6 8 ms
      example.org:10130/tcp       open   IPv4 14 ms         IPv6 8 ms
      example.org:10132/tcp       open   IPv4 14 ms         IPv6 8 ms
      example.org:10134/tcp       open   IPv4 14 ms         IPv6 8 ms
      example.org:10136/tcp       open   IPv4 14 ms         IPv6 8 ms
      example.org:10138/tcp       open   IPv4 14 ms         IPv6 8 ms
      example.org:10140/tcp       open   IPv4 14 ms         IPv6 8 ms
      and 128 more, all open: npx pulumi stack output reachability
      the services saw who called: 198.51.100.77 and 2001:db8:51::77, nas as the internet sees it

    Names set to 203.0.113.5 and 2001:db8:77::1: example.org
    Next: npm run status says how it is. Edit Pulumi.dev.yaml, look with npm run preview, then npx pulumi up; npx pulumi destroy takes all away.
    "
  `);
});

describe("of many homes each has its lines, and of what nobody tried nothing is said", () => {
  test("as after an older version's proof, or none", () => {
    const homes: CardHome[] = [
      { ...nas, proof: { reachability: { "80/tcp": { ipv4: "open" } }, measured: undefined } },
      { ...nas, name: "attic", proof: { reachability: {}, measured: undefined } },
      { name: "lodge", forwards: [], proof: { reachability: {}, measured: undefined } },
    ];
    expect(card({ homes })).toMatchInlineSnapshot(`
      "
      1 of 6 forwards is open, 5 could not be tried.

      nas, tried by an earlier pulumi up
        http://203.0.113.5          open   IPv4
        203.0.113.5:443/tcp         not tried: so many are forwarded that others stand for it
        203.0.113.5:64738/tcp+udp   not tried: so many are forwarded that others stand for it

      attic, not tried
        http://203.0.113.5
        203.0.113.5:443/tcp
        203.0.113.5:64738/tcp+udp

      lodge: nothing is forwarded to it

      The relay is at 203.0.113.5 and 2001:db8:77::1.
      Next: npm run status says how it is. Edit Pulumi.dev.yaml, look with npm run preview, then npx pulumi up; npx pulumi destroy takes all away.
      "
    `);
  });

  test("and twenty of them still have three lines each", () => {
    const homes = Array.from({ length: 20 }, (_, i) => ({ ...nas, name: `home${i}` }));
    expect(card({ homes }).match(/http:/g)).toHaveLength(20);
  });
});

test.each([
  [now - 60, "just now"],
  [now - 5 * 60, "5 minutes ago, 2026-11-29 16:07 UTC"],
  [now - 5 * 3600, "5 hours ago, 2026-11-29 11:12 UTC"],
  [now - 3 * 86_400, "3 days ago, 2026-11-26 16:12 UTC"],
  [now + 3600, "2026-11-29 17:12 UTC, by its own clock"],
])("%i was %s", (at, words) => {
  expect(describeAge(at, now)).toBe(words);
});
