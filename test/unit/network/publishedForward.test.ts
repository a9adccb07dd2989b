import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { publishedPorts } from "../../../components/network/publishedForward.ts";
import { firewall } from "../generators/examples.ts";
import { everyPort, portsOf, publishedForwards } from "../generators/publishedForwards.ts";

test("lists what a protocol publishes for all homes together", () => {
  expect(publishedPorts(firewall.forwards, "tcp")).toEqual([
    { first: 80, last: 80 },
    { first: 443, last: 443 },
    { first: 2200, last: 2201 },
    { first: 64738, last: 64738 },
  ]);
  expect(publishedPorts(firewall.forwards, "udp")).toEqual([
    { first: 50000, last: 50002 },
    { first: 64738, last: 64738 },
  ]);
});

test("names every published port once and no other, in ranges that do not touch", () => {
  fc.assert(
    fc.property(publishedForwards(), fc.constantFrom("tcp", "udp"), (forwards, protocol) => {
      const ranges = publishedPorts(forwards, protocol);
      const expected = everyPort(forwards, protocol);
      expect(ranges.flatMap(portsOf)).toEqual(expected);
      expect(ranges.slice(1).every(({ first }, i) => first > (ranges[i]?.last ?? 0) + 1)).toBe(true);
    }),
  );
});
