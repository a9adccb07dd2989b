/** What a host says of itself: what read-status.sh prints, field by field. */
export interface HostStatus {
  /** By the host's own clock, in seconds since 1970. */
  readonly now: number;
  readonly upSeconds: number;
  /** The packages for which it waits to be restarted; `undefined`: it does not. */
  readonly restartFor: readonly string[] | undefined;
  /** Packages that wait; `undefined`: nobody could say. */
  readonly updates: { readonly all: number; readonly security: number } | undefined;
  readonly disk: { readonly availableBytes: number; readonly totalBytes: number } | undefined;
  /** Connections that the kernel keeps track of. */
  readonly tracked: { readonly count: number; readonly most: number } | undefined;
  readonly failedUnits: readonly string[];
  /** What of ours the kernel has not got. */
  readonly missing: readonly ("interface" | "rules")[];
  readonly peers: readonly PeerStatus[];
  /** By port and protocol, like `443/tcp`. */
  readonly counts: ReadonlyMap<string, PortCount>;
  readonly traffic: MonthTraffic | undefined;
}

export interface PeerStatus {
  readonly publicKey: string;
  readonly endpoint: string | undefined;
  /** In seconds since 1970, by the host's own clock. */
  readonly handshakeAt: number | undefined;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** Of one published port, since the relay has its tables. */
export interface PortCount {
  readonly connections: number;
  readonly toHomeBytes: number;
  readonly fromHomeBytes: number;
}

/** What a machine received and sent in a month, as it counted itself. */
export interface MonthTraffic {
  /** @example 2026-11 */
  readonly month: string;
  /** From when on, in seconds since 1970. */
  readonly since: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/**
 * Throws an `Error` when this is no answer of read-status.sh, or not the whole of one. What is read from it is shown, and
 * stands in commands for people to type: a host in the wrong hands must not write these.
 */
export function parseHostStatus(said: string): HostStatus {
  const lines = said.split("\n").map((line) => line.split(" "));
  const [[form, version] = []] = lines;
  if (form !== "status" || version !== "1") throw new Error("it is of another version");
  if (!lines.some(([word]) => word === "end")) throw new Error("it was cut off");
  const all = (field: string) => lines.filter(([word]) => word === field).map(([, ...values]) => values);
  const numbers = (field: string) => all(field)[0]?.map(numberOf);
  const [now = 0] = numbers("now") ?? [];
  const [upSeconds = 0] = numbers("up") ?? [];
  const updates = numbers("updates");
  // Of some file systems nobody can say.
  const disk = all("disk").some((values) => values.includes("-")) ? undefined : numbers("disk");
  const tracked = numbers("tracked");
  const [traffic] = all("traffic");
  return {
    now,
    upSeconds,
    restartFor: all("restart")[0]?.filter((name) => /^[\w.+:~-]+$/.test(name)),
    updates: updates && { all: updates[0] ?? 0, security: updates[1] ?? 0 },
    disk: disk && { availableBytes: disk[0] ?? 0, totalBytes: disk[1] ?? 0 },
    tracked: tracked && { count: tracked[0] ?? 0, most: tracked[1] ?? 0 },
    failedUnits: all("failed").flat().map(unitOf),
    missing: all("missing")
      .flat()
      .filter((word) => word === "interface" || word === "rules"),
    peers: all("peer").map(parsePeer),
    counts: parseCounts(all("count")),
    traffic: traffic && parseTraffic(traffic),
  };
}

const unreadable = "it has something that no version of its script prints";

function numberOf(text: string): number {
  const number = text === "" ? NaN : Number(text);
  if (number >= 0 && number <= Number.MAX_SAFE_INTEGER) return number;
  throw new Error(unreadable);
}

/** A shell reads nothing in it. */
function unitOf(name: string): string {
  if (/^[A-Za-z0-9][\w:.@-]*$/.test(name)) return name;
  throw new Error(unreadable);
}

function parsePeer([
  publicKey = "",
  endpoint = "-",
  handshake = "",
  received = "",
  sent = "",
]: readonly string[]): PeerStatus {
  return {
    publicKey,
    endpoint: /^[\w.:%[\]]+$/.test(endpoint) ? endpoint : undefined,
    handshakeAt: numberOf(handshake) || undefined,
    receivedBytes: numberOf(received),
    sentBytes: numberOf(sent),
  };
}

const nothing: PortCount = { connections: 0, toHomeBytes: 0, fromHomeBytes: 0 };

/** `SET PORT PACKETS BYTES` each; a set's name says what is counted, and of which protocol. */
function parseCounts(counts: readonly (readonly string[])[]): Map<string, PortCount> {
  const ports = new Map<string, PortCount>();
  for (const [set = "", port = "", packets = "", bytes = ""] of counts) {
    const [what, protocol = ""] = set.split("_");
    const key = `${port}/${protocol}`;
    const before = ports.get(key) ?? nothing;
    if (what === "connections") ports.set(key, { ...before, connections: numberOf(packets) });
    if (what === "received") ports.set(key, { ...before, toHomeBytes: numberOf(bytes) });
    if (what === "sent") ports.set(key, { ...before, fromHomeBytes: numberOf(bytes) });
  }
  return ports;
}

/** Seconds since 1970 that a calendar still has. */
const latestTime = 253_402_300_799;

function parseTraffic([month = "", since = "", received = "", sent = ""]: readonly string[]): MonthTraffic {
  const from = numberOf(since);
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(month) || from > latestTime) throw new Error(unreadable);
  return { month, since: from, receivedBytes: numberOf(received), sentBytes: numberOf(sent) };
}
