import type { TunnelAddress } from "../network/addressPlan.ts";
import type { Forward } from "../network/forward.ts";
import { renderPortRange } from "../network/port.ts";
import { openPorts } from "./guard.ts";
import type { Guest } from "./guests.ts";
import { forwardedMark } from "./marks.ts";

/** The routing table that holds the way through the tunnel; only marked traffic looks into it. */
export const tunnelTable = 51820;

/**
 * The home's routing rules, one a line as `ip -4 rule add` and `ip -6 rule add` take them after the family.
 *
 * Each comes as a pair: first the main table without its default route, so that containers and the LAN are found,
 * then the tunnel. Replies are recognised by their mark, by the tunnel's address, and (a UDP service that is bound to
 * 0.0.0.0 picks a source address before conntrack sees the packet) by the port that they come from. `iif lo` keeps
 * that last one off traffic which this machine only passes on.
 */
export function renderRules(home: TunnelAddress, forwards: readonly Forward[]): string {
  const mark = `fwmark ${forwardedMark}`;
  const fixed = [
    ["4", 5180, mark],
    ["6", 5180, mark],
    ["4", 5182, `from ${home.ipv4}`],
    ["6", 5182, `from ${home.ipv6}`],
  ] as const;
  const udp = openPorts(ownForwards(forwards), "udp").flatMap((range) =>
    (["4", "6"] as const).map(
      (family) => [family, 5184, `iif lo ipproto udp sport ${renderPortRange(range)}`] as const,
    ),
  );
  return [...fixed, ...udp]
    .flatMap(([family, priority, selector]) => [
      `${family} priority ${priority} ${selector} lookup main suppress_prefixlength 0`,
      `${family} priority ${priority + 1} ${selector} lookup ${tunnelTable}`,
    ])
    .map((line) => `${line}\n`)
    .join("");
}

/**
 * The kernel settings that the home needs, for sysctl.d. Marked packets must pass the reverse path filter by their mark;
 * the kernel must give no forwarded UDP port to a program of the home's own, whose packets the rules above would send
 * into the tunnel; and a home with machines behind it, or devices that go to the internet through it, has to pass
 * packets on. A home without IPv6 then says so to such a device, which would else wait.
 */
export function renderSysctls(forwards: readonly Forward[], guests: readonly Guest[] = []): string {
  const reserved = openPorts(ownForwards(forwards), "udp").map(renderPortRange).join(",");
  const isExit = guests.some(({ exits }) => exits);
  const passesOn = forwards.some(({ to }) => to !== undefined) || guests.some(({ lans }) => lans.length > 0);
  return [
    "net.ipv4.conf.all.src_valid_mark=1",
    ...(reserved === "" ? [] : [`net.ipv4.ip_local_reserved_ports=${reserved}`]),
    ...(passesOn || isExit ? ["net.ipv4.ip_forward=1"] : []),
    ...(isExit ? ["net.ipv6.conf.all.forwarding=1"] : []),
    "",
  ].join("\n");
}

/** Those that end on this machine, its containers included. */
function ownForwards(forwards: readonly Forward[]): Forward[] {
  return forwards.filter(({ to }) => to === undefined);
}
