import type { TunnelAddress } from "../network/addressPlan.ts";
import { arrivalPorts } from "../network/forward.ts";
import { portCount, renderPortRange } from "../network/port.ts";
import type { PortRange, Protocol } from "../network/port.ts";
import type { Prefix } from "../network/prefix.ts";
import type { PublishedForward } from "../network/publishedForward.ts";
import { outermost, prefixElement, renderMeter, renderSet } from "../network/nftSets.ts";
import { renderSwitch } from "./passages.ts";
import type { Switch } from "./passages.ts";
import { publishedPorts } from "../network/publishedForward.ts";

/** All that the relay's own firewall depends on. */
export interface RelayFirewall {
  /** TCP port of sshd. */
  readonly sshPort: number;
  /** Who may open an SSH connection. */
  readonly adminCidrs: readonly Prefix[];
  /** `tunnel`: closed to everybody outside, but for the way back (open-way-back.sh). */
  readonly sshVia: "public" | "tunnel";
  /** Peers that may open an SSH connection through the tunnel. */
  readonly sshPeers: readonly TunnelAddress[];
  /** UDP port of WireGuard. */
  readonly listenPort: number;
  readonly forwards: readonly PublishedForward[];
  /** Whether the machine has an owner who runs other things on it: what is none of the tunnel's business is let pass. */
  readonly shared: boolean;
  /** Devices and the tunnel's prefixes. @default no devices, so that nothing passes between peers */
  readonly between?: Switch;
}

/**
 * The relay's ruleset for `nft -f`: one table, replaced in one transaction, no other touched.
 *
 * Ports are looked up in maps and sets, so a packet's cost does not grow with the number of forwards. No interface
 * but our own is named: "for an address of this machine" and "not from the tunnel" say the same and cannot be wrong.
 * Kept to what nft 0.9.8 (Debian 11) understands, and so Ubuntu 22.04's: `table; delete table; table { }` stands for
 * `destroy table`, and `addr . port` says what newer ones see in a map by themselves.
 */
