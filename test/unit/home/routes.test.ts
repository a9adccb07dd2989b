import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { renderRoutes, renderSysctls } from "../../../components/home/routes.ts";
import { parseForward } from "../../../components/network/forward.ts";
import type { Forward } from "../../../components/network/forward.ts";
import { parsePortRange } from "../../../components/network/port.ts";
import { media, mediaForwards, nas, nasForwards, optionedForwards } from "../generators/examples.ts";
import { homeForwards, portsOf } from "../generators/publishedForwards.ts";

test("sends replies through the tunnel, after the main table's own ways", () => {
  expect(renderRoutes(nas, nasForwards)).toBe(`\
table 18546
priorities 5180-5199
4 route default
6 route default
4 rule priority 5180 fwmark 0x77 lookup main suppress_prefixlength 1
4 rule priority 5181 fwmark 0x77 lookup 18546
4 rule priority 5182 from 10.77.3.4 lookup main suppress_prefixlength 1
4 rule priority 5183 from 10.77.3.4 lookup 18546
6 rule priority 5180 fwmark 0x77 lookup main suppress_prefixlength 4
6 rule priority 5181 fwmark 0x77 lookup 18546
6 rule priority 5182 from fd77::304 lookup main suppress_prefixlength 4
6 rule priority 5183 from fd77::304 lookup 18546
4 rule priority 5184 to 0.0.0.0/8 iif lo ipproto udp goto 5199
4 rule priority 5184 to 10.0.0.0/8 iif lo ipproto udp goto 5199
4 rule priority 5184 to 100.64.0.0/10 iif lo ipproto udp goto 5199
4 rule priority 5184 to 127.0.0.0/8 iif lo ipproto udp goto 5199
4 rule priority 5184 to 169.254.0.0/16 iif lo ipproto udp goto 5199
4 rule priority 5184 to 172.16.0.0/12 iif lo ipproto udp goto 5199
4 rule priority 5184 to 192.168.0.0/16 iif lo ipproto udp goto 5199
4 rule priority 5184 to 224.0.0.0/3 iif lo ipproto udp goto 5199
4 rule priority 5199 nop
6 rule priority 5184 to fc00::/7 iif lo ipproto udp goto 5199
6 rule priority 5184 to fe80::/10 iif lo ipproto udp goto 5199
6 rule priority 5184 to ff00::/8 iif lo ipproto udp goto 5199
6 rule priority 5199 nop
4 rule priority 5186 iif lo ipproto udp sport 64738 lookup main suppress_prefixlength 1
4 rule priority 5187 iif lo ipproto udp sport 64738 lookup 18546
6 rule priority 5186 iif lo ipproto udp sport 64738 lookup main suppress_prefixlength 4
6 rule priority 5187 iif lo ipproto udp sport 64738 lookup 18546
`);
});

test("a home that forwards TCP only needs no rule for ports", () => {
  expect(renderRoutes(media, [parseForward("80")])).toBe(renderRoutes(media, []));
});

test("a UDP rule names the port at home, from which the reply comes", () => {
  const rules = renderRoutes(nas, ["53:5353/udp", "6000-6002:7000-7002/udp"].map(parseForward));
  expect([...rules.matchAll(/sport (\S+) lookup 18546/g)].map((match) => match[1])).toEqual([
    "5353",
    "5353",
    "7000-7002",
    "7000-7002",
  ]);
});

test("rules name the UDP targets of the home's own forwards, in both families, and nothing else", () => {
  fc.assert(
    fc.property(homeForwards({ most: 40 }), (forwards) => {
      const rules = renderRoutes(nas, forwards);
      for (const family of [4, 6]) {
        const pattern = new RegExp(`^${family} rule priority 5187 .* sport (\\S+) lookup 18546$`, "gm");
        const sources = [...rules.matchAll(pattern)].map((match) => parsePortRange(match[1] ?? ""));
        expect(sources.flatMap(portsOf)).toEqual(ownUdpPorts(forwards));
      }
    }),
  );
});

describe("kernel settings", () => {
  test("reserve the UDP ports at home, and none for TCP", () => {
    const forwards = [...nasForwards, ...mediaForwards, parseForward("53:5353/udp")];
    expect(renderSysctls(forwards)).toBe(`\
net.ipv4.conf.all.src_valid_mark=1
net.ipv4.ip_local_reserved_ports+=5353,50000-50002,64738
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
