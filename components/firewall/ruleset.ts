import { renderPortRange } from "../network/port.ts";
import type { PortRange, Protocol } from "../network/port.ts";
import { overlaps } from "../network/prefix.ts";
import type { Prefix } from "../network/prefix.ts";
import type { PublishedForward } from "./published.ts";
import { publishedPorts } from "./published.ts";

/** All that the relay's own firewall depends on. */
export interface RelayFirewall {
  /** TCP port of sshd. */
  readonly sshPort: number;
  /** Who may open an SSH connection. */
  readonly adminCidrs: readonly Prefix[];
  /** UDP port of WireGuard. */
  readonly listenPort: number;
  readonly forwards: readonly PublishedForward[];
}

/**
 * The relay's ruleset for `nft -f`: one table, replaced in one transaction, no other touched.
 *
 * Ports are looked up in maps and sets, so a packet's cost does not grow with the number of forwards. No interface
 * but our own is named: "for an address of this machine" and "not from the tunnel" say the same and cannot be wrong.
 * Kept to what nft 1.0.6 (Debian 12) understands: `table; delete table; table { }` stands for `destroy table`.
 */
export function renderRelayRuleset(firewall: RelayFirewall): string {
  const { forwards } = firewall;
  const admins = outermost(firewall.adminCidrs);
  const admin4 = admins.filter((prefix) => prefix.family === 4);
  const admin6 = admins.filter((prefix) => prefix.family === 6);
  return `table inet homerelay
delete table inet homerelay
table inet homerelay {
${map("forwards4", "inet_proto . inet_service : ipv4_addr . inet_service", singles(forwards, "ipv4"))}
${map("forwards6", "inet_proto . inet_service : ipv6_addr . inet_service", singles(forwards, "ipv6"))}
${map("ranges4", "inet_proto . inet_service : ipv4_addr", ranges(forwards, "ipv4"), "interval")}
${map("ranges6", "inet_proto . inet_service : ipv6_addr", ranges(forwards, "ipv6"), "interval")}
${set("published_tcp", "inet_service", publishedPorts(forwards, "tcp").map(renderPortRange), "interval")}
${set("published_udp", "inet_service", publishedPorts(forwards, "udp").map(renderPortRange), "interval")}
${set("admin4", "ipv4_addr", admin4.map(prefixElement), "interval")}
${set("admin6", "ipv6_addr", admin6.map(prefixElement), "interval")}
${meter("ssh_rate4", "ipv4_addr", "2m")}
${meter("ssh_rate6", "ipv6_addr", "2m")}
${meter("new_rate4", "ipv4_addr", "1m")}
${meter("new_rate6", "ipv6_addr", "1m")}
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		iifname != "homerelay" meta l4proto { tcp, udp } fib daddr type local jump to_home
	}
	chain to_home {
		meta l4proto { tcp, udp } dnat ip to meta l4proto . th dport map @forwards4
		meta l4proto { tcp, udp } dnat ip to meta l4proto . th dport map @ranges4
		meta l4proto { tcp, udp } dnat ip6 to meta l4proto . th dport map @forwards6
		meta l4proto { tcp, udp } dnat ip6 to meta l4proto . th dport map @ranges6
	}
	chain clamp {
		type filter hook forward priority mangle; policy accept;
		oifname "homerelay" tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
		iifname "homerelay" tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct status dnat meta l4proto tcp ct original proto-dst != @published_tcp counter drop comment "no longer published"
		ct status dnat meta l4proto udp ct original proto-dst != @published_udp counter drop comment "no longer published"
		ct state vmap { established : accept, related : accept, invalid : drop }
		iifname != "homerelay" oifname "homerelay" ct status dnat jump admit
		counter comment "not forwarded"
	}
	chain admit {
		meta nfproto ipv4 update @new_rate4 { ip saddr limit rate over 200/second burst 400 packets } counter drop comment "too many new connections"
		meta nfproto ipv6 update @new_rate6 { ip6 saddr and ffff:ffff:ffff:ffff:: limit rate over 200/second burst 400 packets } counter drop comment "too many new connections"
		accept
	}
	chain input {
		type filter hook input priority filter; policy drop;
		ct state vmap { established : accept, related : accept, invalid : drop }
		iifname "lo" accept
		icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
		icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem, nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query } accept
		icmp type echo-request limit rate 10/second accept
		icmpv6 type echo-request limit rate 10/second accept
		iifname "homerelay" counter drop comment "the tunnel reaches nothing on the relay"
		udp sport 67 udp dport 68 accept comment "the address by DHCP"
		ip6 saddr fe80::/10 udp dport 546 accept comment "the address by DHCPv6"
		udp dport ${firewall.listenPort} accept
		tcp dport ${firewall.sshPort} ct state new jump ssh
		counter comment "not for us"
	}
	chain ssh {
		ip saddr @admin4 update @ssh_rate4 { ip saddr limit rate 30/minute burst 30 packets } accept
		ip6 saddr @admin6 update @ssh_rate6 { ip6 saddr and ffff:ffff:ffff:ffff:: limit rate 30/minute burst 30 packets } accept
	}
}
`;
}

