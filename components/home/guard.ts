import type { TunnelAddress } from "../network/addressPlan.ts";
import type { Forward } from "../network/forward.ts";
import { mergeRanges, renderPortRange } from "../network/port.ts";
import type { PortRange, Protocol } from "../network/port.ts";

export interface HomeGuard {
  readonly home: TunnelAddress;
  readonly relay: TunnelAddress;
  readonly forwards: readonly Forward[];
}

/** The ports at home that forwards of a protocol arrive at. */
export function targetPorts(forwards: readonly Forward[], protocol: Protocol): PortRange[] {
  return mergeRanges(
    forwards.filter(({ protocols }) => protocols.includes(protocol)).map(({ target }) => target),
  );
}

/** Marks a forwarded connection, so that its replies take the tunnel; on the wire it does not show. */
export const forwardedMark = "0x77";

/**
 * The home's guard for `nft -f`: whatever the relay sends, only the forwarded ports are reached.
 *
 * It runs before Docker's address translation and before the reverse path filter (priority mangle), and judges
 * nothing that did not come through the tunnel. In the order of the rules, what each one stops or lets through:
 * replies to forwarded connections; replies between the tunnel's two ends; packets for the LAN, a container or
 * another address of this machine; senders that pose as somebody in the LAN or as this machine; then the forwarded
 * ports. Connections that the home itself began elsewhere match none of the first two, so nothing can be slipped in.
 */
export function renderGuard({ home, relay, forwards }: HomeGuard): string {
  const open = (["tcp", "udp"] as const).flatMap((protocol) =>
    targetPorts(forwards, protocol).map((range) => `${protocol} . ${renderPortRange(range)}`),
  );
  const elements =
    open.length === 0 ? "" : `\n\t\telements = {\n${open.map((port) => `\t\t\t${port},\n`).join("")}\t\t}`;
  return `table inet homerelay
delete table inet homerelay
table inet homerelay {
	set open {
		type inet_proto . inet_service
		flags interval${elements}
	}
	chain prerouting {
		type filter hook prerouting priority mangle; policy accept;
		iifname "homerelay" jump from_relay
		iifname != "homerelay" ct mark ${forwardedMark} meta mark set ${forwardedMark}
	}
	chain from_relay {
		ct mark ${forwardedMark} ct state established,related meta mark set ${forwardedMark} accept
		ip saddr ${relay.ipv4} ip daddr ${home.ipv4} ct state established,related meta mark set ${forwardedMark} accept
		ip6 saddr ${relay.ipv6} ip6 daddr ${home.ipv6} ct state established,related meta mark set ${forwardedMark} accept
		ip daddr != ${home.ipv4} counter drop comment "not for this address"
		ip6 daddr != ${home.ipv6} counter drop comment "not for this address"
		ip saddr != ${relay.ipv4} ip saddr { 0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16, 224.0.0.0/3 } counter drop comment "not from the internet"
		ip6 saddr != ${relay.ipv6} ip6 saddr != 2000::/3 counter drop comment "not from the internet"
		fib saddr type { local, broadcast, multicast } counter drop comment "poses as this machine"
		meta l4proto { tcp, udp } meta l4proto . th dport @open ct state new ct mark set ${forwardedMark} meta mark set ${forwardedMark} counter accept
		icmp type echo-request limit rate 5/second accept
		icmpv6 type echo-request limit rate 5/second accept
		counter drop comment "no forward"
	}
	chain output {
		type route hook output priority mangle; policy accept;
		ct mark ${forwardedMark} meta mark set ${forwardedMark}
	}
}
`;
}
