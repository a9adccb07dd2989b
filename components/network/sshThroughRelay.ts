import type { SshAccess } from "./sshAccess.ts";

/** What leads to the relay, or through it. */
export interface RelayPlaces {
  /** The relay's public addresses, its names, and how the operator calls it. */
  readonly relay: readonly string[];
  /** Addresses in the tunnel. */
  readonly tunnel: readonly string[];
}

/**
 * The address or name by which SSH to a home leads through the relay: a forward of the home's own, or the tunnel.
 * `undefined`: by none that is known here; an alias in the operator's ssh_config may hide one.
 */
export function placeOnTheWay(access: SshAccess, { relay, tunnel }: RelayPlaces): string | undefined {
  const places = new Set([...relay, ...tunnel].map(comparable));
  return [access.host, ...(access.jump === undefined ? [] : [access.jump.host])].find((host) =>
    places.has(comparable(host)),
  );
}

/** What must not be changed over such a way, and what to do before. */
export function warnOfWay(home: string, place: string): string {
  return `SSH to ${home} goes through this very relay (${place}), so a change that ends the tunnel ends it before ${home} \
has heard of it, and nobody gets in from outside again: listenPort, prefix4 and prefix6 of the tunnel, the \
home's name, the forward that leads to its sshd, another location or provider of the relay. Before such a change write \
an address of ${home}'s own network into its ssh.host and run pulumi up there, or on ${home} itself.`;
}

function comparable(host: string): string {
  return host.toLowerCase().replace(/\.$/, "");
}
