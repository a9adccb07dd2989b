import { expect, test } from "@jest/globals";
import { renderReservedPorts, renderRules } from "../../components/home/routes.ts";
import { parseForward } from "../../components/network/forward.ts";
import { media, mediaForwards, nas, nasForwards } from "./examples.ts";

test("sends replies through the tunnel, after the main table's own ways", () => {
  expect(renderRules(nas, nasForwards)).toBe(`\
4 priority 5180 fwmark 0x77 lookup main suppress_prefixlength 0
4 priority 5181 fwmark 0x77 lookup 51820
6 priority 5180 fwmark 0x77 lookup main suppress_prefixlength 0
6 priority 5181 fwmark 0x77 lookup 51820
4 priority 5182 from 10.77.3.4 lookup main suppress_prefixlength 0
4 priority 5183 from 10.77.3.4 lookup 51820
6 priority 5182 from fd77::304 lookup main suppress_prefixlength 0
6 priority 5183 from fd77::304 lookup 51820
4 priority 5184 iif lo ipproto udp sport 64738 lookup main suppress_prefixlength 0
4 priority 5185 iif lo ipproto udp sport 64738 lookup 51820
6 priority 5184 iif lo ipproto udp sport 64738 lookup main suppress_prefixlength 0
6 priority 5185 iif lo ipproto udp sport 64738 lookup 51820
`);
});

test("a home that forwards TCP only needs no rule for ports", () => {
  expect(renderRules(media, [parseForward("80")])).toBe(renderRules(media, []));
});

test("a UDP rule names the port at home, from which the reply comes", () => {
  const rules = renderRules(nas, ["53:5353/udp", "6000-6002:7000-7002/udp"].map(parseForward));
  expect([...rules.matchAll(/sport (\S+) lookup 51820/g)].map((match) => match[1])).toEqual([
    "5353",
    "5353",
    "7000-7002",
    "7000-7002",
  ]);
});

test("reserves the UDP ports at home, and none for TCP", () => {
  const forwards = [...nasForwards, ...mediaForwards, parseForward("53:5353/udp")];
  expect(renderReservedPorts(forwards)).toBe("5353,50000-50002,64738");
  expect(renderReservedPorts([parseForward("80")])).toBe("");
});
