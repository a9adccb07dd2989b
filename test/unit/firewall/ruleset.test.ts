import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import type { PublishedForward } from "../../../components/network/publishedForward.ts";
import { createForward, parseForward } from "../../../components/network/forward.ts";
import type { Forward } from "../../../components/network/forward.ts";
import { parsePortRange, renderPortRange } from "../../../components/network/port.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import type { Prefix } from "../../../components/network/prefix.ts";
import { elements, protocolPorts, withoutComments } from "../generators/elements.ts";
import { firewall, media, nas, optioned, toHome } from "../generators/examples.ts";
import { callersWithin } from "../generators/prefixes.ts";
import { everyPort, portsOf, publishedForwards } from "../generators/publishedForwards.ts";

test("renders a small stack's ruleset", () => {
  expect(renderRelayRuleset(firewall)).toMatchSnapshot();
});

test("renders the ruleset of forwards with every option", () => {
  expect(renderRelayRuleset(optioned)).toMatchSnapshot();
});

test("what no forward asks for leaves no trace", () => {
  const overTcp = firewall.forwards.filter(({ forward }) => !forward.protocols.includes("udp"));
  expect(withoutComments(renderRelayRuleset({ ...firewall, forwards: overTcp }))).not.toMatch(
    /masquerade|postrouting|restricted|allowed|source|zones|home_first|cap\d|peers \{/,
  );
  expect(withoutComments(renderRelayRuleset(firewall))).not.toMatch(
    /masqueraded|restricted|allowed|source|cap\d|peers \{/,
  );
  const masqueraded = optioned.forwards.filter(({ forward }) => forward.clientIp === "masquerade");
  const text = withoutComments(renderRelayRuleset({ ...firewall, forwards: masqueraded }));
  expect(text).toMatch(/masqueraded_tcp(.|\n)*chain postrouting/);
  expect(text).not.toMatch(/masqueraded_udp|restricted|allowed|source/);
});

test("a family that no prefix of the operator's is of has no rule for SSH", () => {
  const admins = (...prefixes: readonly string[]) =>
    renderRelayRuleset({ ...firewall, adminCidrs: prefixes.map(parsePrefix) });
  expect(admins("192.0.2.0/24")).not.toMatch(/admin6|ssh_rate6/);
  expect(admins()).not.toMatch(/chain ssh|jump ssh|admin|ssh_rate/);
});

describe("on a machine that is shared", () => {
  const own = withoutComments(renderRelayRuleset(optioned));
  const shared = withoutComments(renderRelayRuleset({ ...optioned, shared: true }));
  const chain = (ruleset: string, name: string) =>
    ruleset
      .split(`\tchain ${name} {\n`)[1]
      ?.split("\n\t}\n")[0]
      ?.split("\n")
      .map((line) => line.trim()) ?? [];

  test("all but what comes in and passes through is as on a machine of our own, and the tunnel is tracked", () => {
    const rest = (ruleset: string) =>
      ruleset
        .replace(
          /\t(chain (forward|others|own_datagrams|input|from_tunnel|ssh)|set (ssh_rate\d|passes_others)) \{\n[^]*?\n\t\}\n/g,
          "",
        )
        .replace(/.* notrack accept\n/, "")
        .replace(/^include .*\n/m, "");
    expect(rest(shared)).toBe(rest(own));
    expect(rest(own)).not.toBe(own);
    expect(shared).not.toContain("notrack");
  });

  test("packets of others pass before any rule of ours, and the tunnel's are judged as strictly", () => {
    const [hook, first, ...others] = chain(shared, "forward");
    expect(first).toBe('iifname != "homerelay" oifname != "homerelay" goto others');
    expect([hook, ...others]).toEqual(chain(own, "forward"));
  });

  test("the owner's services stay open; SSH is the operator's and the tunnel reaches nothing", () => {
    expect(chain(shared, "input").join("\n")).toMatchInlineSnapshot(`
      "type filter hook input priority filter; policy accept;
      iifname "lo" accept
      iifname "homerelay" jump from_tunnel
      meta nfproto ipv6 ct state new meta l4proto tcp meta l4proto . th dport @refused_over_ipv6 counter reject with tcp reset
      meta nfproto ipv6 ct state new meta l4proto udp meta l4proto . th dport @refused_over_ipv6 counter reject with icmpv6 type port-unreachable
      udp dport 51820 accept
      tcp dport 22 ct state new jump ssh
      tcp dport 22 ct state new counter drop comment "not the operator""
    `);
    expect(chain(shared, "from_tunnel").join("\n")).toMatchInlineSnapshot(`
      "ct state vmap { established : accept, related : accept, invalid : drop }
      icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
      icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem, nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query } accept
      icmp type echo-request accept
      icmpv6 type echo-request accept
      counter drop comment "the tunnel reaches nothing on the relay""
    `);
  });
});

describe("where a published port leads", () => {
  test("a port that changes on its way is one element; one that stays is a range", () => {
    const ruleset = renderRelayRuleset(firewall);
    expect(elements(ruleset, "forwards4")).toEqual([
      "tcp . 80 : 10.77.3.4 . 8080",
      "tcp . 443 : 10.77.3.4 . 8081",
      "tcp . 2200 : 10.77.5.6 . 22",
      "tcp . 2201 : 10.77.5.6 . 23",
    ]);
    expect(elements(ruleset, "ranges6")).toEqual([
      "tcp . 64738 : fd77::304",
      "udp . 50000-50002 : fd77::506",
      "udp . 64738 : fd77::304",
    ]);
  });

  test("every published port stands in exactly one map of each family that answers, with the port at which it arrives", () => {
    fc.assert(
      fc.property(publishedForwards(), (forwards) => {
        const ruleset = renderRelayRuleset({ ...firewall, forwards });
        for (const [family, number] of [
          ["ipv4", 4],
          ["ipv6", 6],
        ] as const) {
          const expected = forwards
            .filter(({ forward }) => family === "ipv4" || forward.to === undefined)
            .flatMap(({ forward, address }) => {
              const arrival = forward.to === undefined ? forward.target : forward.published;
              return forward.protocols.flatMap((protocol) =>
                portsOf(forward.published).map(
                  (port, i) => `${protocol} ${port} to ${address[family]} ${arrival.first + i}`,
                ),
              );
            });
          const found = [
            ...elements(ruleset, `forwards${number}`).flatMap(readSingle),
            ...elements(ruleset, `ranges${number}`).flatMap(readRange),
          ];
          expect(found.sort()).toEqual(expected.sort());
        }
      }),
    );
  });
});

describe("which ports an option holds for", () => {
  const every = (forwards: readonly PublishedForward[], has: (forward: Forward) => boolean) => {
    const having = forwards.filter(({ forward }) => has(forward));
    return (["tcp", "udp"] as const)
      .flatMap((protocol) => everyPort(having, protocol).map((port) => `${protocol} ${port}`))
      .sort();
  };

  test("masqueraded are exactly those of the forwards that hide the caller", () => {
    fc.assert(
      fc.property(publishedForwards(), (forwards) => {
        const ruleset = renderRelayRuleset({ ...firewall, forwards });
        const masqueraded = (["tcp", "udp"] as const).flatMap((protocol) =>
          elements(ruleset, `masqueraded_${protocol}`).map((range) => `${protocol} . ${range}`),
        );
        expect(protocolPorts(masqueraded)).toEqual(
          every(forwards, ({ clientIp }) => clientIp === "masquerade"),
        );
      }),
    );
  });

  test("restricted are exactly those of the forwards that name who may connect", () => {
    fc.assert(
      fc.property(publishedForwards(), (forwards) => {
        const restricted = elements(renderRelayRuleset({ ...firewall, forwards }), "restricted");
        expect(protocolPorts(restricted)).toEqual(every(forwards, ({ from }) => from.length > 0));
      }),
    );
  });

  test("a restricted one lets in exactly those whom its forward names", () => {
    fc.assert(
      fc.property(publishedForwards({ most: 40 }), (forwards) => {
        const ruleset = renderRelayRuleset({ ...firewall, forwards });
        const allowed = [...elements(ruleset, "allowed4"), ...elements(ruleset, "allowed6")].map(readSource);
        const restricted = forwards.filter(({ forward }) => forward.from.length > 0);
        const expected = restricted.flatMap(({ forward: { published, protocols, from } }) =>
          protocols.flatMap((protocol) => {
            const ports = `${protocol} . ${renderPortRange(published)}`;
            return callersWithin(from).map((caller) => `${caller} on ${ports}`);
          }),
        );
        const found = [...Map.groupBy(allowed, ({ ports }) => ports)].flatMap(([ports, sources]) =>
          callersWithin(sources.map(({ prefix }) => prefix)).map((caller) => `${caller} on ${ports}`),
        );
        expect(found.sort()).toEqual(expected.sort());
      }),
    );
  });

  test("capped are exactly those of the forwards with that cap, and each cap has its rules", () => {
    fc.assert(
      fc.property(publishedForwards(), (forwards) => {
        const ruleset = renderRelayRuleset({ ...firewall, forwards });
        const caps = new Set(forwards.flatMap(({ forward }) => forward.newPerSecond ?? []));
        expect(new Set(matches(ruleset, /^\tset cap(\d+) \{$/gm).map(Number))).toEqual(caps);
        for (const cap of caps) {
          expect(protocolPorts(elements(ruleset, `cap${cap}`))).toEqual(
            every(forwards, ({ newPerSecond }) => newPerSecond === cap),
          );
          const limits = rules(ruleset).filter((rule) => rule.includes(`@cap${cap} `));
          expect(limits.flatMap((rule) => matches(rule, /over (\d+)\/second/g))).toEqual([
            `${cap}`,
            `${cap}`,
          ]);
        }
      }),
    );
  });
});

test("a prefix within another of the same forward is left out, since nft would refuse the set", () => {
  const from = ["10.1.0.0/16", "10.0.0.0/8", "0.0.0.0/0", "2001:db8:1::/48", "2001:db8::/32"].map(
    parsePrefix,
  );
  const port = { first: 443, last: 443 };
  const ruleset = renderRelayRuleset({
    ...firewall,
    forwards: toHome(nas, [createForward(port, port, "tcp", { from })]),
  });
  expect([elements(ruleset, "allowed4"), elements(ruleset, "allowed6")]).toEqual([
    ["0.0.0.0-255.255.255.255 . tcp . 443"],
    ["2001:db8::/32 . tcp . 443"],
  ]);
});

test("an open connection is kept only while its port is published", () => {
  fc.assert(
    fc.property(publishedForwards(), (forwards) => {
      const ruleset = renderRelayRuleset({ ...firewall, forwards });
      const [single, wider] = ["published_tcp", "published_tcp_ranges"].map((set) =>
        elements(ruleset, set).map(parsePortRange),
      );
      expect([...(single ?? []), ...(wider ?? [])].flatMap(portsOf).sort((a, b) => a - b)).toEqual(
        everyPort(forwards, "tcp"),
      );
      expect((single ?? []).every(({ first, last }) => first === last)).toBe(true);
    }),
  );
});

describe("an open UDP flow", () => {
  const udp = (forwards: readonly PublishedForward[]) =>
    forwards.filter(({ forward }) => forward.protocols.includes("udp"));
  const arrival = ({ to, target, published }: Forward) => (to === undefined ? target : published);

  test("is let out of the tunnel while its port leads to where it comes from", () => {
    fc.assert(
      fc.property(publishedForwards(), (forwards) => {
        const ruleset = renderRelayRuleset({ ...firewall, forwards });
        for (const [family, number] of [
          ["ipv4", 4],
          ["ipv6", 6],
        ] as const) {
          const expected = udp(forwards)
            .filter(({ forward }) => family === "ipv4" || forward.to === undefined)
            .map(({ forward, address }) =>
              [renderPortRange(forward.published), address[family], renderPortRange(arrival(forward))].join(
                " . ",
              ),
            );
          const single = elements(ruleset, `udp_targets${number}`);
          const wider = elements(ruleset, `udp_target_ranges${number}`);
          expect([...single, ...wider].sort()).toEqual(expected.sort());
          expect(single.join()).not.toContain("-");
        }
      }),
    );
  });

  test("has the zone of its home and of the distance between published and arrival port", () => {
    fc.assert(
      fc.property(publishedForwards(), (forwards) => {
        const ruleset = renderRelayRuleset({ ...firewall, forwards });
        const zones = new Map(elements(ruleset, "udp_zones").map((element) => twoOf(element, " : ")));
        expect(elements(ruleset, "udp_zones_of_errors")).toEqual(elements(ruleset, "udp_zones"));
        const ways = new Map(
          udp(forwards).map(({ forward, address }) => [
            renderPortRange(forward.published),
            `${address.ipv4} ${arrival(forward).first - forward.published.first}`,
          ]),
        );
        expect([...zones.keys()].sort()).toEqual([...ways.keys()].sort());
        const pairs = new Set([...ways].map(([ports, way]) => `${way} ${zones.get(ports) ?? ""}`));
        expect(pairs.size).toBe(new Set(ways.values()).size);
        for (const zone of zones.values()) expect(Number(zone)).toBeGreaterThan(0);
      }),
    );
  });

  test("has another zone when its forward goes another way", () => {
    const zone = (address: PublishedForward["address"], forward: string) =>
      elements(
        renderRelayRuleset({ ...firewall, forwards: toHome(address, [parseForward(forward)]) }),
        "udp_zones",
      )[0];
    const zones = ["5000/udp", "5000:5001/udp", "5000:4999/udp"].flatMap((forward) => [
      zone(nas, forward),
      zone(media, forward),
    ]);
    expect(new Set(zones).size).toBe(6);
  });
});

describe("a home that is the first to send, over UDP", () => {
  const isOpen = ({ forward }: PublishedForward) =>
    forward.protocols.includes("udp") &&
    forward.to === undefined &&
    forward.from.length === 0 &&
    forward.clientIp === "preserve";

  test("leaves from the lowest port that leads to it, and from none where only some may come, or come hidden", () => {
    fc.assert(
      fc.property(publishedForwards(), (forwards) => {
        const ruleset = renderRelayRuleset({ ...firewall, forwards });
        const lowest = new Map<string, number>();
        for (const { forward, address } of forwards.filter(isOpen))
          portsOf(forward.published).forEach((published, i) => {
            const arrival = `${address.ipv4} . ${forward.target.first + i}`;
            lowest.set(arrival, Math.min(published, lowest.get(arrival) ?? published));
          });
        const arrivals = elements(ruleset, "home_first4").flatMap((element) => {
          const [home, range] = twoOf(element, " . ");
          return portsOf(parsePortRange(range)).map((port) => `${home} . ${port}`);
        });
        expect(arrivals.sort()).toEqual([...lowest.keys()].sort());
        const changed = [...lowest].filter(([arrival, published]) => !arrival.endsWith(` . ${published}`));
        expect(elements(ruleset, "home_first_as4").sort()).toEqual(
          changed.map(([arrival, published]) => `${arrival} : ${published}`).sort(),
        );
        expect(elements(ruleset, "home_first6")).toHaveLength(elements(ruleset, "home_first4").length);
      }),
    );
  });

  test("is not spoken of where there is none", () => {
    const overTcp = toHome(nas, [parseForward("80:8080")]);
    expect(renderRelayRuleset({ ...firewall, forwards: overTcp })).not.toMatch(/home_first|postrouting/);
  });
});

test("the same forwards in another order give the same bytes", () => {
  fc.assert(
    fc.property(publishedForwards({ most: 20 }), (forwards) => {
      expect(renderRelayRuleset({ ...firewall, forwards: [...forwards].reverse() })).toBe(
        renderRelayRuleset({ ...firewall, forwards }),
      );
    }),
  );
});

test("the rules are the same whatever is forwarded: a packet's cost does not grow with the forwards", () => {
  const many = Array.from({ length: 1000 }, (_, i) => parseForward(`${20000 + 2 * i}:${30000 + i}/tcp+udp`));
  const rulesOf = (forwards: readonly Forward[]) =>
    rules(renderRelayRuleset({ ...firewall, forwards: toHome(media, forwards) }));
  expect(rulesOf(many)).toEqual(rulesOf(many.slice(0, 1)));
  const overTcp = many.map(({ published, target }) => createForward(published, target, "tcp"));
  expect(rulesOf(overTcp)).toEqual(rulesOf([]));
});

test("as many ports as there are may change on their way", () => {
  const all = parseForward("1-65534:2-65535/tcp+udp");
  const ruleset = renderRelayRuleset({ ...firewall, forwards: toHome(media, [all]) });
  expect(elements(ruleset, "forwards6")).toHaveLength(2 * 65534);
});

test("the rules grow with the different caps alone, not with the forwards that have options", () => {
  const options = { clientIp: "masquerade", from: firewall.adminCidrs, newPerSecond: 5 } as const;
  const many = Array.from({ length: 1000 }, (_, i) => {
    const port = { first: 20000 + 2 * i, last: 20000 + 2 * i };
    return createForward(port, port, "tcp+udp", { ...options, ...(i % 2 ? { to: "192.168.1.50" } : {}) });
  });
  const rulesOf = (count: number) =>
    rules(renderRelayRuleset({ ...firewall, forwards: toHome(media, many.slice(0, count)) }));
  // The first two: to the home itself, and to a machine in its LAN.
  expect(rulesOf(1000)).toEqual(rulesOf(2));
});

test("SSH is open to the operator's prefixes alone, each in the set of its family", () => {
  const adminCidrs = ["192.0.2.0/25", "198.51.100.7", "2001:db8:1::/48"].map(parsePrefix);
  const ruleset = renderRelayRuleset({ ...firewall, adminCidrs, sshPort: 2222 });
  expect([elements(ruleset, "admin4"), elements(ruleset, "admin6")]).toEqual([
    ["192.0.2.0/25", "198.51.100.7/32"],
    ["2001:db8:1::/48"],
  ]);
  expect(elements(ruleset, "ssh_public")).toEqual(["2222"]);
  expect(rules(ruleset)).toContain("tcp dport @ssh_public ct state new jump ssh");
});

test("a named peer may come in by SSH through the tunnel, and no other, whichever way the operator takes", () => {
  for (const sshVia of ["public", "tunnel"] as const) {
    const ruleset = renderRelayRuleset({ ...firewall, sshVia, sshPeers: [nas], sshPort: 2222 });
    expect([elements(ruleset, "ssh_peers4"), elements(ruleset, "ssh_peers6")]).toEqual([
      [`${nas.ipv4} . 2222`],
      [`${nas.ipv6} . 2222`],
    ]);
    const all = rules(ruleset);
    const tunnelled = all.findIndex((rule) => rule.startsWith('iifname "homerelay" counter drop'));
    expect(all.slice(tunnelled - 2, tunnelled)).toEqual([
      'iifname "homerelay" ip saddr . tcp dport @ssh_peers4 ct state new accept',
      'iifname "homerelay" ip6 saddr . tcp dport @ssh_peers6 ct state new accept',
    ]);
  }
});

test("with SSH through the tunnel the public comes in by no port, but for a time that somebody sets", () => {
  const ruleset = renderRelayRuleset({ ...firewall, sshVia: "tunnel", sshPeers: [nas] });
  expect(elements(ruleset, "ssh_public")).toEqual([]);
  expect(ruleset).toContain("set ssh_public {\n\t\ttype inet_service\n\t\tflags timeout\n\t}");
});

test("a prefix within another is left out, since nft would refuse the set", () => {
  const adminCidrs = ["10.1.0.0/16", "10.0.0.0/8", "2001:db8::/32", "::/0", "10.0.0.1"].map(parsePrefix);
  const ruleset = renderRelayRuleset({ ...firewall, adminCidrs });
  expect([elements(ruleset, "admin4"), elements(ruleset, "admin6")]).toEqual([
    ["10.0.0.0/8"],
    ["::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ]);
});

test("everybody is written as a whole range, which nft takes in an interval set", () => {
  const ruleset = renderRelayRuleset({ ...firewall, adminCidrs: ["0.0.0.0/0", "::/0"].map(parsePrefix) });
  expect([elements(ruleset, "admin4"), elements(ruleset, "admin6")]).toEqual([
    ["0.0.0.0-255.255.255.255"],
    ["::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ]);
});

test("without forwards no map has an element", () => {
  const ruleset = renderRelayRuleset({ ...firewall, adminCidrs: [], sshVia: "tunnel", forwards: [] });
  expect(ruleset).not.toContain("elements");
});

/** The lines of all chains, without the maps and sets before them. */
function rules(ruleset: string): string[] {
  return withoutComments(ruleset.slice(ruleset.indexOf("\tchain ")))
    .split("\n")
    .map((line) => line.trim());
}

/** `tcp . 80 : 10.77.3.4 . 8080` as `tcp 80 to 10.77.3.4 8080`. */
function readSingle(element: string): string[] {
  const match = /^(tcp|udp) \. (\d+) : (\S+) \. (\d+)$/.exec(element);
  if (!match) throw new Error(`not an element of a map of single ports: ${element}`);
  return [`${match[1] ?? ""} ${match[2] ?? ""} to ${match[3] ?? ""} ${match[4] ?? ""}`];
}

function twoOf(text: string, separator: string): [string, string] {
  const [first = "", second = ""] = text.split(separator);
  return [first, second];
}

/** `udp . 50000-50001 : 10.77.3.4` as one line for each port, to the same port. */
function readRange(element: string): string[] {
  const match = /^(tcp|udp) \. ([\d-]+) : (\S+)$/.exec(element);
  if (!match) throw new Error(`not an element of a map of ranges: ${element}`);
  const range = parsePortRange(match[2] ?? "");
  expect(renderPortRange(range)).toBe(match[2]);
  return portsOf(range).map((port) => `${match[1] ?? ""} ${port} to ${match[3] ?? ""} ${port}`);
}

/** `192.0.2.0/24 . tcp . 80-81` as its prefix and its ports. */
function readSource(element: string): { readonly prefix: Prefix; readonly ports: string } {
  const [prefix = "", ...ports] = element.split(" . ");
  const whole: Record<string, string> = {
    "0.0.0.0-255.255.255.255": "0.0.0.0/0",
    "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff": "::/0",
  };
  return { prefix: parsePrefix(whole[prefix] ?? prefix), ports: ports.join(" . ") };
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? "");
}
