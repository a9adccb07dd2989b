import { lansOf, offeredLans, usesExit } from "../network/device.ts";
import type { Device } from "../network/device.ts";
import { rulePriorities, tunnelTable } from "../network/ourNumbers.ts";
import type { Peer } from "../network/peer.ts";
import { renderPolicyRouting } from "../network/policyRouting.ts";
import type { Family, RoutingRule, TunnelRoute } from "../network/policyRouting.ts";
import type { Prefix } from "../network/prefix.ts";

/** An end of the tunnel as the relay's WireGuard knows it. */
export interface TunnelPeer extends Peer {
  /** What it may send from, and what is sent to it. */
  readonly allowedIps: readonly string[];
  /** Comes and goes, and may sleep: nobody keeps it awake, and nothing remembers where it was. */
  readonly isDevice: boolean;
}

/** Homes, with what lies behind them for devices, then devices. */
export function tunnelPeers(homes: readonly Peer[], devices: readonly Device[]): TunnelPeer[] {
  return [
    ...homes.map(({ name, tunnelAddress }) => ({
      name,
      tunnelAddress,
      allowedIps: [
        ...ownAddresses({ tunnelAddress }),
        ...offeredLans(devices, name).map(({ text }) => text),
        ...(devices.some((device) => usesExit(device, name)) ? ["0.0.0.0/0", "::/0"] : []),
      ],
      isDevice: false,
    })),
    ...devices.map(({ name, tunnelAddress }) => ({
      name,
      tunnelAddress,
      allowedIps: ownAddresses({ tunnelAddress }),
      isDevice: true,
    })),
  ];
}

/**
 * The relay's routes and rules for what devices reach behind homes, for sync-routes.sh. Only devices look into the
 * table, so the relay's own traffic and the replies to strangers go where they went. Empty where nobody reaches that far.
 */
export function renderDeviceRoutes(
  devices: readonly Device[],
  { prefix4, prefix6 }: { readonly prefix4: Prefix; readonly prefix6: Prefix },
): string {
  const exiting = devices.filter((device) => usesExit(device));
  const beyond4 = devices.filter((device) => usesExit(device) || lansOf(device).length > 0);
  if (beyond4.length === 0) return "";
  const toExit = exiting.length > 0 ? ["default"] : [];
  const targets4 = [...[prefix4, ...offeredLans(devices)].map(routeTarget), ...toExit];
  const targets6 = exiting.length > 0 ? [routeTarget(prefix6), ...toExit] : [];
  return renderPolicyRouting(
    [
      ...targets4.map((to): TunnelRoute => ({ family: 4, to })),
      ...targets6.map((to): TunnelRoute => ({ family: 6, to })),
    ],
    [
      ...beyond4.map(({ tunnelAddress }) => fromDevice(4, tunnelAddress.ipv4)),
      ...exiting.map(({ tunnelAddress }) => fromDevice(6, tunnelAddress.ipv6)),
    ],
  );
}

/**
 * The homes, for remember-endpoints.sh: `PUBLIC-KEY SECONDS` a line, SECONDS from one keepalive of the relay's to the
 * next: as many as of the home's own, since the same NAT must not forget them.
 */
export function renderHomes(homes: readonly ListedHome[], keepaliveSeconds: number): string {
  return homes
    .map(({ publicKey, isReached }) => `${publicKey} ${keepaliveSeconds}${isReached ? "" : " by-hand"}\n`)
    .join("");
}

export interface ListedHome {
  readonly publicKey: string;
  /** Whether this program sets it up: what its owner has set there may be another keepalive. */
  readonly isReached: boolean;
}

function fromDevice(family: Family, address: string): RoutingRule {
  return { family, position: rulePriorities.fromDevice, words: `from ${address} lookup ${tunnelTable}` };
}

function ownAddresses({ tunnelAddress }: Pick<Peer, "tunnelAddress">): string[] {
  return [`${tunnelAddress.ipv4}/32`, `${tunnelAddress.ipv6}/128`];
}

/** As `ip route show` writes it, which leaves out the length of a single address. */
function routeTarget({ address, length, text }: Prefix): string {
  return length === 32 ? address : text;
}
