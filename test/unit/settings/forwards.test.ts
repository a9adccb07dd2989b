import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { collide, parseForward, renderForward } from "../../../components/network/forward.ts";
import type { Forward } from "../../../components/network/forward.ts";
import { renderPortRange } from "../../../components/network/port.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import { dangerOf } from "../../../components/settings/dangerousPorts.ts";
import type { RawSettings } from "../../../components/settings/parseSettings.ts";
import { forward, plainForward, shareArrival } from "../generators/forwards.ts";
import { forwarding, media, nas, parse, problemsOf, refuses, vps } from "./stackFiles.ts";

const forwardForms =
  'write "port", "published:target" or "published:target/protocol", like "80:8080" or "64738:64738/udp"';
const toMend = "write the machine's address in the home's LAN, like 192.168.1.50";
const prefixMend = 'write address/length, like "192.0.2.0/24" or "2001:db8::/32"';
const capMend = "the relay allows 200 a second to any source; 5 to 50 suits most services";
const guessing = "the whole internet will try passwords on it within minutes";
const noPassword = "what usually listens there asks for no password";
const amplifies =
  "what usually listens there answers short questions with long answers, which attackers aim at others (US-CERT TA14-017A)";
const meantIt = (published: string, target: string, protocol: string) =>
  `if you mean it, write { published: "${published}", target: "${target}", protocol: ${protocol}, acknowledge: true }; ` +
  "and name those who need it with from: [prefixes]";
const addIt = "if you mean it, add acknowledge: true to it; and name those who need it with from: [prefixes]";

test("forwards are read in every form", () => {
  const forms = [
    443,
    "80:8080",
    "64738:6000/tcp+udp",
    { published: 1000 },
    { published: "2000-2001", target: "3000-3001", protocol: "udp" },
    { published: 53, protocol: "tcp+udp", acknowledge: true },
    {
      published: 8554,
      target: 554,
      to: "192.168.1.50",
      clientIp: "masquerade",
      from: ["192.0.2.0/24", "2001:db8::7"],
      newPerSecond: 5,
    },
  ];
  const [home] = parse({ ...forwarding(...forms) }).homes;
  expect(home?.forwards.map(renderForward)).toEqual([
    "443:443/tcp",
    "80:8080/tcp",
    "64738:6000/tcp+udp",
    "1000:1000/tcp",
    "2000-2001:3000-3001/udp",
    "53:53/tcp+udp",
    "8554:554/tcp, to 192.168.1.50, masquerade, from 192.0.2.0/24 2001:db8::7/128, at most 5 new a second",
  ]);
});

test("reads of a short form what renderForward writes", () => {
  fc.assert(
    fc.property(plainForward(), (one) => {
      fc.pre(dangerOf(one) === undefined && !takesRelayPort(one) && !takesCallingPorts(one));
      const [home] = parse({ ...forwarding(renderForward(one)) }).homes;
      expect(home?.forwards).toEqual([one]);
    }),
  );
});

test("reads of the long form every option as it was written", () => {
  fc.assert(
    fc.property(forward(), (one) => {
      fc.pre(!takesRelayPort(one) && !takesCallingPorts(one));
      const [home] = parse({ ...forwarding(longForm(one)) }).homes;
      expect(home?.forwards).toEqual([one]);
    }),
  );
});

test("an option with nothing behind it is not used", () => {
  const empty = { to: null, clientIp: null, from: null, newPerSecond: null, acknowledge: null };
  const [home] = parse({ ...forwarding({ published: 80, ...empty }) }).homes;
  expect(home?.forwards).toEqual([parseForward("80")]);
});

