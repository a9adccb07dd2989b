import type { TunnelAddress } from "../network/addressPlan.ts";
import { arrivalPorts } from "../network/forward.ts";
import type { Forward } from "../network/forward.ts";
import { mergeRanges, renderPortRange } from "../network/port.ts";
import type { PortRange, Protocol } from "../network/port.ts";
import { internet6, notInternet4 } from "../network/internet.ts";
import { renderSet } from "../network/nftSets.ts";
import { renderGuests } from "./guests.ts";
import type { Guest } from "./guests.ts";
import { forwardedMark } from "./marks.ts";

export interface HomeGuard {
  readonly home: TunnelAddress;
  readonly relay: TunnelAddress;
  readonly forwards: readonly Forward[];
  /** Devices to which the home opens something. @default none */
  readonly guests?: readonly Guest[];
}

/** The ports of the home's tunnel address at which forwards of a protocol arrive. */
export function openPorts(forwards: readonly Forward[], protocol: Protocol): PortRange[] {
  return mergeRanges(forwards.filter(({ protocols }) => protocols.includes(protocol)).map(arrivalPorts));
}

/**
 * The home's guard for `nft -f`: whatever the relay sends, only the forwarded ports are reached.
 *
 * It runs before Docker's address translation and before the reverse path filter (priority mangle), and judges
 * nothing that did not come through the tunnel. In the order of the rules, what each one stops or lets through:
 * replies to forwarded connections; replies between the tunnel's two ends; packets for the LAN, a container or
 * another address of this machine; senders that pose as somebody in the LAN, a container or this machine (the way back to them, by our own routing
 * rules, does not lead into the tunnel); then the forwarded
 * ports. Connections that the home itself began elsewhere match none of the first two, so nothing can be slipped in.
 *
 * A forward to another machine in the LAN is translated here, and masqueraded: that machine would answer the stranger
 * through the LAN's own router, where nobody knows of the connection.
 */
export function renderGuard({ home, relay, forwards, guests = [] }: HomeGuard): string {
  const guest = renderGuests(guests, home);
  const lan = forwards.flatMap(lanTargets);
  const open = protocolPorts(forwards.filter(({ to }) => to === undefined));
  const lanOpen = protocolPorts(forwards.filter(({ to }) => to !== undefined));
  return `table inet homerelay
delete table inet homerelay
table inet homerelay {
${renderSet("set", "open", "inet_proto . inet_service", open, "interval")}
${renderSet("set", "lan_open", "inet_proto . inet_service", lanOpen, "interval")}
${renderSet(
  "map",
  "lan",
  "inet_proto . inet_service : ipv4_addr . inet_service",
  lan.map(({ protocol, arrival, to, target }) => `${protocol} . ${arrival} : ${to} . ${target}`),
)}
${renderSet("set", "lan_targets", "ipv4_addr . inet_proto . inet_service", [
  ...new Set(lan.map(({ protocol, to, target }) => `${to} . ${protocol} . ${target}`)),
])}
${guest.sets}	chain prerouting {
		type filter hook prerouting priority mangle; policy accept;
		iifname "homerelay" jump from_relay
		iifname != "homerelay" ct mark ${forwardedMark} meta mark set ${forwardedMark}
	}
	chain from_relay {
		ct mark ${forwardedMark} ct state established,related meta mark set ${forwardedMark} accept
		ip saddr ${relay.ipv4} ip daddr ${home.ipv4} ct state established,related meta mark set ${forwardedMark} accept
		ip6 saddr ${relay.ipv6} ip6 daddr ${home.ipv6} ct state established,related meta mark set ${forwardedMark} accept
${guest.fromRelay}		ip daddr != ${home.ipv4} counter drop comment "not for this address"
		ip6 daddr != ${home.ipv6} counter drop comment "not for this address"
		ip saddr != ${relay.ipv4} ip saddr ${notInternet4} counter drop comment "not from the internet"
		ip6 saddr != ${relay.ipv6} ip6 saddr != ${internet6} counter drop comment "not from the internet"
		fib saddr type { local, broadcast, multicast } counter drop comment "poses as this machine"
		meta mark set ${forwardedMark} fib saddr . mark oifname != "homerelay" counter drop comment "poses as a neighbour"
		meta l4proto { tcp, udp } meta l4proto . th dport @open ct state new ct mark set ${forwardedMark} meta mark set ${forwardedMark} counter accept
		meta nfproto ipv4 meta l4proto { tcp, udp } meta l4proto . th dport @lan_open ct state new ct mark set ${forwardedMark} meta mark set ${forwardedMark} counter accept
		icmp type echo-request limit rate 5/second accept
		icmpv6 type echo-request limit rate 5/second accept
		counter drop comment "no forward"
	}
	chain to_lan {
		type nat hook prerouting priority dstnat; policy accept;
${guest.toLan}		iifname "homerelay" ip daddr ${home.ipv4} meta l4proto { tcp, udp } dnat ip addr . port to meta l4proto . th dport map @lan
	}
	chain from_home {
		type nat hook postrouting priority srcnat; policy accept;
		ct mark ${forwardedMark} ct direction original meta l4proto { tcp, udp } ip daddr . meta l4proto . th dport @lan_targets masquerade
${guest.fromHome}	}
	chain forward {
		type filter hook forward priority filter; policy accept;
		oifname "homerelay" ct mark != ${guest.marks} counter drop comment "the tunnel is no way out for others"
	}
	chain output {
		type route hook output priority mangle; policy accept;
		ct mark ${forwardedMark} meta mark set ${forwardedMark}
	}
${guest.chains}}
`;
}

function protocolPorts(forwards: readonly Forward[]): string[] {
  return (["tcp", "udp"] as const).flatMap((protocol) =>
    openPorts(forwards, protocol).map((range) => `${protocol} . ${renderPortRange(range)}`),
  );
}

interface LanTarget {
  readonly protocol: Protocol;
  /** Port on the home's tunnel address. */
  readonly arrival: number;
  readonly to: string;
  /** Port on the machine in the LAN. */
  readonly target: number;
}

function lanTargets(forward: Forward): LanTarget[] {
  const { to, protocols, target } = forward;
  if (to === undefined) return [];
  const { first, last } = arrivalPorts(forward);
  return protocols.flatMap((protocol) =>
    Array.from({ length: last - first + 1 }, (_, i) => ({
      protocol,
      arrival: first + i,
      to,
      target: target.first + i,
    })),
  );
}