export function renderRelayRuleset(firewall: RelayFirewall): string {
  const { forwards } = firewall;
  const admins = outermost(firewall.adminCidrs);
  const admin4 = admins.filter((prefix) => prefix.family === 4);
  const admin6 = admins.filter((prefix) => prefix.family === 6);
  const masqueraded = forwards.filter(({ forward }) => forward.clientIp === "masquerade");
  const restricted = forwards.filter(({ forward }) => forward.from.length > 0);
  const caps = [...new Set(forwards.flatMap(({ forward }) => forward.newPerSecond ?? []))].sort(
    (a, b) => a - b,
  );
  const between = renderSwitch(firewall.between);
  return `table inet homerelay
delete table inet homerelay
table inet homerelay {
${renderSet("map", "forwards4", "inet_proto . inet_service : ipv4_addr . inet_service", singles(forwards, "ipv4"))}
${renderSet("map", "forwards6", "inet_proto . inet_service : ipv6_addr . inet_service", singles(forwards, "ipv6"))}
${renderSet("map", "ranges4", "inet_proto . inet_service : ipv4_addr", ranges(forwards, "ipv4"), "interval")}
${renderSet("map", "ranges6", "inet_proto . inet_service : ipv6_addr", ranges(forwards, "ipv6"), "interval")}
${publishedSets(forwards, "tcp")}
${publishedSets(forwards, "udp")}
${renderSet("set", "masqueraded_tcp", "inet_service", publishedPorts(masqueraded, "tcp").map(renderPortRange), "interval")}
${renderSet("set", "masqueraded_udp", "inet_service", publishedPorts(masqueraded, "udp").map(renderPortRange), "interval")}
${renderSet("set", "restricted", "inet_proto . inet_service", protocolPorts(restricted), "interval")}
${renderSet("set", "allowed4", "ipv4_addr . inet_proto . inet_service", sources(restricted, 4), "interval")}
${renderSet("set", "allowed6", "ipv6_addr . inet_proto . inet_service", sources(restricted, 6), "interval")}
${renderSet("set", "admin4", "ipv4_addr", admin4.map(prefixElement), "interval")}
${renderSet("set", "admin6", "ipv6_addr", admin6.map(prefixElement), "interval")}
${renderSet("set", "ssh_public", "inet_service", firewall.sshVia === "public" ? [`${firewall.sshPort}`] : [], "timeout")}
${renderSet("set", "ssh_peers4", "ipv4_addr . inet_service", sshPeers(firewall, "ipv4"))}
${renderSet("set", "ssh_peers6", "ipv6_addr . inet_service", sshPeers(firewall, "ipv6"))}
${renderMeter("ssh_rate4", "ipv4_addr", "2m")}
${renderMeter("ssh_rate6", "ipv6_addr", "2m")}
${renderMeter("new_rate4", "ipv4_addr", "1m")}
${renderMeter("new_rate6", "ipv6_addr", "1m")}
${caps.map((cap) => capSets(cap, forwards)).join("")}${between.sets}	chain sources {
		type filter hook prerouting priority mangle; policy accept;
		iifname != { "lo", "homerelay" } ct direction original meta l4proto { tcp, udp } meta l4proto . th dport @restricted fib daddr type local jump admit_source
${between.sources}	}
	chain admit_source {
		ip saddr . meta l4proto . th dport @allowed4 accept
		ip6 saddr . meta l4proto . th dport @allowed6 accept
		counter drop comment "not from here"
	}
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		iifname != "homerelay" meta l4proto { tcp, udp } fib daddr type local jump to_home
${between.prerouting}	}
	chain to_home {
${caps.map(capRules).join("")}		meta l4proto { tcp, udp } dnat ip addr . port to meta l4proto . th dport map @forwards4
		meta l4proto { tcp, udp } dnat ip to meta l4proto . th dport map @ranges4
		meta l4proto { tcp, udp } dnat ip6 addr . port to meta l4proto . th dport map @forwards6
		meta l4proto { tcp, udp } dnat ip6 to meta l4proto . th dport map @ranges6
	}
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "homerelay" ct status dnat meta l4proto tcp ct original proto-dst @masqueraded_tcp masquerade
		oifname "homerelay" ct status dnat meta l4proto udp ct original proto-dst @masqueraded_udp masquerade
${between.postrouting}	}
	chain clamp {
		type filter hook forward priority mangle; policy accept;
		oifname "homerelay" tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
		iifname "homerelay" tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
${firewall.shared ? letPass : ""}		ct status dnat meta l4proto tcp ct original proto-dst != @published_tcp ct original proto-dst != @published_tcp_ranges counter drop comment "no longer published"
		ct status dnat meta l4proto udp ct original proto-dst != @published_udp ct original proto-dst != @published_udp_ranges counter drop comment "no longer published"
${between.forward}		ct state vmap { established : accept, related : accept, invalid : drop }
		iifname != "homerelay" oifname "homerelay" ct status dnat jump admit
		counter comment "not forwarded"
	}
${between.chains}	chain admit {
		meta nfproto ipv4 update @new_rate4 { ip saddr limit rate over 200/second burst 400 packets } counter drop comment "too many new connections"
		meta nfproto ipv6 update @new_rate6 { ip6 saddr and ffff:ffff:ffff:ffff:: limit rate over 200/second burst 400 packets } counter drop comment "too many new connections"
		accept
	}
${firewall.shared ? sharedInput(firewall) : ownInput(firewall)}
	chain ssh {
		ip saddr @admin4 update @ssh_rate4 { ip saddr limit rate 30/minute burst 30 packets } accept
		ip6 saddr @admin6 update @ssh_rate6 { ip6 saddr and ffff:ffff:ffff:ffff:: limit rate 30/minute burst 30 packets } accept
	}
}
`;
}

/** What comes in where the relay is the machine's only use: nothing but what is named here. */
function ownInput({ listenPort }: RelayFirewall): string {
  return `\tchain input {
		type filter hook input priority filter; policy drop;
		ct state vmap { established : accept, related : accept, invalid : drop }
		iifname "lo" accept
${icmpRules}
		iifname "homerelay" ip saddr . tcp dport @ssh_peers4 ct state new accept
		iifname "homerelay" ip6 saddr . tcp dport @ssh_peers6 ct state new accept
		iifname "homerelay" counter drop comment "the tunnel reaches nothing on the relay"
		udp sport 67 udp dport 68 accept comment "the address by DHCP"
		ip6 saddr fe80::/10 udp dport 546 accept comment "the address by DHCPv6"
		udp dport ${listenPort} accept
		tcp dport @ssh_public ct state new jump ssh
		counter comment "not for us"
	}`;
}

/** What comes in where others have services too: theirs to say, but for the tunnel and SSH. */
function sharedInput({ sshPort, listenPort }: RelayFirewall): string {
  return `\tchain input {
		type filter hook input priority filter; policy accept;
		iifname "lo" accept
		iifname "homerelay" jump from_tunnel
		udp dport ${listenPort} accept
		tcp dport ${sshPort} ct state new jump ssh
		tcp dport ${sshPort} ct state new counter drop comment "not the operator"
	}
	chain from_tunnel {
		ct state vmap { established : accept, related : accept, invalid : drop }
${icmpRules}
		counter drop comment "the tunnel reaches nothing on the relay"
	}`;
}

const icmpRules = `\
		icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
		icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem, nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query } accept
		icmp type echo-request limit rate 10/second accept
		icmpv6 type echo-request limit rate 10/second accept`;