refuses("of a forward", [
  [
    "an address",
    forwarding("127.0.0.1:80:80"),
    'home-relay:homes[0].forwards[0]: "127.0.0.1:80:80" has more than one ":"; write published:target, with no address before it\n  write "80:80"',
  ],
  [
    "spaces",
    forwarding("80 -> 8080"),
    'home-relay:homes[0].forwards[0]: "80 -> 8080" is not a port (443) or a range of ports (50000-50100)\n  write "80:8080"',
  ],
  [
    "two protocols",
    forwarding("80/tcp,udp"),
    'home-relay:homes[0].forwards[0]: "tcp,udp" is not a protocol; use tcp, udp or tcp+udp\n  write "80/tcp+udp"',
  ],
  [
    "a service's name",
    forwarding("http:8080"),
    `home-relay:homes[0].forwards[0]: "http" is not a port (443) or a range of ports (50000-50100)\n  ${forwardForms}`,
  ],
  [
    "a number of two ports",
    forwarding(80_443),
    'home-relay:homes[0].forwards[0]: must be a port from 1 to 65535; found the number 80443\n  YAML can take an unquoted a:b for one number: quote it, like "80:8080"',
  ],
  [
    "a mapping of two ports",
    forwarding({ 80: 8080 }),
    'home-relay:homes[0].forwards[0]: must be a forward; found {"80":8080}\n  write "80:8080", in quotes and without a space',
  ],
  [
    "nothing",
    forwarding(null),
    `home-relay:homes[0].forwards[0]: must be a forward; found nothing\n  ${forwardForms}`,
  ],
  [
    "unequal ranges",
    forwarding({ published: "80-90", target: 80 }),
    "home-relay:homes[0].forwards[0]: 80-90 and 80 are not the same number of ports (11 and 1)\n  write as many target ports as published ones",
  ],
  [
    "long form without published",
    forwarding({ target: 80 }),
    "home-relay:homes[0].forwards[0].published: is missing\n  write it, for example: published: 80",
  ],
  [
    "a number in the long form",
    forwarding({ published: 80, target: 70_000 }),
    'home-relay:homes[0].forwards[0].target: must be a port from 1 to 65535; found the number 70000\n  YAML can take an unquoted a:b for one number: quote it, like "80:8080"',
  ],
  [
    "a port in the long form",
    forwarding({ published: "0" }),
    'home-relay:homes[0].forwards[0].published: "0" is outside 1-65535\n  write a port from 1 to 65535, like 80, or a range, like "50000-50100"',
  ],
  [
    "protocol in the long form",
    forwarding({ published: 80, protocol: "both" }),
    'home-relay:homes[0].forwards[0].protocol: must be tcp, udp or tcp+udp; found "both"\n  write tcp+udp',
  ],
  [
    "the relay's SSH port",
    { relay: { sshPort: 2222 }, ...forwarding("2220-2230") },
    'home-relay:homes[0].forwards[0]: publishes 2222/tcp, where the relay\'s own SSH listens; found "2220-2230:2220-2230/tcp"\n  publish another port, or move SSH away with home-relay:relay.sshPort',
  ],
  [
    "the SSH port of a machine of one's own",
    { relay: { ...vps, port: 2222 }, ...forwarding("2222") },
    'home-relay:homes[0].forwards[0]: publishes 2222/tcp, where the relay\'s own SSH listens; found "2222:2222/tcp"\n  publish another port, or move sshd away there, then change home-relay:relay.port',
  ],
  [
    "the relay's WireGuard port",
    forwarding("51820/tcp+udp"),
    'home-relay:homes[0].forwards[0]: publishes 51820/udp, where the relay\'s own WireGuard listens; found "51820:51820/tcp+udp"\n  publish another port, or move WireGuard away with home-relay:tunnel.listenPort',
  ],
  [
    "a port of another home",
    { homes: [nas, { ...media, forwards: ["79-81:1-3/tcp+udp"] }] },
    "home-relay:homes[1].forwards[0]: publishes 80/tcp for home media, which home-relay:homes[0].forwards[0] publishes for home nas; " +
      'found "79-81:1-3/tcp+udp" and "80:8080/tcp"\n  a public port leads to one place: publish another port in one of them',
  ],
]);

