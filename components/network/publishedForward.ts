import type { Forward } from "./forward.ts";
import type { TunnelAddress } from "./addressPlan.ts";
import { mergeRanges } from "./port.ts";
import type { PortRange, Protocol } from "./port.ts";

/** A forward, and the tunnel address of the home that it goes to. */
export interface PublishedForward {
  readonly forward: Forward;
  readonly address: TunnelAddress;
}

/** All forwards of all homes. */
export function publishForwards(
  homes: readonly { readonly tunnelAddress: TunnelAddress; readonly forwards: readonly Forward[] }[],
): PublishedForward[] {
  return homes.flatMap(({ tunnelAddress, forwards }) =>
    forwards.map((forward) => ({ forward, address: tunnelAddress })),
  );
}

/** Every published port of a protocol, as ascending ranges that do not touch. */
export function publishedPorts(forwards: readonly PublishedForward[], protocol: Protocol): PortRange[] {
  return mergeRanges(
    forwards
      .filter(({ forward }) => forward.protocols.includes(protocol))
      .map(({ forward }) => forward.published),
  );
}
