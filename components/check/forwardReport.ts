import type { Difference } from "../network/difference.ts";

/** One port of the relay that is tried; a range stands for itself by its two ends. */
export interface TriedForward {
  readonly home: string;
  readonly protocol: "tcp" | "udp";
  readonly published: number;
  readonly target: number;
  /** A machine in the home's LAN; `undefined`: the home itself. */
  readonly to: string | undefined;
  /** Whether only some may connect. */
  readonly restricted: boolean;
}

export type Family = 4 | 6;

/** What the proof found that the home gives, which knocks from outside through its own line. */
export interface Finding {
  readonly family: Family;
  /** `open`, `nothing listens`, `refused by a firewall`, `no answer`, `not tried`. */
  readonly verdict: string;
  /** Where the knock ended: `way`, `relay`, `firewall`, `service`, `lan`, `answer`, `another`; empty where it did not. */
  readonly place: string;
  readonly why: string;
  /** The rule at home that ended it, with its table and chain; empty where there was none. */
  readonly rule: string;
}

/** What came of a knock from the operator's own machine. */
export type Answer = "open" | "refused" | "no answer" | { readonly notTried: string };

/** How far knocks at a port got at the relay. */
export interface RelaySighting {
  readonly arrived: boolean;
  readonly sent: boolean;
  /** By which rule they ended there; empty: none. */
  readonly rule: string;
}

export interface ForwardResult {
  readonly forward: TriedForward;
  readonly findings: readonly Finding[];
  /** By family; none where nothing was tried. */
  readonly fromHere: ReadonlyMap<Family, Answer>;
  /** Why it does not work; `undefined`: it does, as far as can be told. */
  readonly failure: Failure | undefined;
}

export interface Failure {
  readonly cause: string;
  readonly mend: string;
}

/** What is known besides the knocks. */
export interface Surroundings {
  /** Whether a provider filters before the relay, and by its API lets this port in. `undefined`: nobody that can be asked. */
  readonly provider: ((forward: TriedForward) => boolean) | undefined;
  /** Firewalls of others that are active at the home. */
  readonly activeAtHome: readonly string[];
  readonly activeAtRelay: readonly string[];
  /** Seconds since the home last heard the relay; `undefined`: never, or it was not asked. */
  readonly handshakeSeconds: number | undefined;
  /** Whether the home was asked. */
  readonly homeIsReached: boolean;
  readonly differences: readonly Difference[];
  /** What was seen at the relay while the failing ones were tried once more. @default it was not looked */
  readonly sighting: RelaySighting | undefined;
}

/** Reads what prove-forwards.sh says to a program, by `443/tcp`. */
export function readFindings(said: string): Map<string, Finding[]> {
  const findings = new Map<string, Finding[]>();
  for (const line of said.split("\n")) {
    const [kind, port = "", family, verdict = "", place = "", why = "", rule = ""] = line.split("\t");
    if (kind !== "finding") continue;
    const finding: Finding = {
      family: family === "6" ? 6 : 4,
      verdict,
      place,
      why: clean(why),
      rule: clean(rule),
    };
    findings.set(port, [...(findings.get(port) ?? []), finding]);
  }
  return findings;
}

/** What watch-knocks.sh saw, by `443/tcp`. `senders`: the addresses of those who knocked for us; another's do not count. */
export function readSightings(said: string, senders: readonly string[]): Map<string, RelaySighting> {
  const sightings = new Map<string, RelaySighting>();
  for (const line of said.split("\n")) {
    const [kind, protocol = "", port = "", word = ""] = line.split("\t");
    const key = `${port}/${protocol}`;
    const before = sightings.get(key) ?? { arrived: false, sent: false, rule: "" };
    // A home's address of IPv6 is known to nobody but itself.
    if (kind === "arrived" && (senders.includes(word) || word.includes(":")))
      sightings.set(key, { ...before, arrived: true });
    else if (kind === "sent") sightings.set(key, { ...before, sent: true });
    else if (kind === "dropped") sightings.set(key, { ...before, rule: clean(word) });
  }
  return sightings;
}