refuses("an option of a forward", [
  [
    "a name for to",
    forwarding({ published: 80, to: "printer" }),
    `home-relay:homes[0].forwards[0].to: "printer" is not an IP address\n  ${toMend}`,
  ],
  [
    "a number for to",
    forwarding({ published: 80, to: 50 }),
    `home-relay:homes[0].forwards[0].to: must be text; found 50\n  ${toMend}`,
  ],
  [
    "a public address for to",
    forwarding({ published: 80, to: "203.0.113.5" }),
    `home-relay:homes[0].forwards[0].to: "203.0.113.5" is not a private IPv4 address\n  ${toMend}`,
  ],
  [
    "an address behind CGNAT for to",
    forwarding({ published: 80, to: "100.64.0.5" }),
    `home-relay:homes[0].forwards[0].to: "100.64.0.5" is not a private IPv4 address\n  ${toMend}`,
  ],
  [
    "the home itself for to",
    forwarding({ published: 80, to: "127.0.0.1" }),
    `home-relay:homes[0].forwards[0].to: "127.0.0.1" is not a private IPv4 address\n  ${toMend}`,
  ],
  [
    "IPv6 for to",
    forwarding({ published: 80, to: "fd00::5" }),
    `home-relay:homes[0].forwards[0].to: "fd00::5" is not a private IPv4 address\n  ${toMend}`,
  ],
  [
    "a prefix for to",
    forwarding({ published: 80, to: "192.168.1.0/24" }),
    `home-relay:homes[0].forwards[0].to: "192.168.1.0/24" is not an IP address\n  ${toMend}`,
  ],
  [
    "clientIp",
    forwarding({ published: 80, clientIp: "masquerad" }),
    'home-relay:homes[0].forwards[0].clientIp: must be one of preserve, masquerade; found "masquerad"\n  write masquerade',
  ],
  [
    "true for clientIp",
    forwarding({ published: 80, clientIp: true }),
    "home-relay:homes[0].forwards[0].clientIp: must be one of preserve, masquerade; found true\n  write preserve",
  ],
  [
    "nobody in from",
    forwarding({ published: 80, from: [] }),
    "home-relay:homes[0].forwards[0].from: is an empty list: nobody could connect\n" +
      "  write the prefixes of those who may, or remove the key to let in everybody",
  ],
  [
    "IPv6 senders for a machine that is reached over IPv4",
    forwarding({ published: 80, to: "192.168.1.50", from: ["2001:db8::/32"] }),
    "home-relay:homes[0].forwards[0]: lets in IPv6 senders only, and a machine in the LAN is reached over IPv4; found from: 2001:db8::/32\n" +
      "  name IPv4 prefixes",
  ],
  [
    "another home for a machine in the LAN",
    forwarding({ published: 80, to: "10.77.3.4" }),
    'home-relay:homes[0].forwards[0].to: lies within the tunnel\'s own addresses, 10.77.0.0/16; found "10.77.3.4"\n' +
      "  write the machine's address in the LAN; a forward to another home belongs under that home",
  ],
  [
    "text for from",
    forwarding({ published: 80, from: "192.0.2.0/24" }),
    'home-relay:homes[0].forwards[0].from: must be a list; found "192.0.2.0/24"\n  write it as ["192.0.2.0/24"]',
  ],
  [
    "host bits in from",
    forwarding({ published: 80, from: ["192.0.2.7/24"] }),
    'home-relay:homes[0].forwards[0].from[0]: "192.0.2.7/24" has bits set after its length; did you mean 192.0.2.0/24?\n' +
      `  ${prefixMend}`,
  ],
  [
    "a name in from",
    forwarding({ published: 80, from: ["192.0.2.0/24", "office.example"] }),
    `home-relay:homes[0].forwards[0].from[1]: "office.example" is not an IP address\n  ${prefixMend}`,
  ],
  [
    "a number in from",
    forwarding({ published: 80, from: [10] }),
    `home-relay:homes[0].forwards[0].from[0]: must be text; found 10\n  ${prefixMend}`,
  ],
  [
    "a repeated prefix in from",
    forwarding({ published: 80, from: ["192.0.2.7/32", "192.0.2.7"] }),
    'home-relay:homes[0].forwards[0].from[1]: repeats home-relay:homes[0].forwards[0].from[0]; found "192.0.2.7/32" in both\n  remove one of them',
  ],
  ...[0, 201, 2.5].map((found): [string, Partial<RawSettings>, string] => [
    `newPerSecond of ${found}`,
    forwarding({ published: 80, newPerSecond: found }),
    `home-relay:homes[0].forwards[0].newPerSecond: must be a whole number from 1 to 200; found ${found}\n  ${capMend}`,
  ]),
  [
    "text for newPerSecond",
    forwarding({ published: 80, newPerSecond: "10" }),
    'home-relay:homes[0].forwards[0].newPerSecond: must be a whole number from 1 to 200; found "10"\n  write 10 without quotes',
  ],
  [
    "text for acknowledge",
    forwarding({ published: 53, protocol: "udp", acknowledge: "true" }),
    'home-relay:homes[0].forwards[0].acknowledge: must be true or false; found "true"\n  write true or false, without quotes',
  ],
  [
    "a machine in the LAN at a port that ends at home",
    forwarding("80:8080", { published: 8080, target: 80, to: "192.168.1.50" }),
    "home-relay:homes[0].forwards[1]: passes through the home's port 8080, where home-relay:homes[0].forwards[0] ends; " +
      'found "8080:80/tcp, to 192.168.1.50" and "80:8080/tcp"\n' +
      "  publish the LAN machine's service on another port",
  ],
  [
    "a range for a machine in the LAN over a port that ends at home, in the other order",
    forwarding(
      { published: "8000-8100", to: "192.168.1.50", protocol: "tcp+udp" },
      { published: 90, target: 8100, protocol: "udp" },
    ),
    "home-relay:homes[0].forwards[0]: passes through the home's port 8000-8100, where home-relay:homes[0].forwards[1] ends; " +
      'found "8000-8100:8000-8100/tcp+udp, to 192.168.1.50" and "90:8100/udp"\n' +
      "  publish the LAN machine's service on another port",
  ],
]);

