import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { renderRoutes, renderSysctls } from "../../../components/home/routes.ts";
import { parseForward } from "../../../components/network/forward.ts";
import type { Forward } from "../../../components/network/forward.ts";
import {
  bridgeGaps,
  mergeRanges,
  parsePortRange,
  renderPortRange,
} from "../../../components/network/port.ts";
import type { PortRange } from "../../../components/network/port.ts";
import { media, mediaForwards, nas, nasForwards, optionedForwards } from "../generators/examples.ts";
import { homeForwards, portsOf } from "../generators/publishedForwards.ts";

test("answers go through the tunnel, before everybody else's rules; what arrives and the tunnel itself do not", () => {
  expect(renderRoutes(nas, nasForwards)).toBe(`\
table 18546
4 route default
6 route default
4 rule first fwmark 0x7b lookup main
4 rule first fwmark 0x77 iif homerelay lookup main suppress_prefixlength 1
4 rule first fwmark 0x77 lookup 18546
4 rule first fwmark 0x7a lookup main suppress_prefixlength 1
4 rule first fwmark 0x7a lookup 18546
4 rule first from 10.77.3.4 lookup main suppress_prefixlength 1
4 rule first from 10.77.3.4 lookup 18546
4 rule shield lookup main suppress_prefixlength 2
6 rule first fwmark 0x7b lookup main
6 rule first fwmark 0x77 iif homerelay lookup main suppress_prefixlength 4
6 rule first fwmark 0x77 lookup 18546
6 rule first fwmark 0x7a lookup main suppress_prefixlength 4
6 rule first fwmark 0x7a lookup 18546
6 rule first from fd77::304 lookup main suppress_prefixlength 4
6 rule first from fd77::304 lookup 18546
6 rule shield lookup main suppress_prefixlength 5
6 rule priority 32800 iif lo ipproto 17 sport 64738 lookup 18546
`);
});

test("a home that forwards TCP only needs no rule for ports", () => {
  expect(renderRoutes(media, [parseForward("80")])).toBe(renderRoutes(media, []));
});

test("a UDP rule names the port at home, from which the reply comes", () => {
  const rules = renderRoutes(nas, ["53:5353/udp", "6000-6002:7000-7002/udp"].map(parseForward));
  expect(lastResorts(rules).map(renderPortRange)).toEqual(["5353", "7000-7002"]);
});

test("rules name the UDP targets of the home's own forwards, and never more than 32 ranges", () => {
  fc.assert(
    fc.property(homeForwards({ most: 40 }), (forwards) => {
      const ranges = lastResorts(renderRoutes(nas, forwards));
      const wanted = mergeRanges(ownUdpPorts(forwards).map((port) => ({ first: port, last: port })));
      expect(ranges).toEqual(bridgeGaps(wanted, 32));
      expect(ranges.length).toBeLessThanOrEqual(32);
    }),
  );
});

function lastResorts(rules: string): PortRange[] {
  return [...rules.matchAll(/^6 rule priority 32800 iif lo ipproto 17 sport (\S+) lookup 18546$/gm)].map(
    (match) => parsePortRange(match[1] ?? ""),
  );
}

describe("kernel settings", () => {
  test("reserve the UDP ports at home, and none for TCP", () => {
    const forwards = [...nasForwards, ...mediaForwards, parseForward("53:5353/udp")];
    expect(renderSysctls(forwards)).toBe(`\
net.ipv4.conf.all.src_valid_mark=1
net.ipv4.ip_local_reserved_ports+=5353,50000-50002,64738
-net.netfilter.nf_conntrack_checksum=0
-net.netfilter.nf_conntrack_udp_timeout_stream>=180
`);
    expect(renderSysctls([parseForward("80")])).toBe("net.ipv4.conf.all.src_valid_mark=1\n");
  });

  test("let packets through to a machine in the LAN, whose ports are its own", () => {
    expect(renderSysctls(optionedForwards)).toBe(`\
net.ipv4.conf.all.src_valid_mark=1
net.ipv4.ip_forward=1
`);
  });

  test("reserve the UDP targets of the home's own forwards, and pass on only with a machine in the LAN", () => {
    fc.assert(
      fc.property(homeForwards({ most: 40 }), (forwards) => {
        const lines = renderSysctls(forwards).trimEnd().split("\n");
        const settings = new Map(lines.map((line) => line.split(/\+?=/) as [string, string]));
        const reserved = settings.get("net.ipv4.ip_local_reserved_ports")?.split(",") ?? [];
        expect(reserved.map(parsePortRange).flatMap(portsOf)).toEqual(ownUdpPorts(forwards));
        const passesOn = forwards.some(({ to }) => to !== undefined);
        expect(settings.get("net.ipv4.ip_forward")).toBe(passesOn ? "1" : undefined);
      }),
    );
  });
});

function ownUdpPorts(forwards: readonly Forward[]): number[] {
  const own = forwards.filter(({ to, protocols }) => to === undefined && protocols.includes("udp"));
  return [...new Set(own.flatMap(({ target }) => portsOf(target)))].sort((a, b) => a - b);
}
