import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  mergeRanges,
  parsePortRange,
  portCount,
  rangesOverlap,
  renderPortRange,
} from "../../../components/network/port.ts";
import { portRange } from "../generators/forwards.ts";

describe("parsePortRange", () => {
  test.each([
    ["", '"" is not a port (443) or a range of ports (50000-50100)'],
    ["http", '"http" is not a port (443) or a range of ports (50000-50100)'],
    ["1-2-3", '"1-2-3" is not a port (443) or a range of ports (50000-50100)'],
    [" 80", '" 80" is not a port (443) or a range of ports (50000-50100)'],
    ["0", '"0" is outside 1-65535'],
    ["65536", '"65536" is outside 1-65535'],
    ["90-80", '"90-80" runs backwards; did you mean 80-90?'],
  ])("refuses %j", (text, message) => {
    expect(() => parsePortRange(text)).toThrow(new Error(message));
  });

  test("reads what renderPortRange writes", () => {
    fc.assert(
      fc.property(portRange(), (range) => expect(parsePortRange(renderPortRange(range))).toEqual(range)),
    );
  });
});

test("mergeRanges keeps exactly the ports, in ascending ranges that do not touch", () => {
  fc.assert(
    fc.property(fc.array(portRange({ within: 60 })), (ranges) => {
      const merged = mergeRanges(ranges);
      expect(portsOf(merged)).toEqual(portsOf(ranges));
      for (const [i, range] of merged.entries())
        expect(range.first).toBeGreaterThan((merged[i - 1]?.last ?? -1) + 1);
    }),
  );
});

test("two ranges overlap exactly when they share a port", () => {
  fc.assert(
    fc.property(portRange({ within: 30 }), portRange({ within: 30 }), (a, b) => {
      expect(rangesOverlap(a, b)).toBe(portsOf([a, b]).length < portCount(a) + portCount(b));
    }),
  );
});

function portsOf(ranges: readonly { first: number; last: number }[]): number[] {
  const ports = ranges.flatMap((range) =>
    Array.from({ length: portCount(range) }, (_, i) => range.first + i),
  );
  return [...new Set(ports)].sort((a, b) => a - b);
}
