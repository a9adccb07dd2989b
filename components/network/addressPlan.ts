import { createHash } from "node:crypto";
import { hostAddress } from "./prefix.ts";
import type { Prefix } from "./prefix.ts";

/** The two tunnel addresses of one end. */
export interface TunnelAddress {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** The relay is the first host of both prefixes. */
export function relayAddress(prefix4: Prefix, prefix6: Prefix): TunnelAddress {
  return addressOf(prefix4, prefix6, 1);
}

/**
 * A peer's addresses, from its name alone: they stay when other peers come, go or change places in the list. Two
 * names may fall on one address (settings refuse that); in the default /16 that is one chance in 65,000 a pair.
 */
export function peerAddress(prefix4: Prefix, prefix6: Prefix, name: string): TunnelAddress {
  // Without the network, the relay and the broadcast address.
  const places = 2 ** (32 - prefix4.length) - 3;
  const digest = createHash("sha256").update(`home-relay peer ${name}`).digest();
  return addressOf(prefix4, prefix6, 2 + (digest.readUInt32BE(0) % places));
}

/** The addresses of the named ones among the peers, in the peers' order. */
export function addressesOf(
  names: readonly string[],
  peers: readonly { readonly name: string; readonly tunnelAddress: TunnelAddress }[],
): TunnelAddress[] {
  return peers.filter(({ name }) => names.includes(name)).map(({ tunnelAddress }) => tunnelAddress);
}

function addressOf(prefix4: Prefix, prefix6: Prefix, n: number): TunnelAddress {
  return { ipv4: hostAddress(prefix4, n), ipv6: hostAddress(prefix6, n) };
}
