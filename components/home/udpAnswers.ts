import type { TunnelAddress } from "../network/addressPlan.ts";
import { memory, meter } from "../network/nft.ts";
import type { Chain, NamedSet, Rule } from "../network/nft.ts";

/**
 * The parts of a home's guard by which a UDP service answers a stranger the way that the stranger last came, whoever
 * speaks first.
 *
 * A service that is bound to no address (0.0.0.0, ::) lets the kernel choose the sender of what it sends, which is the
 * address of the home's own line. So what comes out of the tunnel is noted by the stranger's address and port and the
 * port here, and a packet to one who is noted gets the home's address in the tunnel, before the tracker sees it. To it
 * that is the answer to what came, and by its mark the answer leaves by the tunnel. Who comes another way, by the home's
 * own line, is noted no longer, and for ten minutes nothing from the tunnel changes that: a relay in the wrong hands
 * draws no conversation of the home's own into the tunnel. What the service sends to anybody else is left alone.
 *
 * A service that ties a socket to the stranger (connect) ties it to that chosen address as well. So from then on what
 * comes for the port gets that address, after the tracker has seen it.
 *
 * `heard` is short, so that a flood of senders that are not there leaves it soon; who comes again is `known` for a day,
 * so that the service may be the first to speak after a long silence. A full set costs newcomers, and nobody else.
 */
export interface UdpAnswers {
  readonly sets: readonly NamedSet[];
  readonly chains: readonly Chain[];
  /** For the chain `prerouting`: who comes by the home's own line. */
  readonly prerouting: readonly Rule[];
  /** Notes the sender; for a packet that is let in. */
  readonly note: Rule;
}

export function udpAnswers(home: TunnelAddress): UdpAnswers {
  const families = [
    { n: 4, ip: "ip", type: "ipv4_addr", home: home.ipv4 },
    { n: 6, ip: "ip6", type: "ipv6_addr", home: home.ipv6 },
  ] as const;
  const noted = (set: string, ip: string) => `@${set} { ${ip} saddr . udp sport . udp dport }`;
  const called = (ip: string) => `${ip} daddr . udp dport . udp sport`;
  return {
    sets: [
      ...families.flatMap(({ n, type }) => [
        meter(`heard${n}`, `${type} . inet_service . inet_service`, "5m", {
          size: 131072,
          ...(n === 4
            ? { why: "Who sent something through the tunnel: address and port, and the port here." }
            : {}),
        }),
        meter(`known${n}`, `${type} . inet_service . inet_service`, "1d"),
        meter(`elsewhere${n}`, `${type} . inet_service . inet_service`, "10m", {
          ...(n === 4 ? { why: "Who came by the home's own line." } : {}),
        }),
      ]),
      memory("tied4", "ipv4_addr . inet_service : ipv4_addr", "5m", {
        why: "From which address of this machine a port answers.",
      }),
      // By the port alone: nft 1.0.6 has no room for two addresses of IPv6 in one element.
      memory("tied6", "inet_service : ipv6_addr", "5m"),
    ],
    prerouting: [
      'iifname != { "homerelay", "lo" } meta l4proto udp meta l4proto . th dport @open jump came_elsewhere',
    ],
    note: "meta l4proto udp jump note_sender",
    chains: [
      {
        name: "note_sender",
        rules: families.flatMap(({ n, ip }) => [
          `${ip} saddr . udp sport . udp dport @elsewhere${n} return`,
          `${ip} saddr . udp sport . udp dport @heard${n} update ${noted(`known${n}`, ip)}`,
          `update ${noted(`heard${n}`, ip)}`,
        ]),
      },
      {
        name: "came_elsewhere",
        why: "Who comes by the home's own line is answered there.",
        rules: families.flatMap(({ n, ip }) => [
          `delete ${noted(`heard${n}`, ip)}`,
          `delete ${noted(`known${n}`, ip)}`,
          `update ${noted(`elsewhere${n}`, ip)}`,
        ]),
      },
      {
        name: "answers",
        why: "Before the tracker, to which this is then the answer to what came out of the tunnel.",
        hook: { type: "filter", hook: "output", priority: "raw", policy: "accept" },
        rules: families.flatMap(({ n, ip }) => [
          `meta l4proto udp ${called(ip)} @heard${n} jump answer${n}`,
          `meta l4proto udp ${called(ip)} @known${n} jump answer${n}`,
        ]),
      },
      ...families.map(({ n, ip, home }) => ({
        name: `answer${n}`,
        rules: [
          `update @heard${n} { ${called(ip)} }`,
          `${ip} saddr != ${home} update @tied${n} { ${n === 4 ? "ip daddr . " : ""}udp sport : ${ip} saddr } ${ip} saddr set ${home}`,
        ],
      })),
      {
        name: "to_socket",
        why: "After the tracker and all translation: a socket that is tied to the sender knows the address that it answers from.",
        hook: { type: "filter", hook: "input", priority: 110, policy: "accept" },
        rules: [
          `iifname "homerelay" meta l4proto udp ip daddr ${home.ipv4} ip daddr set ip saddr . udp dport map @tied4`,
          `iifname "homerelay" meta l4proto udp ip6 daddr ${home.ipv6} ip6 daddr set udp dport map @tied6`,
        ],
      },
    ],
  };
}
