/** What a stranger saw, out of the log of people/watch.py. All times are seconds of the monotonic clock. */

/** One line of that log. */
export type Sighting =
  /** A new connection, asked once; null where no answer came within a second. */
  | { readonly kind: "connect"; readonly to: string; readonly at: number; readonly answered: number | null }
  /** A line or datagram of one of the two open flows, and its answer. */
  | {
      readonly kind: "sent" | "heard";
      readonly flow: "tcp" | "udp";
      readonly number: number;
      readonly at: number;
    }
  /** The open TCP flow was ended by the other side, or by an error. */
  | { readonly kind: "closed"; readonly at: number };

type OfFlow = Extract<Sighting, { kind: "sent" | "heard" }>;
type Connect = Extract<Sighting, { kind: "connect" }>;

export interface Seen {
  /** From the fault until connections were answered for good, at the slower address; `undefined`: not within the watch. */
  readonly outageSeconds: number | undefined;
  readonly connections: number;
  readonly failedConnections: number;
  /** Whether the TCP flow that was open before was ended, or heard nothing any more once new connections were answered. */
  readonly tcpBroken: boolean;
  readonly datagrams: number;
  readonly lostDatagrams: number;
  /** How long was watched after the fault. */
  readonly watchedSeconds: number;
}

/** The time that an answer may take before a datagram counts as lost. */
const patienceSeconds = 1;
/** So long all was well before a hiccup: fewer failures in a row than this. */
const wellSeconds = 10;
const hiccup = 10;
/** For a flow in a watch at whose end nothing was answered. */
const recentlySeconds = 5;

export function parseSightings(lines: readonly string[]): Sighting[] {
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Sighting);
}

/** Since a fault began, and until the watch ended. */
export function judge(sightings: readonly Sighting[], since: number, until: number): Seen {
  const connects = connectsSince(sightings, since);
  if (connects.length === 0) throw new Error("Nobody asked for a connection after the fault.");
  const outages = [...Map.groupBy(connects, ({ to }) => to).values()].map((asked) => outage(asked, since));
  const outageSeconds = outages.some((it) => it === undefined)
    ? undefined
    : Math.max(...outages.map((it) => it ?? 0));
  const ofFlow = (kind: "sent" | "heard", flow: "tcp" | "udp") =>
    sightings.filter((it) => isOfFlow(it) && it.kind === kind && it.flow === flow).filter(isOfFlow);
  const heardDatagrams = new Set(ofFlow("heard", "udp").map(({ number }) => number));
  const datagrams = ofFlow("sent", "udp").filter(({ at }) => at >= since && at <= until - patienceSeconds);
  const wanted = outageSeconds === undefined ? until - recentlySeconds : since + outageSeconds;
  return {
    outageSeconds,
    connections: connects.length,
    failedConnections: connects.filter(({ answered }) => answered === null).length,
    tcpBroken:
      sightings.some(({ kind }) => kind === "closed") ||
      !ofFlow("heard", "tcp").some(({ at }) => at >= wanted),
    datagrams: datagrams.length,
    lostDatagrams: datagrams.filter(({ number }) => !heardDatagrams.has(number)).length,
    watchedSeconds: until - since,
  };
}

const isOfFlow = (it: Sighting): it is OfFlow => it.kind === "sent" || it.kind === "heard";

const connectsSince = (sightings: readonly Sighting[], since: number): Connect[] =>
  sightings.filter((it) => it.kind === "connect").filter(({ at }) => at >= since);

/**
 * Of one address. A hiccup of less than a second which comes when all was well for long is no part of it: it only counts
 * among the connections that failed.
 */
function outage(connects: readonly Connect[], since: number): number | undefined {
  let end = since;
  let failures: Connect[] = [];
  for (const connect of connects.toSorted((a, b) => a.at - b.at)) {
    if (connect.answered === null) {
      failures.push(connect);
      continue;
    }
    if (isPartOfOutage(failures, end)) end = connect.answered;
    failures = [];
  }
  return isPartOfOutage(failures, end) ? undefined : end - since;
}

/** A row of failures, after an outage that seemed to be over. */
function isPartOfOutage(failures: readonly Connect[], end: number): boolean {
  const [first] = failures;
  return first !== undefined && (first.at <= end + wellSeconds || failures.length >= hiccup);
}

/** Whether the last so many connections to each address were answered, all of them asked for since the fault. */
export function isSettled(sightings: readonly Sighting[], since: number, last = 20): boolean {
  const byAddress = [...Map.groupBy(connectsSince(sightings, since), ({ to }) => to).values()];
  return (
    byAddress.length > 0 &&
    byAddress.every(
      (asked) => asked.length >= last && asked.slice(-last).every(({ answered }) => answered !== null),
    )
  );
}

/** Whether the open TCP flow has been heard of after the given time, or is at its end. */
export function isTcpDecided(sightings: readonly Sighting[], after: number): boolean {
  return sightings.some(
    (it) => it.kind === "closed" || (it.kind === "heard" && it.flow === "tcp" && it.at >= after),
  );
}