type Family = "ipv4" | "ipv6";

/** One element a port where the port changes on its way; nft has no form for a shifted range. */
function singles(forwards: readonly PublishedForward[], family: Family): string[] {
  return elements(forwards, translates, (protocol, { first, last }, { forward, address }) =>
    Array.from({ length: last - first + 1 }, (_, i) => {
      const target = `${address[family]} . ${forward.target.first + i}`;
      return `${protocol} . ${first + i} : ${target}`;
    }),
  );
}

/** One element a range where every port stays the same. */
function ranges(forwards: readonly PublishedForward[], family: Family): string[] {
  return elements(
    forwards,
    (published) => !translates(published),
    (protocol, range, { address }) => [`${protocol} . ${renderPortRange(range)} : ${address[family]}`],
  );
}

function translates({ forward }: PublishedForward): boolean {
  return forward.published.first !== forward.target.first;
}

function elements(
  forwards: readonly PublishedForward[],
  belongs: (published: PublishedForward) => boolean,
  render: (protocol: Protocol, range: PortRange, published: PublishedForward) => string[],
): string[] {
  return forwards
    .filter(belongs)
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

/** nft refuses a prefix that lies within another one of its set, where it would add nothing. */
function outermost(prefixes: readonly Prefix[]): Prefix[] {
  return prefixes.filter(
    (prefix) => !prefixes.some((other) => other.length < prefix.length && overlaps(other, prefix)),
  );
}

/** nft takes 0.0.0.0/0 in no interval set; the whole range says the same. */
function prefixElement(prefix: Prefix): string {
  if (prefix.length > 0) return prefix.text;
  return prefix.family === 4 ? "0.0.0.0-255.255.255.255" : "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
}

function map(name: string, type: string, items: readonly string[], flags?: string): string {
  return container("map", name, type, items, flags);
}

function set(name: string, type: string, items: readonly string[], flags?: string): string {
  return container("set", name, type, items, flags);
}

function container(
  kind: string,
  name: string,
  type: string,
  items: readonly string[],
  flags?: string,
): string {
  const lines = [`\t${kind} ${name} {`, `\t\ttype ${type}`];
  if (flags !== undefined) lines.push(`\t\tflags ${flags}`);
  if (items.length > 0) lines.push("\t\telements = {", ...items.map((item) => `\t\t\t${item},`), "\t\t}");
  return [...lines, "\t}"].join("\n");
}

/** A set that nft fills with who came lately; bounded, so that a flood from many sources cannot eat the memory. */
function meter(name: string, type: string, timeout: string): string {
  return `\tset ${name} {\n\t\ttype ${type}\n\t\tflags dynamic,timeout\n\t\ttimeout ${timeout}\n\t\tsize 65535\n\t}`;
}
