import type { TunnelAddress } from "../network/addressPlan.ts";
import { memory, meter } from "../network/nft.ts";
import type { Chain, NamedSet, Rule } from "../network/nft.ts";
import { forwardedMark, tunnelMark } from "../network/ourNumbers.ts";

/**
 * The parts of a home's guard by which a UDP service answers a stranger the way that the stranger last came, whoever
 * speaks first.
 *
 * A service that is bound to no address (0.0.0.0, ::) lets the kernel choose the sender of what it sends, which is the
 * address of the home's own line. So when a socket takes what came out of the tunnel, the stranger is noted by address
 * and port and the port here; and a packet to one who is noted gets the home's address in the tunnel, before the tracker
 * sees it. To it that is the answer to what came, and by its mark the answer leaves by the tunnel. Who comes another
 * way, by the home's own line, is noted no longer, and for ten minutes nothing from the tunnel changes that: a relay in
 * the wrong hands draws no conversation of the home's own into the tunnel. What the service sends to anybody else is left
 * alone.
 *
 * A service that ties a socket to the stranger (connect) ties it to that chosen address as well. So from then on what
 * such a stranger sends to the port gets that address, after the tracker has seen it.
 *
 * All of it is noted behind every firewall of this machine, and only where a socket is: what is dropped, or for a
 * container or the LAN, says nothing about who is answered how. `heard` is short, so that a flood of senders that are not
 * there leaves it soon; who comes again is `known` for a day, so that the service may be the first to speak after a long
 * silence. A full set costs newcomers, and nobody else.
 */
export interface UdpAnswers {
  readonly sets: readonly NamedSet[];
  readonly chains: readonly Chain[];
}

/** How long a sender is heard who never came again, and how long it is then answered in silence. */
const once = "30s";

/** How long one is known who came again. */
const aDay = "1d";

type Ip = "ip" | "ip6";

/** In front of what is about UDP alone, since every packet comes by; the tunnel's own are UDP, too. */
const passedSoon: readonly Rule[] = ["meta l4proto != udp accept", `meta mark ${tunnelMark} accept`];

export function udpAnswers(home: TunnelAddress): UdpAnswers {
  const families = [
    { n: 4, ip: "ip", type: "ipv4_addr", home: home.ipv4 },
    { n: 6, ip: "ip6", type: "ipv6_addr", home: home.ipv6 },
  ] as const;
  const sender = (ip: Ip) => `${ip} saddr . udp sport . udp dport`;
  const called = (ip: Ip) => `${ip} daddr . udp dport . udp sport`;
  // By whom it goes to: nft 1.0.6 takes no key of more than 128 bits there, and for the same target the kernel chooses the
  // same address, unless that is a new one since.
  const tiedTo = (ip: Ip, side: "daddr" | "saddr") =>
    ip === "ip6" ? `ip6 ${side}` : side === "saddr" ? sender(ip) : called(ip);
  const set = (name: string, type: string, timeout: string, size: number, why?: string) =>
    meter(name, `${type} . inet_service . inet_service`, timeout, {
      size,
      ...(why === undefined ? {} : { why }),
    });
  return {
    sets: [
      ...families.flatMap(({ n, type }) => [
        set(
          `heard${n}`,
          type,
          once,
          131072,
          n === 4 ? "Who sent something through the tunnel: address and port, and the port here." : undefined,
        ),
        set(`known${n}`, type, aDay, 65535),
        set(`elsewhere${n}`, type, "10m", 65535, n === 4 ? "Who came by the home's own line." : undefined),
      ]),
      // Two for each family, since nft 0.9.8 takes no other timeout for an element of a map than the map's own.
      memory("heard_by4", "ipv4_addr . inet_service . inet_service : ipv4_addr", once, {
        why: "From which address of this machine somebody was answered who is heard, or known.",
      }),
      memory("known_by4", "ipv4_addr . inet_service . inet_service : ipv4_addr", aDay),
      memory("heard_by6", "ipv6_addr : ipv6_addr", once),
      memory("known_by6", "ipv6_addr : ipv6_addr", aDay),
    ],
    chains: [
      {
        name: "answers",
        why: "Before the tracker, to which this is then the answer to what came out of the tunnel.",
        hook: { type: "filter", hook: "output", priority: "raw", policy: "accept" },
        rules: [
          ...passedSoon,
          ...families.flatMap(({ n, ip }) => [
            `meta l4proto udp ${called(ip)} @known${n} goto answer_known${n}`,
            `meta l4proto udp ${called(ip)} @heard${n} goto answer${n}`,
          ]),
        ],
      },
      ...families.flatMap(({ n, ip, home }) => [
        {
          name: `answer_known${n}`,
          rules: [
            `${ip} saddr != ${home} update @known_by${n} { ${tiedTo(ip, "daddr")} : ${ip} saddr }`,
            `${ip} saddr set ${home}`,
          ],
        },
        {
          name: `answer${n}`,
          rules: [
            `update @heard${n} { ${called(ip)} }`,
            `${ip} saddr != ${home} update @heard_by${n} { ${tiedTo(ip, "daddr")} : ${ip} saddr }`,
            `${ip} saddr set ${home}`,
          ],
        },
      ]),
      {
        name: "to_socket",
        why: "After all translation and every other firewall.",
        hook: { type: "filter", hook: "input", priority: 110, policy: "accept" },
        rules: [
          ...passedSoon,
          `iifname "homerelay" ct mark ${forwardedMark} meta l4proto udp jump from_stranger`,
          'iifname != { "homerelay", "lo" } meta l4proto udp meta l4proto . th dport @open jump came_elsewhere',
          'iifname != { "homerelay", "lo" } meta l4proto udp meta l4proto . th dport @open_ranges jump came_elsewhere',
        ],
      },
      {
        name: "from_stranger",
        rules: [
          ...families.map(({ n, ip }) => `${sender(ip)} @elsewhere${n} accept`),
          {
            why: "Where a socket takes it. One that is tied to another address of this machine is none for this one.",
            rule: "socket transparent 0 jump note_sender",
          },
          {
            why: "A socket that is tied to the sender knows the address that it answers from.",
            rule: `ip daddr ${home.ipv4} jump to_tied4`,
          },
          `ip6 daddr ${home.ipv6} jump to_tied6`,
        ],
      },
      {
        name: "note_sender",
        rules: families.flatMap(({ n, ip }) => [
          `${sender(ip)} @heard${n} update @known${n} { ${sender(ip)} }`,
          `update @heard${n} { ${sender(ip)} }`,
        ]),
      },
      ...families.map(({ n, ip }) => ({
        name: `to_tied${n}`,
        rules: [
          `${sender(ip)} @known${n} ${ip} daddr set ${tiedTo(ip, "saddr")} map @known_by${n} accept`,
          `${sender(ip)} @heard${n} ${ip} daddr set ${tiedTo(ip, "saddr")} map @heard_by${n}`,
        ],
      })),
      {
        name: "came_elsewhere",
        why: "Who comes by the home's own line is answered there.",
        rules: families.flatMap(({ n, ip }) => [
          `delete @heard${n} { ${sender(ip)} }`,
          `delete @known${n} { ${sender(ip)} }`,
          `update @elsewhere${n} { ${sender(ip)} }`,
        ]),
      },
    ],
  };
}
