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

/** What the proof measured of what is open. */
export interface Measured {
  /** When it ended: seconds since 1970, by the home's clock. */
  readonly at: number;
  /** By port and protocol. */
  readonly ports: Readonly<Record<string, Readonly<Partial<Record<"ipv4" | "ipv6", MeasuredKnock>>>>>;
}

export interface MeasuredKnock {
  /** The address from which the knock came to the service. Not there where nobody saw it. */
  readonly saw?: string;
  /** From the home by way of the internet, the relay and the tunnel, and back. Not there over UDP. */
  readonly milliseconds?: number;
}

/** What a home's proof says. */
export interface Proof {
  readonly reachability: Reachability;
  /** `undefined`: an older version of the proof ran. */
  readonly measured: Measured | undefined;
}
