import fc from "fast-check";
import { createForward } from "../../../components/network/forward.ts";
import type { Forward, ForwardOptions } from "../../../components/network/forward.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import type { Prefix } from "../../../components/network/prefix.ts";
import { rangesOverlap } from "../../../components/network/port.ts";
import type { PortRange } from "../../../components/network/port.ts";
import { prefixes } from "./prefixes.ts";

/** Ranges of ports from 1 to `within`. */
export function portRange({ within = 65535 } = {}): fc.Arbitrary<PortRange> {
  return fc
    .tuple(fc.integer({ min: 1, max: within }), fc.integer({ min: 1, max: within }))
    .map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }));
}

/** Forwards that use any of the options; all their ports are from 1 to `within`. */
export function forward({ within = 65535 } = {}): fc.Arbitrary<Forward> {
  return withOptions(plainForward({ within }));
}

/** Forwards as the short form can say them: ports and protocol. */
export function plainForward({ within = 65535 } = {}): fc.Arbitrary<Forward> {
  return fc.tuple(portRange({ within }), fc.nat(), protocol).map(([published, n, protocols]) => {
    const length = published.last - published.first;
    const first = 1 + (n % (within - length));
    return createForward(published, { first, last: first + length }, protocols);
  });
}

export const protocol = fc.constantFrom("tcp", "udp", "tcp+udp");

export function withOptions(plain: fc.Arbitrary<Forward>): fc.Arbitrary<Forward> {
  return fc
    .tuple(plain, options)
    .map(([{ published, target, protocols }, chosen]) =>
      createForward(published, target, protocols.join("+"), chosen),
    );
}

/** Sources that several forwards of a stack have in common. */
const offices = [["203.0.113.0/24"], ["203.0.113.0/24", "2001:db8::/32"]].map((texts) =>
  texts.map(parsePrefix),
);

const options: fc.Arbitrary<ForwardOptions> = fc
  .record({
    to: fc.option(fc.constantFrom("192.168.1.50", "192.168.1.51", "172.16.0.9"), { nil: undefined }),
    clientIp: fc.constantFrom("preserve", "masquerade"),
    from: fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.constantFrom(...offices) },
      { weight: 2, arbitrary: prefixes({ least: 1, most: 4 }) },
    ),
    newPerSecond: fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined }),
  })
  // A machine in the LAN is reached over IPv4, so it cannot be kept for IPv6 senders alone.
  .map(({ to, ...rest }) => {
    const from: readonly Prefix[] = rest.from;
    return from.length > 0 && from.every(({ family }) => family === 6) ? rest : { ...rest, to };
  });

/** Whether both would arrive at one port of one home, and only one of them ends there. */
export function shareArrival(a: Forward, b: Forward): boolean {
  const [lan, own] = a.to === undefined ? [b, a] : [a, b];
  return (
    lan.to !== undefined &&
    own.to === undefined &&
    rangesOverlap(lan.published, own.target) &&
    lan.protocols.some((one) => own.protocols.includes(one))
  );
}