refuses("a dangerous port", [
  [
    "by number",
    { relay: { sshPort: 2222 }, ...forwarding(22) },
    `home-relay:homes[0].forwards[0]: opens port 22/tcp: ${guessing}; found "22:22/tcp"\n  ${meantIt("22", "22", "tcp")}`,
  ],
  [
    "in the short form, by its published port",
    forwarding("3389:8000"),
    `home-relay:homes[0].forwards[0]: opens port 3389/tcp: ${guessing}; found "3389:8000/tcp"\n  ${meantIt("3389", "8000", "tcp")}`,
  ],
  [
    "in the short form, by its target",
    forwarding("8000:6379"),
    `home-relay:homes[0].forwards[0]: opens port 6379/tcp: ${noPassword}; found "8000:6379/tcp"\n  ${meantIt("8000", "6379", "tcp")}`,
  ],
  [
    "in the short form, of either protocol",
    forwarding("53:5300/tcp+udp"),
    `home-relay:homes[0].forwards[0]: opens port 53/udp: ${amplifies}; found "53:5300/tcp+udp"\n  ${meantIt("53", "5300", "tcp+udp")}`,
  ],
  [
    "inside a published range",
    forwarding("5000-6000:15000-16000"),
    `home-relay:homes[0].forwards[0]: opens port 5432/tcp: ${guessing}; found "5000-6000:15000-16000/tcp"\n  ${meantIt("5000-6000", "15000-16000", "tcp")}`,
  ],
  [
    "inside a range of targets",
    forwarding("20000-20100:27000-27100"),
    `home-relay:homes[0].forwards[0]: opens port 27017/tcp: ${noPassword}; found "20000-20100:27000-27100/tcp"\n  ${meantIt("20000-20100", "27000-27100", "tcp")}`,
  ],
  [
    "at the end of a range",
    forwarding("1890-1900:11890-11900/udp"),
    `home-relay:homes[0].forwards[0]: opens port 1900/udp: ${amplifies}; found "1890-1900:11890-11900/udp"\n  ${meantIt("1890-1900", "11890-11900", "udp")}`,
  ],
  [
    "in the long form",
    forwarding({ published: 11211, target: 7000, protocol: "udp" }),
    `home-relay:homes[0].forwards[0]: opens port 11211/udp: ${amplifies}; found "11211:7000/udp"\n  ${addIt}`,
  ],
  [
    "in the long form, by its target",
    forwarding({ published: 7000, target: 445 }),
    `home-relay:homes[0].forwards[0]: opens port 445/tcp: ${noPassword}; found "7000:445/tcp"\n  ${addIt}`,
  ],
  [
    "of a machine in the LAN",
    forwarding({ published: 7000, target: 5900, to: "192.168.1.50" }),
    `home-relay:homes[0].forwards[0]: opens port 5900/tcp: ${guessing}; found "7000:5900/tcp, to 192.168.1.50"\n  ${addIt}`,
  ],
  [
    "whose acknowledgement is false",
    forwarding({ published: 2375, acknowledge: false }),
    `home-relay:homes[0].forwards[0]: opens port 2375/tcp: ${noPassword}; found "2375:2375/tcp"\n  ${addIt}`,
  ],
]);

