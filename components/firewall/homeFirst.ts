import { arrivalPorts, endsAtHome } from "../network/forward.ts";
import { internet6, notInternet4 } from "../network/internet.ts";
import { namedMap, namedSet } from "../network/nft.ts";
import type { Chain, NamedSet, Rule } from "../network/nft.ts";
import { mergeRanges, pairPorts, renderPortRange } from "../network/port.ts";
import type { PublishedForward } from "../network/publishedForward.ts";
import type { Family } from "./publishedElements.ts";

/** Parts of the relay's ruleset, named after the chain that they belong to; nothing is left of them without such a forward. */
export interface HomeFirstRules {
  readonly sets: readonly NamedSet[];
  /** For UDP packets that are passed on, of whatever state. */
  readonly udp: readonly Rule[];
  readonly postrouting: readonly Rule[];
  readonly chains: readonly Chain[];
}

/**
 * How a UDP service at home reaches a stranger of whom the relay knows nothing, or nothing any more: SIP, a game and
 * WireGuard send first as well. What such a service sends to the internet, from a port at which a forward arrives, leaves
 * as if the relay had sent it from the published port, where the stranger's answer arrives by the same forward.
 *
 * Each packet is judged, not only the first: when a forward is removed or leads elsewhere, these flows end too. Left out
 * are forwards that are open to some only (`from`), since whom a service may call is not said there; those that hide the
 * caller, whose services know no stranger; and those to other machines in the LAN, which have a way of their own.
 */
export function homeFirstRules(all: readonly PublishedForward[]): HomeFirstRules {
  const forwards = all.filter(
    ({ forward }) =>
      forward.protocols.includes("udp") &&
      endsAtHome(forward) &&
      forward.from.length === 0 &&
      forward.clientIp === "preserve",
  );
  const out = 'iifname "homerelay" oifname != "homerelay"';
  const answer = 'iifname != "homerelay" oifname "homerelay" meta l4proto udp ct direction reply';
  const over = 'counter drop comment "not from a forwarded port"';
  return {
    sets: [
      namedSet("home_first4", "ipv4_addr . inet_service", arrivals(forwards, "ipv4"), { flags: "interval" }),
      namedSet("home_first6", "ipv6_addr . inet_service", arrivals(forwards, "ipv6"), { flags: "interval" }),
      namedMap("home_first_as4", "ipv4_addr . inet_service : inet_service", changed(forwards, "ipv4")),
      namedMap("home_first_as6", "ipv6_addr . inet_service : inet_service", changed(forwards, "ipv6")),
    ],
    udp:
      forwards.length === 0
        ? []
        : [
            {
              why: "A service at home may be the first to send, and a stranger may then answer.",
              rule: `${out} ct direction original jump home_first`,
            },
            `${answer} meta nfproto ipv4 ct original ip saddr . ct original proto-src != @home_first4 ${over}`,
            `${answer} meta nfproto ipv6 ct original ip6 saddr . ct original proto-src != @home_first6 ${over}`,
          ],
    chains: [
      {
        name: "home_first",
        why: "Only from ports at which forwards arrive, and only to the internet.",
        rules: [
          `ip saddr . udp sport @home_first4 ip daddr != ${notInternet4} goto home_first_known`,
          `ip6 saddr . udp sport @home_first6 ip6 daddr ${internet6} goto home_first_known`,
          over,
        ],
      },
      { name: "home_first_known", rules: ["ct state vmap { established : accept, new : goto admit }"] },
    ],
    postrouting: [
      {
        why: "Where several published ports lead to one port at home, the lowest.",
        rule: `meta l4proto udp ${out} masquerade to :ip saddr . udp sport map @home_first_as4`,
      },
      `meta l4proto udp ${out} masquerade to :ip6 saddr . udp sport map @home_first_as6`,
      ...(forwards.length === 0 ? [] : [`meta l4proto udp ${out} masquerade to :udp sport`]),
    ],
  };
}

/** `home . port` where forwards arrive. */
function arrivals(forwards: readonly PublishedForward[], family: Family): string[] {
  const homes = Map.groupBy(forwards, ({ address }) => address[family]);
  return [...homes]
    .sort(([a], [b]) => a.localeCompare(b))
    .flatMap(([home, ofHome]) =>
      mergeRanges(ofHome.map(({ forward }) => arrivalPorts(forward))).map(
        (range) => `${home} . ${renderPortRange(range)}`,
      ),
    );
}

/** `home . port : published`, where these are different ports. */
function changed(forwards: readonly PublishedForward[], family: Family): string[] {
  const lowest = new Map<string, { readonly arrival: number; readonly published: number }>();
  for (const { forward, address } of forwards.toSorted(
    (a, b) => a.forward.published.first - b.forward.published.first,
  )) {
    for (const [published, arrival] of pairPorts(forward.published, arrivalPorts(forward))) {
      const key = `${address[family]} . ${arrival}`;
      if (!lowest.has(key)) lowest.set(key, { arrival, published });
    }
  }
  return [...lowest]
    .filter(([, { arrival, published }]) => arrival !== published)
    .sort(([, a], [, b]) => a.published - b.published)
    .map(([key, { published }]) => `${key} : ${published}`);
}
