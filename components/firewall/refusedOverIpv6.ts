import { namedSet } from "../network/nft.ts";
import type { NamedSet, Rule } from "../network/nft.ts";
import { renderPortRange } from "../network/port.ts";
import { answersOverIpv6, publishedPorts } from "../network/publishedForward.ts";
import type { PublishedForward } from "../network/publishedForward.ts";

/** The published ports that lead nowhere over IPv6. */
export function refusedOverIpv6(forwards: readonly PublishedForward[]): NamedSet {
  const refused = forwards.filter((forward) => !answersOverIpv6(forward));
  const elements = (["tcp", "udp"] as const).flatMap((protocol) =>
    publishedPorts(refused, protocol).map((range) => `${protocol} . ${renderPortRange(range)}`),
  );
  return namedSet("refused_over_ipv6", "inet_proto . inet_service", elements, { flags: "interval" });
}

/** In a chain of what comes in and was forwarded to nobody. Names have both kinds of address. */
export const refuseOverIpv6: readonly Rule[] = [
  {
    why: "Who is refused tries IPv4 at once; who hears nothing waits for a minute or two.",
    rule: "meta nfproto ipv6 ct state new meta l4proto tcp meta l4proto . th dport @refused_over_ipv6 counter reject with tcp reset",
  },
  "meta nfproto ipv6 ct state new meta l4proto udp meta l4proto . th dport @refused_over_ipv6 counter reject with icmpv6 type port-unreachable",
];
