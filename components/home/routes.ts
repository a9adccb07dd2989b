import type { TunnelAddress } from "../network/addressPlan.ts";
import { endsAtHome } from "../network/forward.ts";
import type { Forward } from "../network/forward.ts";
import { notInternetPrefixes4, notInternetPrefixes6 } from "../network/internet.ts";
import { forwardedMark, pairPriorities, rulePriorities, tunnelTable } from "../network/ourNumbers.ts";
import { renderPolicyRouting } from "../network/policyRouting.ts";
import type { RoutingRule } from "../network/policyRouting.ts";
import { renderPortRange } from "../network/port.ts";
import { openPorts } from "./guard.ts";
import type { AdmittedDevice } from "./deviceRules.ts";

/**
 * The home's routes and routing rules, for sync-routes.sh.
 *
 * Most rules come as a pair: first the main table without its default route, so that containers and the LAN are found,
 * then the tunnel. The two halves that a VPN puts in place of a default route are none of the LAN either. Replies are
 * recognised by their mark, by the tunnel's address, and (a UDP service that is bound to 0.0.0.0 picks a source address
 * before conntrack sees the packet) by the port that they come from. `iif lo` keeps that last one off traffic which this
 * machine only passes on. A stranger's address is on the internet, so what such a service sends elsewhere, to another
 * network of the house or into another tunnel, goes on past these rules.
 */
export function renderRoutes(home: TunnelAddress, forwards: readonly Forward[]): string {
  const fixed = families.flatMap((family) => [
    ...pair(family, pairPriorities.marked, `fwmark ${forwardedMark}`),
    ...pair(family, pairPriorities.fromTunnelAddress, `from ${home[family.address]}`),
  ]);
  const udp = openPorts(forwards.filter(endsAtHome), "udp");
  const { notInternet, end } = rulePriorities;
  const inside = families.flatMap((family) => [
    ...family.notInternet.map((prefix) => ({
      family: family.number,
      priority: notInternet,
      words: `to ${prefix} iif lo ipproto udp goto ${end}`,
    })),
    { family: family.number, priority: end, words: "nop" },
  ]);
  const byPort = udp.flatMap((range) =>
    families.flatMap((family) =>
      pair(family, pairPriorities.fromPort, `iif lo ipproto udp sport ${renderPortRange(range)}`),
    ),
  );
  return renderPolicyRouting(
    families.map(({ number }) => ({ family: number, to: "default" })),
    [...fixed, ...(udp.length > 0 ? inside : []), ...byPort],
  );
}

/** `partOfDefault`: a route with a prefix as short as that is a default route, or a part of one. */
const families = [
  { number: 4, address: "ipv4", notInternet: notInternetPrefixes4, partOfDefault: 1 },
  { number: 6, address: "ipv6", notInternet: notInternetPrefixes6, partOfDefault: 4 },
] as const;

function pair(
  { number, partOfDefault }: (typeof families)[number],
  priority: number,
  selector: string,
): RoutingRule[] {
  return [
    {
      family: number,
      priority,
      words: `${selector} lookup main suppress_prefixlength ${partOfDefault}`,
    },
    { family: number, priority: priority + 1, words: `${selector} lookup ${tunnelTable}` },
  ];
}

/**
 * The kernel settings that the home needs, for kernel-settings.sh. Marked packets must pass the reverse path filter by their mark;
 * the kernel must give no forwarded UDP port to a program of the home's own, whose packets the rules above would send
 * into the tunnel; and a home with machines behind it, or devices that go to the internet through it, has to pass
 * packets on. A home without IPv6 then says so to such a device, which would else wait.
 */
export function renderSysctls(forwards: readonly Forward[], devices: readonly AdmittedDevice[] = []): string {
  const reserved = openPorts(forwards.filter(endsAtHome), "udp").map(renderPortRange).join(",");
  const isExit = devices.some(({ exits }) => exits);
  const passesOn =
    forwards.some((forward) => !endsAtHome(forward)) || devices.some(({ lans }) => lans.length > 0);
  return [
    "net.ipv4.conf.all.src_valid_mark=1",
    ...(reserved === "" ? [] : [`net.ipv4.ip_local_reserved_ports+=${reserved}`]),
    ...(passesOn || isExit ? ["net.ipv4.ip_forward=1"] : []),
    ...(isExit ? ["net.ipv6.conf.all.forwarding=1"] : []),
    "",
  ].join("\n");
}
