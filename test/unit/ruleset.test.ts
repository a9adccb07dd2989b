import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { renderRelayRuleset } from "../../components/firewall/ruleset.ts";
import { parseForward } from "../../components/network/forward.ts";
import { parsePortRange, renderPortRange } from "../../components/network/port.ts";
import { parsePrefix } from "../../components/network/prefix.ts";
import { firewall, media, toHome } from "./examples.ts";
import { everyPort, portsOf, publishedForwards } from "./publishedForwards.ts";

test("renders a small stack's ruleset", () => {
  expect(renderRelayRuleset(firewall)).toMatchSnapshot();
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

  test("every published port stands in exactly one map of each family, with its target", () => {
    fc.assert(
      fc.property(publishedForwards(), (forwards) => {
        const ruleset = renderRelayRuleset({ ...firewall, forwards });
        for (const [family, number] of [
          ["ipv4", 4],
          ["ipv6", 6],
        ] as const) {
          const expected = forwards.flatMap(({ forward, address }) =>
            forward.protocols.flatMap((protocol) =>
              portsOf(forward.published).map(
                (port, i) => `${protocol} ${port} to ${address[family]} ${forward.target.first + i}`,
              ),
            ),
          );
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

test("an open flow is kept only while its port is published", () => {
  fc.assert(
    fc.property(publishedForwards(), fc.constantFrom("tcp", "udp"), (forwards, protocol) => {
      const kept = elements(renderRelayRuleset({ ...firewall, forwards }), `published_${protocol}`);
      expect(kept.map(parsePortRange).flatMap(portsOf)).toEqual(
        everyPort(forwards, protocol).sort((a, b) => a - b),
      );
    }),
  );
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
  expect(rules(renderRelayRuleset({ ...firewall, forwards: toHome(media, many) }))).toEqual(
    rules(renderRelayRuleset({ ...firewall, forwards: [] })),
  );
});

test("SSH is open to the operator's prefixes alone, each in the set of its family", () => {
  const adminCidrs = ["192.0.2.0/25", "198.51.100.7", "2001:db8:1::/48"].map(parsePrefix);
  const ruleset = renderRelayRuleset({ ...firewall, adminCidrs, sshPort: 2222 });
  expect([elements(ruleset, "admin4"), elements(ruleset, "admin6")]).toEqual([
    ["192.0.2.0/25", "198.51.100.7/32"],
    ["2001:db8:1::/48"],
  ]);
  expect(rules(ruleset)).toContain("tcp dport 2222 ct state new jump ssh");
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
  const ruleset = renderRelayRuleset({ ...firewall, adminCidrs: [], forwards: [] });
  expect(ruleset).not.toContain("elements");
});

/** The elements of a map or set, one a line. */
function elements(ruleset: string, name: string): string[] {
  const body = new RegExp(`\\t(?:map|set) ${name} \\{\\n([^}]*?elements = \\{\\n([^}]*)\\})?`).exec(ruleset);
  if (!body) throw new Error(`the ruleset has no map or set ${name}`);
  return (body[2] ?? "").split(",").flatMap((element) => element.trim() || []);
}

/** The lines of all chains, without the maps and sets before them. */
function rules(ruleset: string): string[] {
  return ruleset
    .slice(ruleset.indexOf("\tchain "))
    .split("\n")
    .map((line) => line.trim());
}

/** `tcp . 80 : 10.77.3.4 . 8080` as `tcp 80 to 10.77.3.4 8080`. */
function readSingle(element: string): string[] {
  const match = /^(tcp|udp) \. (\d+) : (\S+) \. (\d+)$/.exec(element);
  if (!match) throw new Error(`not an element of a map of single ports: ${element}`);
  return [`${match[1] ?? ""} ${match[2] ?? ""} to ${match[3] ?? ""} ${match[4] ?? ""}`];
}

/** `udp . 50000-50001 : 10.77.3.4` as one line for each port, to the same port. */
function readRange(element: string): string[] {
  const match = /^(tcp|udp) \. ([\d-]+) : (\S+)$/.exec(element);
  if (!match) throw new Error(`not an element of a map of ranges: ${element}`);
  const range = parsePortRange(match[2] ?? "");
  expect(renderPortRange(range)).toBe(match[2]);
  return portsOf(range).map((port) => `${match[1] ?? ""} ${port} to ${match[3] ?? ""} ${port}`);
}
