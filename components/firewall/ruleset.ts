import type { TunnelAddress } from "../network/addressPlan.ts";
import { meter, namedMap, namedSet, prefixElement, renderTable } from "../network/nft.ts";
import type { Chain, NamedSet, Rule } from "../network/nft.ts";
import { includePassing, others, passOthers, passesOthers } from "../network/othersPassing.ts";
import { metricsPort } from "../network/ourNumbers.ts";
import { portCount, renderPortRange } from "../network/port.ts";
import type { Protocol } from "../network/port.ts";
import { outermost } from "../network/prefix.ts";
import type { Prefix } from "../network/prefix.ts";
import { publishedPorts } from "../network/publishedForward.ts";
import type { PublishedForward } from "../network/publishedForward.ts";
import { peerTrafficRules } from "./betweenPeers.ts";
import type { PeerTraffic } from "./betweenPeers.ts";
import { homeFirstRules } from "./homeFirst.ts";
import { openFlowRules } from "./openFlows.ts";
import { elements, publishedElements, ranges, singles } from "./publishedElements.ts";
import type { Family } from "./publishedElements.ts";
import { refuseOverIpv6, refusedOverIpv6 } from "./refusedOverIpv6.ts";

/** All that the relay's own firewall depends on. */
export interface RelayFirewall {
  /** TCP port of sshd. */
  readonly sshPort: number;
  /** Who may open an SSH connection. */
  readonly adminCidrs: readonly Prefix[];
  /** `tunnel`: closed to everybody outside, but while the tunnel is down (open-ssh-fallback.sh). */
  readonly sshVia: "public" | "tunnel";
  /** Peers that may open an SSH connection through the tunnel. */
  readonly sshPeers: readonly TunnelAddress[];
  /** Who may read the relay's metrics. @default nobody */
  readonly metrics?: MetricsReaders | undefined;
  /** UDP port of WireGuard. */
  readonly listenPort: number;
  readonly forwards: readonly PublishedForward[];
  /** Whether the machine has an owner who runs other things on it: what is none of the tunnel's business is let pass. */
  readonly shared: boolean;
  /** Devices and the tunnel's prefixes. @default no devices, so that nothing passes between peers */
  readonly peerTraffic?: PeerTraffic;
}

/** Peers that may read the metrics through the tunnel, at the relay's own address there. */
export interface MetricsReaders {
  readonly address: TunnelAddress;
  readonly peers: readonly TunnelAddress[];
}

/**
 * The relay's ruleset for `nft -f`.
 *
 * Ports are looked up in maps and sets, so a packet's cost does not grow with the number of forwards. No interface
 * but our own is named: "for an address of this machine" and "not from the tunnel" say the same and cannot be wrong.
 * Kept to what nft 0.9.8 (Debian 11) understands, and so Ubuntu 22.04's: `addr . port` says what newer ones see in a
 * map by themselves.
 */