/** Before all else in the chain: the owner's containers and networks are none of the tunnel's business. */
const letPass = `\
		iifname != "homerelay" oifname != "homerelay" accept
`;

type Family = "ipv4" | "ipv6";

/** WireGuard lets a peer send from its own address only, so the address is the peer. */
function sshPeers({ sshPort, sshPeers }: RelayFirewall, family: Family): string[] {
  return sshPeers.map((address) => `${address[family]} . ${sshPort}`);
}

/** Single ports and ranges apart: every packet asks for its port here, and a hash answers sooner than a tree. */
function publishedSets(forwards: readonly PublishedForward[], protocol: Protocol): string {
  const ports = publishedPorts(forwards, protocol);
  const single = ports.filter((range) => portCount(range) === 1).map(renderPortRange);
  const wider = ports.filter((range) => portCount(range) > 1).map(renderPortRange);
  return `${renderSet("set", `published_${protocol}`, "inet_service", single)}
${renderSet("set", `published_${protocol}_ranges`, "inet_service", wider, "interval")}`;
}

/** One element a port where the port changes on its way; nft has no form for a shifted range. */
function singles(forwards: readonly PublishedForward[], family: Family): string[] {
  return elements(
    forwards.filter((published) => translates(published) && answers(published, family)),
    (protocol, { first, last }, { forward, address }) =>
      Array.from({ length: last - first + 1 }, (_, i) => {
        const target = `${address[family]} . ${arrivalPorts(forward).first + i}`;
        return `${protocol} . ${first + i} : ${target}`;
      }),
  );
}

/** One element a range where every port stays the same. */
function ranges(forwards: readonly PublishedForward[], family: Family): string[] {
  return elements(
    forwards.filter((published) => !translates(published) && answers(published, family)),
    (protocol, range, { address }) => [`${protocol} . ${renderPortRange(range)} : ${address[family]}`],
  );
}

function protocolPorts(forwards: readonly PublishedForward[]): string[] {
  return elements(forwards, (protocol, range) => [`${protocol} . ${renderPortRange(range)}`]);
}

function sources(forwards: readonly PublishedForward[], family: 4 | 6): string[] {
  return elements(forwards, (protocol, range, { forward }) =>
    outermost(forward.from)
      .filter((prefix) => prefix.family === family)
      .map((prefix) => `${prefixElement(prefix)} . ${protocol} . ${renderPortRange(range)}`),
  );
}

/** Rules grow with the number of different caps, which is small, and not with the forwards that have one. */
function capSets(cap: number, forwards: readonly PublishedForward[]): string {
  const capped = forwards.filter(({ forward }) => forward.newPerSecond === cap);
  return `${renderSet("set", `cap${cap}`, "inet_proto . inet_service", protocolPorts(capped), "interval")}
${renderMeter(`cap${cap}_rate4`, "ipv4_addr . inet_proto . inet_service", "1m")}
${renderMeter(`cap${cap}_rate6`, "ipv6_addr . inet_proto . inet_service", "1m")}
`;
}

/** In a chain that only the first packet of a connection sees. An IPv6 source is its /64. */
function capRules(cap: number): string {
  const over = `limit rate over ${cap}/second burst ${Math.max(cap, 5)} packets } counter drop comment "over its cap"`;
  return `\t\tmeta nfproto ipv4 meta l4proto { tcp, udp } meta l4proto . th dport @cap${cap} update @cap${cap}_rate4 { ip saddr . meta l4proto . th dport ${over}
\t\tmeta nfproto ipv6 meta l4proto { tcp, udp } meta l4proto . th dport @cap${cap} update @cap${cap}_rate6 { ip6 saddr and ffff:ffff:ffff:ffff:: . meta l4proto . th dport ${over}
`;
}

function translates({ forward }: PublishedForward): boolean {
  return forward.published.first !== arrivalPorts(forward).first;
}

/** A machine in the LAN is named by its IPv4 address, so nothing can be sent to it over IPv6. */
function answers({ forward }: PublishedForward, family: Family): boolean {
  return family === "ipv4" || forward.to === undefined;
}

/** Elements in the order of protocol and port, whatever the order of the forwards. */
function elements(
  forwards: readonly PublishedForward[],
  render: (protocol: Protocol, range: PortRange, published: PublishedForward) => string[],
): string[] {
  return forwards
    .flatMap((published) =>
      published.forward.protocols.map((protocol) => ({
        protocol,
        range: published.forward.published,
        published,
      })),
    )
    .sort((a, b) => a.protocol.localeCompare(b.protocol) || a.range.first - b.range.first)
    .flatMap(({ protocol, range, published }) => render(protocol, range, published));
}
