import fc from "fast-check";
import { createForward } from "../../components/network/forward.ts";
import type { Forward } from "../../components/network/forward.ts";
import type { PortRange } from "../../components/network/port.ts";

/** Ranges of ports from 1 to `within`. */
export function portRange({ within = 65535 } = {}): fc.Arbitrary<PortRange> {
  return fc
    .tuple(fc.integer({ min: 1, max: within }), fc.integer({ min: 1, max: within }))
    .map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }));
}

/** Forwards whose published ports are from 1 to `within`. */
export function forward({ within = 65535 } = {}): fc.Arbitrary<Forward> {
  const protocol = fc.constantFrom("tcp", "udp", "tcp+udp");
  return fc.tuple(portRange({ within }), fc.nat(), protocol).map(([published, n, protocols]) => {
    const length = published.last - published.first;
    const first = 1 + (n % (65535 - length));
    return createForward(published, { first, last: first + length }, protocols);
  });
}
