import fc from "fast-check";
import type { PublishedForward } from "../../components/firewall/published.ts";
import { collide, createForward } from "../../components/network/forward.ts";
import type { Forward } from "../../components/network/forward.ts";
import type { PortRange, Protocol } from "../../components/network/port.ts";
import { media, nas } from "./examples.ts";

/** A list of forwards to two homes that could stand in a stack: no two of them want one published port. */
export function publishedForwards({ most = 120, longest = 20 } = {}): fc.Arbitrary<PublishedForward[]> {
  const one = fc.record({ forward: shortForward(longest), address: fc.constantFrom(nas, media) });
  return fc.array(one, { maxLength: most, size: "max" }).map((all) =>
    all.reduce<PublishedForward[]>((kept, next) => {
      const free = kept.every(({ forward }) => !collide(forward, next.forward));
      return free ? [...kept, next] : kept;
    }, []),
  );
}

/** About half of them keep their ports, the others change them on the way. */
function shortForward(longest: number): fc.Arbitrary<Forward> {
  const port = fc.integer({ min: 1, max: 65536 - longest });
  const protocols = fc.constantFrom("tcp", "udp", "tcp+udp");
  return fc
    .tuple(port, fc.integer({ min: 1, max: longest }), fc.option(port), protocols)
    .map(([first, count, target, protocol]) => {
      const start = target ?? first;
      return createForward(
        { first, last: first + count - 1 },
        { first: start, last: start + count - 1 },
        protocol,
      );
    });
}

export function portsOf({ first, last }: PortRange): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** Every single port of a protocol, in no order, each as often as it is published. */
export function everyPort(forwards: readonly PublishedForward[], protocol: Protocol): number[] {
  return forwards
    .filter(({ forward }) => forward.protocols.includes(protocol))
    .flatMap(({ forward }) => portsOf(forward.published));
}