test("a forward may share a number with the relay's own port of the other protocol", () => {
  expect(problemsOf({ relay: { sshPort: 51820 }, ...forwarding("2222/tcp+udp") })).toEqual([]);
  expect(problemsOf(forwarding("22/udp", "51820/tcp"))).toEqual([]);
});

const dangers = {
  tcp: [22, 23, 111, 445, 2375, 3306, 3389, 5432, 5900, 6379, 9200, 11211, 27017],
  udp: [17, 19, 53, 69, 111, 123, 137, 161, 389, 1900, 3702, 5353, 11211],
} as const;

describe.each(["tcp", "udp"] as const)("a forward of %s", (protocol) => {
  test("is refused exactly at the ports of services that were not made for the internet", () => {
    const every = Array.from({ length: 65535 }, (_, i) => `${i + 1}/${protocol}`);
    const problems = problemsOf(forwarding(...every)).filter((problem) => problem.includes(": opens port "));
    expect(problems.map((problem) => Number(/opens port (\d+)/.exec(problem)?.[1]))).toEqual(
      dangers[protocol],
    );
  });

  test("is taken there once it is acknowledged", () => {
    const acknowledged = dangers[protocol].map((published) => ({ published, protocol, acknowledge: true }));
    expect(problemsOf({ relay: { sshPort: 2222 }, ...forwarding(...acknowledged) })).toEqual([]);
  });
});

test("an acknowledged range, target or LAN machine is taken, and an acknowledgement that nothing needs too", () => {
  const forms = [
    { published: "5000-6000", target: "15000-16000", acknowledge: true },
    { published: 7000, target: 445, acknowledge: true },
    { published: 7001, target: 5900, to: "192.168.1.50", acknowledge: true },
    { published: 80, acknowledge: true },
  ];
  expect(problemsOf(forwarding(...forms))).toEqual([]);
});

test("an acknowledgement is no pass for the relay's own port", () => {
  expect(problemsOf(forwarding({ published: 22, acknowledge: true }))).toEqual([
    'home-relay:homes[0].forwards[0]: publishes 22/tcp, where the relay\'s own SSH listens; found "22:22/tcp"\n' +
      "  publish another port, or move SSH away with home-relay:relay.sshPort",
  ]);
});

test("a machine in the LAN may have a port that ends at another home, or at this one for the other protocol", () => {
  const lan = { published: 8080, target: 80, to: "192.168.1.50" };
  expect(problemsOf({ homes: [nas, { ...media, forwards: [lan] }] })).toEqual([]);
  expect(problemsOf(forwarding("80:8080/udp", lan))).toEqual([]);
});

