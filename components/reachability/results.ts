/** What was found of one port of the relay, by address family. */
export interface PortReachability {
  readonly ipv4: Verdict;
  /** Not there where IPv6 does not lead to the home. */
  readonly ipv6?: Verdict;
}

/**
 * `open` (over UDP: what is sent arrives, and something listens), `nothing listens`, or `not tried: WHY`. A forward that
 * is refused by a firewall or gives no answer ends `pulumi up`, and what was found before stays.
 */
export type Verdict = string;

/** By port and protocol, like `443/tcp`; a range by its two ends. */
export type Reachability = Readonly<Record<string, PortReachability>>;

/** From what prove-forwards.sh printed: its last line that is meant for a program. Empty where there is none. */
export function readReachability(said: string): Reachability {
  const last = said
    .split("\n")
    .findLast((line) => line.startsWith(marker))
    ?.slice(marker.length);
  return last === undefined ? {} : (JSON.parse(last) as Reachability);
}

const marker = "reachability ";