export function renderRelayRuleset(firewall: RelayFirewall): string {
  const { forwards } = firewall;
  const caps = distinctCaps(forwards);
  const openFlows = openFlowRules(forwards, firewall.listenPort);
  const homeFirst = homeFirstRules(forwards);
  const betweenPeers = peerTrafficRules(firewall.peerTraffic);
  const table = renderTable({
    family: "inet",
    name: "homerelay",
    sets: [
      ...forwardMaps(forwards),
      ...publishedSets(forwards),
      ...openFlows.sets,
      ...homeFirst.sets,
      ...optionSets(forwards),
      refusedOverIpv6(forwards),
      ...sshSets(firewall),
      ...metricsSets(firewall),
      ...(firewall.shared ? [passesOthers] : []),
      meter("new_rate4", "ipv4_addr", "1m"),
      meter("new_rate6", "ipv6_addr", "1m"),
      ...caps.flatMap((cap) => capSets(cap, forwards)),
      ...betweenPeers.sets,
    ],
    chains: [
      {
        name: "before_tracking",
        hook: { type: "filter", hook: "prerouting", priority: "raw", policy: "accept" },
        rules: [...(firewall.shared ? [] : [untrackedIn(firewall)]), ...openFlows.zones],
      },
      {
        name: "sources",
        why: "Judges every packet, not only the first: whoever may no longer connect is cut off at once.",
        hook: { type: "filter", hook: "prerouting", priority: "mangle", policy: "accept" },
        rules: [
          'iifname != { "lo", "homerelay" } ct direction original meta l4proto { tcp, udp } meta l4proto . th dport @restricted fib daddr type local jump admit_source',
          ...betweenPeers.sources,
        ],
      },
      {
        name: "admit_source",
        rules: [
          "ip saddr . meta l4proto . th dport @allowed4 accept",
          "ip6 saddr . meta l4proto . th dport @allowed6 accept",
          'counter drop comment "not from here"',
        ],
      },
      {
        name: "prerouting",
        why: "Before all others that translate, whoever was loaded first: most have dstnat itself, and of equals the last one wins.",
        hook: { type: "nat", hook: "prerouting", priority: "dstnat - 10", policy: "accept" },
        rules: [
          {
            why: "Any address of this machine, on whichever interface outside the tunnel.",
            rule: 'iifname != "homerelay" meta l4proto { tcp, udp } fib daddr type local jump to_home',
          },
          ...betweenPeers.prerouting,
        ],
      },
      {
        name: "called_here",
        why: "What a program on this machine sends to the public name goes where a stranger's packets go.",
        // As in prerouting, where this has a name: dstnat - 10.
        hook: { type: "nat", hook: "output", priority: -110, policy: "accept" },
        rules: [
          'oifname "lo" ip daddr != 127.0.0.0/8 meta l4proto { tcp, udp } fib daddr type local jump to_home',
          'oifname "lo" ip6 daddr != ::1 meta l4proto { tcp, udp } fib daddr type local jump to_home',
        ],
      },
      {
        name: "to_home",
        rules: [
          ...caps.flatMap(capRules),
          "meta l4proto { tcp, udp } dnat ip addr . port to meta l4proto . th dport map @forwards4",
          "meta l4proto { tcp, udp } dnat ip to meta l4proto . th dport map @ranges4",
          "meta l4proto { tcp, udp } dnat ip6 addr . port to meta l4proto . th dport map @forwards6",
          "meta l4proto { tcp, udp } dnat ip6 to meta l4proto . th dport map @ranges6",
        ],
      },
      {
        name: "forward",
        hook: { type: "filter", hook: "forward", priority: "filter", policy: "drop" },
        rules: [
          ...(firewall.shared ? [passOthers] : []),
          {
            why: "Neither end of a connection knows that packets in the tunnel are smaller; here each one enters or leaves it.",
            rule: "tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu",
          },
          ...openFlows.tcp,
          "meta l4proto udp jump over_udp",
          ...betweenPeers.forward,
          "ct state vmap { established : accept, related : accept, invalid : drop }",
          'iifname != "homerelay" oifname "homerelay" ct status dnat jump admit',
          'counter comment "not forwarded"',
        ],
      },
      ...betweenPeers.chains,
      ...(firewall.shared ? [others] : []),
      { name: "over_udp", rules: [...openFlows.udp, ...homeFirst.udp] },
      ...homeFirst.chains,
      {
        name: "admit",
        why: "Of each source at most 200 new connections a second; an IPv6 source is its /64.",
        rules: [
          'meta nfproto ipv4 update @new_rate4 { ip saddr limit rate over 200/second burst 400 packets } counter drop comment "too many new connections"',
          'meta nfproto ipv6 update @new_rate6 { ip6 saddr and ffff:ffff:ffff:ffff:: limit rate over 200/second burst 400 packets } counter drop comment "too many new connections"',
          "accept",
        ],
      },
      {
        name: "postrouting",
        hook: { type: "nat", hook: "postrouting", priority: "srcnat", policy: "accept" },
        rules: [
          'oifname "homerelay" ct status dnat meta l4proto tcp ct original proto-dst @masqueraded_tcp masquerade',
          'oifname "homerelay" ct status dnat meta l4proto udp ct original proto-dst @masqueraded_udp masquerade',
          ...betweenPeers.postrouting,
          ...homeFirst.postrouting,
        ],
      },
      ...(firewall.shared ? sharedInput(firewall) : ownInput(firewall)),
    ],
  });
  return firewall.shared ? `${table}${includePassing}` : table;
}