test("two machines in the LAN may have one target port, and one machine two published ones", () => {
  const forms = [
    { published: 8001, target: 80, to: "192.168.1.50" },
    { published: 8002, target: 80, to: "192.168.1.51" },
    { published: 8003, target: 80, to: "192.168.1.50" },
    "8004:80",
  ];
  expect(problemsOf(forwarding(...forms))).toEqual([]);
});

test("forwards are accepted exactly when no two of them collide and none to the LAN passes through a port of the home's own", () => {
  const list = fc.array(forward({ within: 20 }), { minLength: 1, maxLength: 3 });
  let accepted = 0;
  fc.assert(
    fc.property(list, list, (atNas, atMedia) => {
      const all = [...atNas, ...atMedia];
      const pairs = all.flatMap((a, i) => all.slice(i + 1).filter((b) => collide(a, b))).length;
      const passing = [atNas, atMedia].flatMap((forwards) =>
        forwards.filter((a) => a.to !== undefined && forwards.some((b) => shareArrival(a, b))),
      ).length;
      const homes = [
        { ...nas, forwards: atNas.map(longForm) },
        { ...media, forwards: atMedia.map(longForm) },
      ];
      const problems = problemsOf({ homes });
      expect(problems.filter((problem) => problem.includes(": publishes "))).toHaveLength(pairs);
      expect(problems.filter((problem) => problem.includes(": passes through "))).toHaveLength(passing);
      expect(problems).toHaveLength(pairs + passing);
      if (problems.length === 0) accepted++;
    }),
    { numRuns: 300 },
  );
  expect(accepted).toBeGreaterThan(0);
});

/** The forward as a stack file says it, dangerous or not. */
function longForm({ published, target, protocols, from, ...options }: Forward): object {
  return {
    published: renderPortRange(published),
    target: renderPortRange(target),
    protocol: protocols.join("+"),
    ...(from.length > 0 ? { from: from.map(({ text }) => text) } : {}),
    ...options,
    acknowledge: true,
  };
}

function takesRelayPort(one: Forward): boolean {
  return collide(one, parseForward("22/tcp")) || collide(one, parseForward("51820/udp"));
}

/** Whether the home's own programs would have too few UDP ports left to call others from. */
function takesCallingPorts({ to, protocols, target }: Forward): boolean {
  const taken = Math.min(target.last, 60999) - Math.max(target.first, 32768) + 1;
  return to === undefined && protocols.includes("udp") && taken > 28232 - 4096;
}

test.each([{}, vps])("takes any number of senders, whatever a provider's firewall takes: %j", (relay) => {
  const from = Array.from({ length: 1001 }, (_, i) => `10.${i >> 8}.${i & 255}.1`);
  const { homes } = parse({ relay, ...forwarding({ published: 80, from }) });
  expect(homes[0]?.forwards[0]?.from).toEqual(from.map(parsePrefix));
});

test("a home's own programs keep some ports to call others from", () => {
  const own = (first: number) => forwarding(`${first}-60999/udp`);
  expect(problemsOf(own(32768 + 4096))).toEqual([
    expect.stringMatching(/^home-relay:tunnel|publishes 51820\/udp/),
  ]);
  const tunnel = { listenPort: 1194 };
  expect(problemsOf({ ...own(32768 + 4096), tunnel })).toEqual([]);
  expect(problemsOf({ ...own(32768 + 4095), tunnel })).toEqual([
    "home-relay:homes[0].forwards: take 24137 of the 28232 ports, 32768-60999, from which the home's own programs " +
      "call others; at least 4096 have to be left\n" +
      "  forward fewer UDP ports there, or to targets below 32768",
  ]);
  const elsewhere = [{ published: "20000-50000", protocol: "udp", to: "192.168.1.50" }, "32768-60999/tcp"];
  expect(problemsOf({ ...forwarding(...elsewhere), tunnel })).toEqual([]);
});