export function portOf({ published, protocol }: TriedForward): string {
  return `${published}/${protocol}`;
}

/** @example nas:8081 */
export function targetOf({ home, to, target }: TriedForward): string {
  return to === undefined ? `${home}:${target}` : `${home} for ${to}:${target}`;
}

const failing = ["refused by a firewall", "no answer", "nothing listens"];

/**
 * Whether what was tried shows that strangers do not get through. What the home's own proof says counts before all; where
 * there is none, IPv4 alone is known to be wanted.
 */
export function fails(
  { restricted }: TriedForward,
  findings: readonly Finding[],
  fromHere: ReadonlyMap<Family, Answer>,
): boolean {
  if (findings.some(({ verdict }) => failing.includes(verdict))) return true;
  if (restricted || findings.some(({ verdict }) => verdict === "open")) return false;
  const answer = fromHere.get(4);
  return answer === "refused" || answer === "no answer";
}

/** Cause and mend of a forward that fails. */
export function explainFailure(
  forward: TriedForward,
  findings: readonly Finding[],
  fromHere: ReadonlyMap<Family, Answer>,
  around: Surroundings,
): Failure {
  const found =
    findings.find(({ verdict }) => failing.includes(verdict)) ??
    ({ family: 4, verdict: "no answer", place: "way", why: "", rule: "" } satisfies Finding);
  const only = findings.some(({ verdict }) => verdict === "open") ? ` over IPv${found.family}` : "";
  const { cause, mend } = explainPlace(forward, found, fromHere, around);
  return { cause: `${cause}${only}`, mend };
}

function explainPlace(
  forward: TriedForward,
  found: Finding,
  fromHere: ReadonlyMap<Family, Answer>,
  around: Surroundings,
): Failure {
  const { home, target } = forward;
  const let_in = around.provider === undefined ? "" : ", Hetzner's firewall lets it in";
  const comes = `reaches the relay${let_in}, comes out of the tunnel at ${home}`;
  switch (found.place) {
    case "firewall":
      return explainFirewall(home, comes, found, around);
    case "service":
      return {
        cause: `the way is free, but nothing listens ${found.why}`,
        mend: `start the service ${forward.to === undefined ? `on ${home}` : `at ${forward.to}`}; it has to listen on ${target}/${forward.protocol}`,
      };
    case "lan":
      return {
        cause: `${comes} and is passed on; ${found.verdict === "no answer" ? "no answer comes from" : "it is refused by a firewall at"} ${forward.to ?? home}`,
        mend: `at ${forward.to ?? home}, let ${target}/${forward.protocol} in from ${home}`,
      };
    case "answer":
      return {
        cause: `${comes} and reaches port ${target} there, but no answer comes back: the service is stuck, or answers another way`,
        mend: `restart the service on ${home}, or end what else routes there: ip rule show`,
      };
    case "another":
      return {
        cause:
          "something answers in the place of this home: a service of the relay's own, or a network on the way",
        mend: `on the relay: ss -Hlnp${forward.protocol.slice(0, 1)} 'sport = :${forward.published}'`,
      };
    default:
      return explainWay(forward, fromHere, around);
  }
}

const ufwMend = "ufw allow in on homerelay";
const firewalldMend =
  "firewall-cmd --permanent --zone=trusted --add-interface=homerelay && firewall-cmd --reload";

