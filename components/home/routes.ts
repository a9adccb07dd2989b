import type { TunnelAddress } from "../network/addressPlan.ts";
import { internet6 } from "../network/internet.ts";
import { endsAtHome } from "../network/forward.ts";
import type { Forward } from "../network/forward.ts";
import { forwardedMark, lookupMark, rulePriorities, tunnelMark, tunnelTable } from "../network/ourNumbers.ts";
import { renderPolicyRouting } from "../network/policyRouting.ts";
import type { RoutingRule } from "../network/policyRouting.ts";
import { bridgeGaps, renderPortRange } from "../network/port.ts";
import { openPorts } from "./guard.ts";

/**
 * The home's routes and routing rules, for sync-routes.sh. Packets are told by their marks (see guard.ts):
 *
 * - what WireGuard itself sends takes the line, and no VPN of the home's own;
 * - what came out of the tunnel goes to a container or into the LAN where the main table knows the way; the answers to
 *   it go into the tunnel, whoever the caller is, also one who is found in the LAN;
 * - a lookup of the guard's finds what is beside this home there, and all else in the tunnel;
 * - what has the home's address in the tunnel as its sender goes to containers and into the LAN, or into the tunnel.
 *
 * They come before the rules of everybody else, also of a VPN that starts later. A rule that is added without a priority
 * comes before the second one of the list; where that one has priority 0, as ours have, it comes behind them. But then
 * the later one of two no longer comes first, on which wg-quick counts: it sends everything into the VPN, and then makes
 * an exception for what the main table knows better. The shield makes that exception for it.
 *
 * A socket that is bound to no address asks for a way before a packet of it can have a mark. With IPv6 there may be none
 * at a home, so there is one of last resort from forwarded ports.
 *
 * Where a default route of the main table says that there is none (`unreachable default`), a search ends with it, and
 * the kernel passes over no such route. While that is so, the tunnel's table is asked first for what is on the internet:
 * by such a socket only if no VPN of the home's knows a way.
 */
export function renderRoutes(home: TunnelAddress, forwards: readonly Forward[]): string {
  const services = bridgeGaps(openPorts(forwards.filter(endsAtHome), "udp"), mostPortRules).map(
    (range) => `iif lo ipproto 17 sport ${renderPortRange(range)}`,
  );
  const first = families.flatMap((family) => {
    const at = (position: RoutingRule["position"], words: string): RoutingRule => ({
      family: family.number,
      position,
      words,
    });
    const found = withoutDefault(family);
    const elsewhere = `lookup ${tunnelTable}`;
    const known = (selector: string) => [
      ...atOnce(family, "refused", selector),
      at("first", `${selector} ${found}`),
      at(family.mayBeRefused ? "allowed" : "first", `${selector} ${elsewhere}`),
    ];
    return [
      at("first", `fwmark ${tunnelMark} lookup main`),
      at("first", `fwmark ${forwardedMark} iif homerelay ${found}`),
      at("first", `fwmark ${forwardedMark} ${elsewhere}`),
      ...known(`fwmark ${lookupMark}`),
      ...known(`from ${home[family.address]}`),
      ...services.flatMap((selector) => atOnce(family, "lost", selector)),
      shield(family),
    ];
  });
  const lastResort = services.map((selector): RoutingRule => ({
    family: 6,
    position: rulePriorities.lastResort,
    words: `${selector} lookup ${tunnelTable}`,
  }));
  return renderPolicyRouting(
    families.map(({ number }) => ({ family: number, to: "default" })),
    [...first, ...lastResort],
  );
}

/** Every packet that finds no way asks them all. With more scattered ports than that, those between are asked for as well. */
const mostPortRules = 32;

/** `partOfDefault`: a route with a prefix as short as that is a default route, or a part of one. */
const families = [
  { number: 4, address: "ipv4", partOfDefault: 1, mayBeRefused: false },
  { number: 6, address: "ipv6", partOfDefault: 4, mayBeRefused: true },
] as const;

type RoutedFamily = (typeof families)[number];

/** Into the tunnel with what is on the internet; in the order in which the kernel shows a rule's words. */
function atOnce(
  { number, mayBeRefused }: RoutedFamily,
  position: RoutingRule["position"],
  selector: string,
): RoutingRule[] {
  if (!mayBeRefused) return [];
  const [, from = "", rest = ""] = /^(from \S+)?(.*)$/.exec(selector) ?? [];
  const words = [from, `to ${internet6}`, rest, `lookup ${tunnelTable}`].filter((part) => part !== "");
  return [{ family: number, position, words: words.join(" ") }];
}

/** What the main table knows, but for default routes. */
function withoutDefault({ partOfDefault }: RoutedFamily): string {
  return `lookup main suppress_prefixlength ${partOfDefault}`;
}

/**
 * Told from the others by its number alone: to some kernels a rule that asks for less is the same as one that asks for
 * more, and wg-quick deletes each one with number 0.
 */
function shield({ number, partOfDefault }: RoutedFamily): RoutingRule {
  return {
    family: number,
    position: "shield",
    words: `lookup main suppress_prefixlength ${partOfDefault + 1}`,
  };
}
