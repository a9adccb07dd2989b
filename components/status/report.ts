/**
 * How a stack is at one moment, as `npm run status -- --json` prints it. The form is described in docs/status.md: a field
 * may be added to it, and any other change raises `version`. What nobody could say is `null`.
 */
import type { HostStatus, PeerStatus } from "./hostStatus.ts";
import type { ForwardFacts, PeerFacts, StackFacts } from "./stackFacts.ts";
import { judge } from "./judge.ts";

export interface StatusReport {
  readonly version: 1;
  /** @example home-relay/dev */
  readonly stack: string;
  /** ISO 8601. */
  readonly at: string;
  /** Nothing is wrong. */
  readonly well: boolean;
  readonly relay: RelayReport;
  readonly names: readonly NameReport[];
  readonly homes: readonly HomeReport[];
  readonly devices: readonly PeerReport[];
  readonly traffic: TrafficReport | null;
  readonly cost: CostReport | null;
  /** What is wrong, the worst first. */
  readonly problems: readonly Finding[];
  /** What wants somebody's attention, at leisure. */
  readonly notices: readonly Finding[];
}

/** What was found, and what to type or do about it: some lines each. */
export interface Finding {
  readonly what: string;
  readonly mend: string;
}

/** What a host says of itself. */
export interface HostReport {
  readonly upSeconds: number;
  /** Packages for which it waits to be restarted; empty: it does not. */
  readonly restartFor: readonly string[] | null;
  readonly updates: number | null;
  readonly securityUpdates: number | null;
  readonly diskAvailableBytes: number | null;
  readonly diskTotalBytes: number | null;
  readonly trackedConnections: number | null;
  readonly trackedConnectionsMost: number | null;
  readonly failedUnits: readonly string[];
  readonly missing: readonly string[];
}

export interface RelayReport {
  readonly provider: string;
  readonly location: string | null;
  readonly serverType: string | null;
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  /** `null`: it does not answer. */
  readonly host: HostReport | null;
  /** At 04:30 by its clock, where an update wants it: nobody else lives there. */
  readonly restartsByItself: boolean;
}

export interface NameReport {
  readonly name: string;
  /** Of both families; `null`: nobody could be asked. */
  readonly addresses: readonly string[] | null;
  /** To this relay, and nowhere else. */
  readonly leadsHere: boolean | null;
}

export interface PeerReport {
  readonly name: string;
  readonly tunnelIpv4: string;
  readonly tunnelIpv6: string;
  /** `away`: no handshake is younger than WireGuard lets a session be; `null`: the relay does not say. */
  readonly state: "here" | "away" | null;
  readonly handshakeSecondsAgo: number | null;
  readonly endpoint: string | null;
  readonly toPeerBytes: number | null;
  readonly fromPeerBytes: number | null;
}

export interface HomeReport extends PeerReport {
  /** Its owner set it up by a script, and nobody else gets in. */
  readonly byHand: boolean;
  /** `null`: it does not answer SSH from here, or is set up by hand. */
  readonly host: HostReport | null;
  /** When each forward was last tried from outside, ISO 8601. */
  readonly provenAt: string | null;
  readonly forwards: readonly ForwardReport[];
}

/** A forward, one for each protocol; what passed is counted since the relay's boot. */
export interface ForwardReport {
  readonly published: string;
  readonly protocol: string;
  readonly target: string;
  readonly connections: number | null;
  readonly toHomeBytes: number | null;
  readonly fromHomeBytes: number | null;
  /** What the last proof found. */
  readonly proof: string | null;
}

export interface TrafficReport {
  /** Who counted: `hetzner`, by which is billed, or the relay itself. */
  readonly source: "hetzner" | "relay";
  /** The relay counts from then on, ISO 8601; `null`: the whole month. */
  readonly since: string | null;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** What may be sent in a month at no further cost; `null`: nobody here knows. */
  readonly includedBytes: number | null;
}

/** For a month, VAT included. */
export interface CostReport {
  readonly currency: string;
  readonly server: number;
  readonly ipv4: number;
  readonly total: number;
}

/** What came of asking a host. */
export interface AskedHost {
  readonly title: string;
  readonly isRelay: boolean;
  readonly status: HostStatus | undefined;
  /** Why there is none, and what to do. */
  readonly problem: string | undefined;
  /**
   * What a person types to log in. `here`: it is this machine. `stack`: the stack made the machine and has its key, and a
   * person has none.
   */
  readonly login: string;
}

/** What Hetzner says of the server; the same as its program prints. */
export interface ProviderAnswer {
  readonly sentBytes: number | null;
  readonly receivedBytes: number | null;
  readonly includedBytes: number | null;
  readonly price: { readonly currency: string; readonly server: number; readonly ipv4: number } | null;
}

export interface Gathered {
  readonly stack: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly facts: StackFacts;
  readonly hosts: readonly AskedHost[];
  /** By name; `undefined`: the question failed as a whole. */
  readonly names: Readonly<Record<string, readonly string[] | null>> | undefined;
  readonly provider: ProviderAnswer | undefined;
  /** Why the provider did not answer; `undefined`: it did, or there is none to ask. */
  readonly providerProblem: string | undefined;
}

/** Seconds after which WireGuard ends a session that has had no new handshake. */
const sessionSeconds = 180;

