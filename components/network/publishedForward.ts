import { endsAtHome } from "./forward.ts";
import type { Forward } from "./forward.ts";
import type { TunnelAddress } from "./addressPlan.ts";
import { mergeRanges } from "./port.ts";
import type { PortRange, Protocol } from "./port.ts";

/** A forward, and the tunnel address of the home that it goes to. */
export interface PublishedForward {
  readonly forward: Forward;
  readonly address: TunnelAddress;
  /** Whether the home's kernel has IPv6. */
  readonly ipv6: boolean;
}

/** A home as far as its forwards go. */
interface PublishingHome {
  readonly tunnelAddress: TunnelAddress;
  readonly ipv6: boolean;
  readonly forwards: readonly Forward[];
}

/** All forwards of all homes. */
export function publishForwards(homes: readonly PublishingHome[]): PublishedForward[] {
  return homes.flatMap(({ tunnelAddress, ipv6, forwards }) =>
    forwards.map((forward) => ({ forward, address: tunnelAddress, ipv6 })),
  );
}

/** A machine in the LAN is named by its IPv4 address, so nothing can be sent to it over IPv6. */
export function answersOverIpv6({ forward, ipv6 }: PublishedForward): boolean {
  return ipv6 && endsAtHome(forward);
}

/** Every published port of a protocol, as ascending ranges that do not touch. */
export function publishedPorts(forwards: readonly PublishedForward[], protocol: Protocol): PortRange[] {
  return mergeRanges(
    forwards
      .filter(({ forward }) => forward.protocols.includes(protocol))
      .map(({ forward }) => forward.published),
  );
}