function explainFirewall(
  home: string,
  comes: string,
  { rule, verdict }: Finding,
  { activeAtHome, differences }: Surroundings,
): Failure {
  const does = verdict === "refused by a firewall" ? "refuses" : "swallows";
  if (rule.startsWith("inet homerelay "))
    return {
      cause: `${comes}, whose guard ${does} it: ${rule}`,
      mend: ourMend(home, differences),
    };
  const isIptables = /^ip6? filter /.test(rule) || rule === "";
  if (activeAtHome.includes("ufw") && isIptables)
    return { cause: `${comes}, whose ufw ${does} it`, mend: `on ${home}: ${ufwMend}` };
  if (activeAtHome.includes("firewalld") && (rule === "" || rule.includes("firewalld")))
    return { cause: `${comes}, whose firewalld ${does} it`, mend: `on ${home}: ${firewalldMend}` };
  if (/^ip filter (FORWARD|DOCKER)/.test(rule))
    return {
      cause: `${comes}, where Docker or another firewall passes nothing on: ${rule}`,
      mend: `on ${home}: iptables -I FORWARD -i homerelay -j ACCEPT && iptables -I FORWARD -o homerelay -j ACCEPT`,
    };
  return {
    cause: `${comes}, where ${rule === "" ? "a firewall" : `this rule`} ${does} it${rule === "" ? "" : `: ${rule}`}`,
    mend: `on ${home}, let in what comes by the interface homerelay, before that rule`,
  };
}

/** What of ours is not as it should be is put right as a difference; else only a new step can. */
function ourMend(where: string, differences: readonly Difference[]): string {
  return differences.some((one) => one.where === where && one.repair.by !== "person")
    ? "npm run check -- --mend"
    : "pulumi up";
}

/** It did not come out of the tunnel. */
function explainWay(
  forward: TriedForward,
  fromHere: ReadonlyMap<Family, Answer>,
  { provider, sighting, homeIsReached, handshakeSeconds, differences, activeAtRelay }: Surroundings,
): Failure {
  const { home } = forward;
  const isLetIn = provider?.(forward);
  if (isLetIn === false)
    return {
      cause: "does not reach the relay: Hetzner's firewall does not let it in",
      mend: ourMend("Hetzner", differences),
    };
  const let_in = provider === undefined ? "" : ", Hetzner's firewall lets it in";
  if (sighting?.sent === true) {
    const silence =
      handshakeSeconds === undefined
        ? "which has not heard the relay"
        : `which last heard the relay ${handshakeSeconds} s ago`;
    return {
      cause: homeIsReached
        ? `reaches the relay${let_in}, goes into the tunnel and does not come out at ${home}, ${silence}`
        : `reaches the relay${let_in} and goes into the tunnel; ${home} cannot be asked what becomes of it there`,
      mend: homeIsReached
        ? ourMend(home, differences)
        : `look at ${home} itself: is it on, is its service up, does its firewall let homerelay in?`,
    };
  }
  if (sighting?.arrived === true) {
    const { rule } = sighting;
    const arrives = `reaches the relay${let_in}`;
    if (rule === "")
      return { cause: `${arrives}, and does not go into the tunnel`, mend: ourMend("relay", differences) };
    const isUfw = activeAtRelay.includes("ufw") && /^ip6? filter /.test(rule);
    const cause = isUfw
      ? `${arrives}, whose ufw swallows it`
      : `${arrives}, where this rule ends it: ${rule}`;
    if (rule.startsWith("inet homerelay ")) return { cause, mend: ourMend("relay", differences) };
    const mend = isUfw ? "ufw route allow out on homerelay" : "let that through to the interface homerelay";
    return { cause, mend: `on the relay: ${mend}` };
  }
  if (sighting === undefined && differences.length > 0)
    return { cause: "does not come out of the tunnel; see the differences", mend: "npm run check -- --mend" };
  const isSeenHere = [...fromHere.values()].includes("open");
  return {
    cause: `does not reach the relay${provider === undefined ? "" : ", though Hetzner's firewall lets it in"}: ${isSeenHere ? `a network between ${home} and the relay stops it, and from here it is open` : "a network on the way stops it, or a firewall of the provider's"}`,
    mend: isSeenHere
      ? "none: strangers come another way"
      : `publish another port than ${forward.published}, or look at the provider's console`,
  };
}

/** What a host says must not steer the terminal. */
function clean(text: string): string {
  return text.replace(/\p{Cc}/gu, " ").trim();
}