/** What comes in where the relay is the machine's only use: nothing but what is named here. */
function ownInput({ listenPort, metrics }: RelayFirewall): Chain[] {
  return [
    {
      name: "own_datagrams",
      hook: { type: "filter", hook: "output", priority: "raw", policy: "accept" },
      rules: [`udp sport ${listenPort} notrack`],
    },
    {
      name: "input",
      hook: { type: "filter", hook: "input", priority: "filter", policy: "drop" },
      rules: [
        { why: "WireGuard, and errors about what it sent.", rule: `${toWireguard(listenPort)} accept` },
        {
          why: "Nothing shows who sent an error: no link takes less than 1280 bytes, and the kernel would believe 552.",
          rule: `icmp type destination-unreachable icmp code 4 icmp mtu >= 1280 @th,136,8 17 @th,224,16 ${listenPort} accept`,
        },
        `icmpv6 type packet-too-big @th,112,8 17 @th,384,16 ${listenPort} accept`,
        "ct state vmap { established : accept, related : accept, invalid : drop }",
        'iifname "lo" accept',
        ...icmpErrors,
        {
          why: "By these a home proves that it has joined, however many pings strangers send.",
          rule: 'iifname "homerelay" icmp type echo-request accept',
        },
        'iifname "homerelay" icmpv6 type echo-request accept',
        "icmp type echo-request limit rate 10/second accept",
        "icmpv6 type echo-request limit rate 10/second accept",
        'iifname "homerelay" ip saddr . tcp dport @ssh_peers4 ct state new accept',
        'iifname "homerelay" ip6 saddr . tcp dport @ssh_peers6 ct state new accept',
        ...admitReaders(metrics),
        'iifname "homerelay" counter drop comment "the tunnel reaches nothing on the relay"',
        ...refuseOverIpv6,
        'udp sport 67 udp dport 68 accept comment "the address by DHCP"',
        'ip6 saddr fe80::/10 udp dport 546 accept comment "the address by DHCPv6"',
        "tcp dport @ssh_public ct state new jump ssh",
        'counter comment "not for us"',
      ],
    },
    {
      name: "ssh",
      why: "Of each source at most 30 new connections a minute; an IPv6 source is its /64. When more sources knock than can be remembered, a new one is let in.",
      rules: [
        'ip saddr @admin4 update @ssh_rate4 { ip saddr limit rate over 30/minute burst 30 packets } counter drop comment "too many SSH connections"',
        'ip6 saddr @admin6 update @ssh_rate6 { ip6 saddr and ffff:ffff:ffff:ffff:: limit rate over 30/minute burst 30 packets } counter drop comment "too many SSH connections"',
        ...admitOperator,
      ],
    },
    ...readersChain(metrics),
  ];
}

/** What the tunnel itself receives. From within the tunnel nobody has to call it. */
function toWireguard(listenPort: number): string {
  return `udp dport ${listenPort} iifname != "homerelay"`;
}

/**
 * Only where the relay is the machine's only use: an owner's own firewall may let in nothing but what is tracked. What is
 * not tracked is no reply and no error of anything known, so `ownInput` names all three.
 */
function untrackedIn({ listenPort }: RelayFirewall): Rule {
  return {
    why: "WireGuard knows its peers by itself: each packet costs less, and forged senders do not fill the tracker.",
    rule: `${toWireguard(listenPort)} notrack accept`,
  };
}

