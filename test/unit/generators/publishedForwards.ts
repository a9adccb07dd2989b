import fc from "fast-check";
import type { PublishedForward } from "../../../components/network/publishedForward.ts";
import { collide, createForward } from "../../../components/network/forward.ts";
import type { Forward } from "../../../components/network/forward.ts";
import type { PortRange, Protocol } from "../../../components/network/port.ts";
import { media, nas } from "./examples.ts";
import { protocol, shareArrival, withOptions } from "./forwards.ts";

/**
 * A list of forwards to two homes, with any of the options, that could stand in a stack: no two of them want one
 * published port, and none to a machine in the LAN arrives at a port of its home's own.
 */
export function publishedForwards({ most = 120, longest = 20 } = {}): fc.Arbitrary<PublishedForward[]> {
  const one = fc.record({
    forward: withOptions(shortForward(longest)),
    address: fc.constantFrom(nas, media),
    ipv6: fc.constant(true),
  });
  return fc
    .array(one, { maxLength: most, size: "max" })
    .map((all) =>
      all.reduce<PublishedForward[]>(
        (kept, next) => (kept.every((other) => standTogether(other, next)) ? [...kept, next] : kept),
        [],
      ),
    );
}

/** The forwards of one home of such a stack. */
export function homeForwards({ most = 120, longest = 20 } = {}): fc.Arbitrary<Forward[]> {
  return publishedForwards({ most, longest }).map((all) =>
    all.filter(({ address }) => address === nas).map(({ forward }) => forward),
  );
}

function standTogether(a: PublishedForward, b: PublishedForward): boolean {
  return !collide(a.forward, b.forward) && !(a.address === b.address && shareArrival(a.forward, b.forward));
}

/** About half of them keep their ports, the others change them on the way. */
function shortForward(longest: number): fc.Arbitrary<Forward> {
  const port = fc.integer({ min: 1, max: 65536 - longest });
  return fc
    .tuple(port, fc.integer({ min: 1, max: longest }), fc.option(port), protocol)
    .map(([first, count, target, protocols]) => {
      const start = target ?? first;
      return createForward(
        { first, last: first + count - 1 },
        { first: start, last: start + count - 1 },
        protocols,
      );
    });
}

export function portsOf({ first, last }: PortRange): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** Every single published port of a protocol, ascending, each as often as it is published. */
export function everyPort(forwards: readonly PublishedForward[], of: Protocol): number[] {
  return forwards
    .filter(({ forward }) => forward.protocols.includes(of))
    .flatMap(({ forward }) => portsOf(forward.published))
    .sort((a, b) => a - b);
}

/** The UDP ports of the home itself at which its forwards arrive, in ascending order. */
export function ownUdpPorts(forwards: readonly Forward[]): number[] {
  const own = forwards.filter(({ to, protocols }) => to === undefined && protocols.includes("udp"));
  return [...new Set(own.flatMap(({ target }) => portsOf(target)))].sort((a, b) => a - b);
}