export function assembleReport(gathered: Gathered): StatusReport {
  const { stack, at, facts, hosts, provider } = gathered;
  const relay = hosts.find(({ isRelay }) => isRelay)?.status;
  const seen = new Map(relay?.peers.map((peer) => [peer.publicKey, peer]));
  const peerOf = (peer: PeerFacts) => peerReport(peer, relay, seen.get(peer.publicKey ?? ""));
  const homes = facts.homes.map((home): HomeReport => {
    const asked = hosts.find(({ isRelay, title }) => !isRelay && title === home.name);
    return {
      ...(relay === undefined && asked?.status !== undefined ? byItself(home, asked.status) : peerOf(home)),
      byHand: home.isByHand,
      host: hostReport(asked?.status),
      provenAt: home.provenAt === undefined ? null : new Date(home.provenAt).toISOString(),
      forwards: home.forwards.map((forward) => forwardReport(forward, relay)),
    };
  });
  const seenThere = {
    relay: {
      provider: facts.provider,
      location: facts.location ?? null,
      serverType: facts.serverType ?? null,
      ipv4: facts.ipv4 ?? null,
      ipv6: facts.ipv6 ?? null,
      host: hostReport(relay),
      restartsByItself: facts.provider !== "ssh",
    },
    names: facts.names.map((name) => nameReport(name, gathered)),
    homes,
    devices: facts.devices.map(peerOf),
    traffic: trafficReport(provider, relay),
    cost: costReport(provider),
  };
  const { problems, notices } = judge(seenThere, gathered);
  const well = problems.length === 0;
  return { version: 1, stack, at: new Date(at).toISOString(), well, ...seenThere, problems, notices };
}

function hostReport(status: HostStatus | undefined): HostReport | null {
  if (status === undefined) return null;
  const { upSeconds, restartFor, updates, disk, tracked, failedUnits, missing } = status;
  return {
    upSeconds,
    restartFor: restartFor ?? null,
    updates: updates?.all ?? null,
    securityUpdates: updates?.security ?? null,
    diskAvailableBytes: disk?.availableBytes ?? null,
    diskTotalBytes: disk?.totalBytes ?? null,
    trackedConnections: tracked?.count ?? null,
    trackedConnectionsMost: tracked?.most ?? null,
    failedUnits,
    missing,
  };
}

function peerReport(
  { name, ipv4, ipv6 }: PeerFacts,
  relay: HostStatus | undefined,
  peer: PeerStatus | undefined,
): PeerReport {
  const age =
    relay === undefined || peer?.handshakeAt === undefined ? null : Math.max(0, relay.now - peer.handshakeAt);
  const isHere = age !== null && age <= sessionSeconds;
  return {
    name,
    tunnelIpv4: ipv4,
    tunnelIpv6: ipv6,
    state: relay === undefined ? null : isHere ? "here" : "away",
    handshakeSecondsAgo: age,
    endpoint: peer?.endpoint ?? null,
    toPeerBytes: peer?.sentBytes ?? null,
    fromPeerBytes: peer?.receivedBytes ?? null,
  };
}

/** Where the relay says nothing, a home knows when it last heard of it; each receives what the other sends. */
function byItself(home: PeerFacts, status: HostStatus): PeerReport {
  const [relay] = status.peers;
  const report = peerReport(home, status, relay);
  return { ...report, endpoint: null, toPeerBytes: report.fromPeerBytes, fromPeerBytes: report.toPeerBytes };
}

function forwardReport(
  { published, protocol, target, proof }: ForwardFacts,
  relay: HostStatus | undefined,
): ForwardReport {
  const [first = 0, last = first] = published.split("-").map(Number);
  let [connections, toHomeBytes, fromHomeBytes] = [0, 0, 0];
  for (const [key, count] of relay?.counts ?? []) {
    const [port, counted] = key.split("/");
    if (counted !== protocol || Number(port) < first || Number(port) > last) continue;
    connections += count.connections;
    toHomeBytes += count.toHomeBytes;
    fromHomeBytes += count.fromHomeBytes;
  }
  const isKnown = relay !== undefined;
  return {
    published,
    protocol,
    target,
    connections: isKnown ? connections : null,
    toHomeBytes: isKnown ? toHomeBytes : null,
    fromHomeBytes: isKnown ? fromHomeBytes : null,
    proof: proof ?? null,
  };
}

function nameReport(name: string, { names, facts: { ipv4, ipv6 } }: Gathered): NameReport {
  const addresses = names?.[name] ?? null;
  if (addresses === null || ipv4 === undefined) return { name, addresses, leadsHere: null };
  const leadsHere = addresses.includes(ipv4) && addresses.every((one) => one === ipv4 || one === ipv6);
  return { name, addresses, leadsHere };
}

function trafficReport(
  provider: ProviderAnswer | undefined,
  relay: HostStatus | undefined,
): TrafficReport | null {
  const includedBytes = provider?.includedBytes ?? null;
  if (provider?.sentBytes != null)
    return {
      source: "hetzner",
      since: null,
      receivedBytes: provider.receivedBytes ?? 0,
      sentBytes: provider.sentBytes,
      includedBytes,
    };
  if (relay?.traffic === undefined) return null;
  const { month, since, receivedBytes, sentBytes } = relay.traffic;
  const isWhole = since * 1000 <= Date.parse(`${month}-01T00:00:00Z`);
  return {
    source: "relay",
    since: isWhole ? null : new Date(since * 1000).toISOString(),
    receivedBytes,
    sentBytes,
    includedBytes,
  };
}

function costReport(provider: ProviderAnswer | undefined): CostReport | null {
  if (!provider?.price) return null;
  const { currency, server, ipv4 } = provider.price;
  return { currency, server, ipv4, total: server + ipv4 };
}
