import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { renderRoutes } from "../../../components/home/routes.ts";
import { parseForward } from "../../../components/network/forward.ts";
import {
  bridgeGaps,
  mergeRanges,
  parsePortRange,
  renderPortRange,
} from "../../../components/network/port.ts";
import type { PortRange } from "../../../components/network/port.ts";
import { media, nas, nasForwards } from "../generators/examples.ts";
import { homeForwards, ownUdpPorts } from "../generators/publishedForwards.ts";

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
6 rule refused to 2000::/3 fwmark 0x7a lookup 18546
6 rule first fwmark 0x7a lookup main suppress_prefixlength 4
6 rule allowed fwmark 0x7a lookup 18546
6 rule refused from fd77::304 to 2000::/3 lookup 18546
6 rule first from fd77::304 lookup main suppress_prefixlength 4
6 rule allowed from fd77::304 lookup 18546
6 rule lost to 2000::/3 iif lo ipproto 17 sport 64738 lookup 18546
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
