import { tunnelTable } from "./ourNumbers.ts";

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
  /**
   * A priority of the kernel's; or `first`, before everybody else's rules, in the order of the list; or one of those, but
   * only while the main table refuses what it knows no way for (`refused`), or does not (`allowed`), or does, and no other
   * table knows a way to the internet over IPv6 (`lost`); or `shield`, behind them, and only where a rule that somebody
   * adds later without a priority would come directly behind it.
   */
  readonly position: number | "allowed" | "first" | "lost" | "refused" | "shield";
  /** Selector and action as `ip rule show` writes them: `from 10.77.3.4 lookup main`. */
  readonly words: string;
}

/** The file by which sync-routes.sh goes: which table is ours, then what there should be, one a line. */
export function renderPolicyRouting(routes: readonly TunnelRoute[], rules: readonly RoutingRule[]): string {
  return [
    `table ${tunnelTable}`,
    ...routes.map(({ family, to }) => `${family} route ${to}`),
    ...rules.map(({ family, position, words }) => `${family} rule ${renderPosition(position)} ${words}`),
    "",
  ].join("\n");
}

function renderPosition(position: RoutingRule["position"]): string {
  return typeof position === "number" ? `priority ${position}` : position;
}