/** What comes in where others have services too: theirs to say, but for the tunnel and SSH. */
function sharedInput({ sshPort, listenPort, metrics }: RelayFirewall): Chain[] {
  return [
    {
      name: "input",
      why: "What else comes in is for the owner's own firewall to judge.",
      hook: { type: "filter", hook: "input", priority: "filter", policy: "accept" },
      rules: [
        'iifname "lo" accept',
        'iifname "homerelay" jump from_tunnel',
        ...hideMetrics(metrics),
        ...refuseOverIpv6,
        { why: "WireGuard.", rule: `udp dport ${listenPort} accept` },
        `tcp dport ${sshPort} ct state new jump ssh`,
        `tcp dport ${sshPort} ct state new counter drop comment "not the operator"`,
      ],
    },
    {
      name: "from_tunnel",
      rules: [
        "ct state vmap { established : accept, related : accept, invalid : drop }",
        ...icmpErrors,
        "icmp type echo-request accept",
        "icmpv6 type echo-request accept",
        ...admitReaders(metrics),
        'counter drop comment "the tunnel reaches nothing on the relay"',
      ],
    },
    { name: "ssh", why: "How often is for the owner to say.", rules: admitOperator },
    ...readersChain(metrics),
  ];
}

const icmpErrors: readonly Rule[] = [
  "icmp type { destination-unreachable, time-exceeded, parameter-problem } accept",
  "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem, nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query } accept",
];

const admitOperator: readonly Rule[] = ["ip saddr @admin4 accept", "ip6 saddr @admin6 accept"];

/** Where each published port leads. There with every stack, so that a forward is nothing but elements. */
function forwardMaps(forwards: readonly PublishedForward[]): NamedSet[] {
  const port = "inet_proto . inet_service";
  const single = { content: "changing" } as const;
  const range = { flags: "interval", content: "changing" } as const;
  return [
    namedMap("forwards4", `${port} : ipv4_addr . inet_service`, singles(forwards, "ipv4"), {
      ...single,
      why: "Ports that change on their way, each by itself.",
    }),
    namedMap("forwards6", `${port} : ipv6_addr . inet_service`, singles(forwards, "ipv6"), single),
    namedMap("ranges4", `${port} : ipv4_addr`, ranges(forwards, "ipv4"), {
      ...range,
      why: "Ports that stay the same.",
    }),
    namedMap("ranges6", `${port} : ipv6_addr`, ranges(forwards, "ipv6"), range),
  ];
}

/**
 * What is published over TCP, for open connections and for open-ssh-endpoint.sh. Single ports and ranges apart: every
 * packet asks for its port here, and a hash answers sooner than a tree.
 */
function publishedSets(forwards: readonly PublishedForward[]): NamedSet[] {
  const ports = publishedPorts(forwards, "tcp");
  const single = ports.filter((range) => portCount(range) === 1).map(renderPortRange);
  const wider = ports.filter((range) => portCount(range) > 1).map(renderPortRange);
  return [
    namedSet("published_tcp", "inet_service", single, { content: "changing" }),
    namedSet("published_tcp_ranges", "inet_service", wider, { flags: "interval", content: "changing" }),
  ];
}

/** The forwards that hide the caller, and those that are open to some only. */
function optionSets(forwards: readonly PublishedForward[]): NamedSet[] {
  const masqueraded = forwards.filter(({ forward }) => forward.clientIp === "masquerade");
  const restricted = forwards.filter(({ forward }) => forward.from.length > 0);
  const portsOf = (protocol: Protocol) => publishedPorts(masqueraded, protocol).map(renderPortRange);
  const interval = { flags: "interval" };
  return [
    namedSet("masqueraded_tcp", "inet_service", portsOf("tcp"), interval),
    namedSet("masqueraded_udp", "inet_service", portsOf("udp"), interval),
    namedSet("restricted", "inet_proto . inet_service", publishedElements(restricted), interval),
    namedSet("allowed4", "ipv4_addr . inet_proto . inet_service", sources(restricted, 4), interval),
    namedSet("allowed6", "ipv6_addr . inet_proto . inet_service", sources(restricted, 6), interval),
  ];
}

/** Who may come in by SSH. Elements come and go by scripts, also for a time, while ports and ways change. */
function sshSets(firewall: RelayFirewall): NamedSet[] {
  const admins = outermost(firewall.adminCidrs);
  const adminsOf = (family: 4 | 6) => admins.filter((prefix) => prefix.family === family).map(prefixElement);
  const outside = firewall.sshVia === "public" ? [`${firewall.sshPort}`] : [];
  const changing = { content: "changing" } as const;
  return [
    namedSet("admin4", "ipv4_addr", adminsOf(4), { flags: "interval" }),
    namedSet("admin6", "ipv6_addr", adminsOf(6), { flags: "interval" }),
    namedSet("ssh_public", "inet_service", outside, {
      ...changing,
      flags: "timeout",
      why: "Where SSH is open to the outside; for a time also while the tunnel is down.",
    }),
    namedSet("ssh_peers4", "ipv4_addr . inet_service", sshPeers(firewall, "ipv4"), changing),
    namedSet("ssh_peers6", "ipv6_addr . inet_service", sshPeers(firewall, "ipv6"), changing),
    meter("ssh_rate4", "ipv4_addr", "2m"),
    meter("ssh_rate6", "ipv6_addr", "2m"),
  ];
}

