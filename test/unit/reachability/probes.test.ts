import { expect, test } from "@jest/globals";
import { createForward, parseForward } from "../../../components/network/forward.ts";
import { parsePortRange } from "../../../components/network/port.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import { mostProbes } from "../../../components/network/ourNumbers.ts";
import { listProbes, renderProbes } from "../../../components/reachability/probes.ts";
import type { Forward } from "../../../components/network/forward.ts";
import { mediaForwards, nasForwards } from "../generators/examples.ts";

/** The document for a relay without IPv6. */
function rendered(...forwards: readonly Forward[]): string {
  return renderProbes({ ipv4: "203.0.113.5", ipv6: undefined }, listProbes(forwards));
}

test("tries each protocol of each forward, and both ends of a range", () => {
  expect(rendered(...nasForwards, ...mediaForwards)).toBe(`\
group 18546
address 203.0.113.5
tcp 80 8080 home anybody
tcp 443 8081 home anybody
tcp 64738 64738 home anybody
udp 64738 64738 home anybody
udp 50000 50000 home anybody
udp 50002 50002 home anybody
tcp 2200 22 home anybody
tcp 2201 23 home anybody
`);
});

test("tries the relay's IPv6 address where it has one", () => {
  expect(
    renderProbes({ ipv4: "203.0.113.5", ipv6: "2001:db8:77::1" }, listProbes([parseForward("80")])),
  ).toBe("group 18546\naddress 203.0.113.5\naddress6 2001:db8:77::1\ntcp 80 80 home anybody\n");
});

test("a range of one port is tried once", () => {
  expect(rendered(parseForward("80-80:81"))).toBe(
    "group 18546\naddress 203.0.113.5\ntcp 80 81 home anybody\n",
  );
});

test("names the machine in the LAN that is behind a port", () => {
  const camera = createForward(parsePortRange("8554-8555"), parsePortRange("554-555"), "tcp", {
    to: "192.168.1.50",
  });
  expect(rendered(camera, parseForward("80"))).toBe(`\
group 18546
address 203.0.113.5
tcp 8554 554 192.168.1.50 anybody
tcp 8555 555 192.168.1.50 anybody
tcp 80 80 home anybody
`);
});

test("says which forwards only some may reach, so that a home knows which knocks may fail", () => {
  const office = createForward(parsePortRange("2200"), parsePortRange("22"), "tcp", {
    from: [parsePrefix("192.0.2.0/24")],
  });
  expect(rendered(office)).toBe("group 18546\naddress 203.0.113.5\ntcp 2200 22 home some\n");
});

test("of very many ports as many as fit stand for all, from the first to the last", () => {
  const many = (count: number) =>
    rendered(...Array.from({ length: count }, (_, i) => parseForward(`${10_000 + i}`))).split("\n");
  const all = many(mostProbes);
  expect(all.filter((line) => line.startsWith("tcp "))).toHaveLength(mostProbes);
  expect(all.some((line) => line.startsWith("left"))).toBe(false);
  const some = many(10_000).filter((line) => /^(left|tcp) /.test(line));
  expect([some.length, some[0], some[1], some.at(-1)]).toEqual([
    mostProbes + 1,
    `left ${10_000 - mostProbes}`,
    "tcp 10000 10000 home anybody",
    "tcp 19999 19999 home anybody",
  ]);
  expect(new Set(some).size).toBe(mostProbes + 1);
});
