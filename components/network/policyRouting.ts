import { ourPriorities, tunnelTable } from "./ourNumbers.ts";

/** IPv4 or IPv6. */
export type Family = 4 | 6;

/** A route in our table, into the tunnel. */
export interface TunnelRoute {
  readonly family: Family;
  /** As `ip route show` writes it: `default`, `10.77.0.0/16`, a single address without its length. */
  readonly to: string;
}

export interface RoutingRule {
  readonly family: Family;
  readonly priority: number;
  /** Selector and action as `ip rule show` writes them: `from 10.77.3.4 lookup main`. */
  readonly words: string;
}

/** The file by which sync-routes.sh goes: which numbers are ours, then what there should be, one a line. */
export function renderPolicyRouting(routes: readonly TunnelRoute[], rules: readonly RoutingRule[]): string {
  return [
    `table ${tunnelTable}`,
    `priorities ${ourPriorities.first}-${ourPriorities.last}`,
    ...routes.map(({ family, to }) => `${family} route ${to}`),
    ...rules.map(({ family, priority, words }) => `${family} rule priority ${priority} ${words}`),
    "",
  ].join("\n");
}