function metricsSets({ metrics }: RelayFirewall): NamedSet[] {
  if (metrics === undefined) return [];
  const readers = metrics.peers.map(({ ipv4 }) => ipv4);
  return [namedSet("metrics_peers", "ipv4_addr", readers), meter("metrics_rate", "ipv4_addr", "2m")];
}

function admitReaders(metrics: MetricsReaders | undefined): Rule[] {
  if (metrics === undefined) return [];
  return [
    `iifname "homerelay" ip daddr ${metrics.address.ipv4} ip saddr @metrics_peers tcp dport ${metricsPort} ct state new jump metrics`,
  ];
}

function readersChain(metrics: MetricsReaders | undefined): Chain[] {
  if (metrics === undefined) return [];
  return [
    {
      name: "metrics",
      why: "A program is started for each reader, so none comes in often.",
      rules: [
        'update @metrics_rate { ip saddr limit rate over 1/second burst 10 packets } counter drop comment "reads the metrics too often"',
        "accept",
      ],
    },
  ];
}

/** From the tunnel alone, also where what else comes in is for the owner to judge. */
function hideMetrics(metrics: MetricsReaders | undefined): Rule[] {
  if (metrics === undefined) return [];
  return [
    `ip daddr ${metrics.address.ipv4} tcp dport ${metricsPort} counter drop comment "not from the tunnel"`,
  ];
}

/** WireGuard lets a peer send from its own address only, so the address is the peer. */
function sshPeers({ sshPort, sshPeers }: RelayFirewall, family: Family): string[] {
  return sshPeers.map((address) => `${address[family]} . ${sshPort}`);
}

function sources(forwards: readonly PublishedForward[], family: 4 | 6): string[] {
  return elements(forwards, (protocol, range, { forward }) =>
    outermost(forward.from)
      .filter((prefix) => prefix.family === family)
      .map((prefix) => `${prefixElement(prefix)} . ${protocol} . ${renderPortRange(range)}`),
  );
}

/** Rules grow with the number of different caps, which is small, and not with the forwards that have one. */
function distinctCaps(forwards: readonly PublishedForward[]): number[] {
  return [...new Set(forwards.flatMap(({ forward }) => forward.newPerSecond ?? []))].sort((a, b) => a - b);
}

function capSets(cap: number, forwards: readonly PublishedForward[]): NamedSet[] {
  const capped = forwards.filter(({ forward }) => forward.newPerSecond === cap);
  return [
    namedSet(`cap${cap}`, "inet_proto . inet_service", publishedElements(capped), { flags: "interval" }),
    meter(`cap${cap}_rate4`, "ipv4_addr . inet_proto . inet_service", "1m"),
    meter(`cap${cap}_rate6`, "ipv6_addr . inet_proto . inet_service", "1m"),
  ];
}

/** In a chain that only the first packet of a connection sees. An IPv6 source is its /64. */
function capRules(cap: number): Rule[] {
  const capped = `meta l4proto { tcp, udp } meta l4proto . th dport @cap${cap}`;
  const over = `meta l4proto . th dport limit rate over ${cap}/second burst ${Math.max(cap, 5)} packets`;
  const drop = 'counter drop comment "over its cap"';
  return [
    `meta nfproto ipv4 ${capped} update @cap${cap}_rate4 { ip saddr . ${over} } ${drop}`,
    `meta nfproto ipv6 ${capped} update @cap${cap}_rate6 { ip6 saddr and ffff:ffff:ffff:ffff:: . ${over} } ${drop}`,
  ];
}
