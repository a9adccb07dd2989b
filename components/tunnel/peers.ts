import { lansOf, offeredLans, usesExit } from "../network/device.ts";
import type { Device, Peer } from "../network/device.ts";
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

/** The routing table of what devices reach beyond the tunnel's own addresses. */
export const deviceTable = 51820;

/**
 * The relay's routes and rules for what devices reach behind homes, one a line: `4 route PREFIX` lies in a table of
 * its own and leads into the tunnel, `4 rule …` is as `ip -4 rule add` takes it. Only devices look into the table, so
 * the relay's own traffic and the replies to strangers go where they went. Empty where nobody reaches that far.
 */
export function renderDeviceRoutes(
  devices: readonly Device[],
  { prefix4, prefix6 }: { readonly prefix4: Prefix; readonly prefix6: Prefix },
): string {
  const exiting = devices.filter((device) => usesExit(device));
  const beyond4 = devices.filter((device) => usesExit(device) || lansOf(device).length > 0);
  const toExit = exiting.length > 0 ? ["default"] : [];
  const rule = (address: string) => `rule priority 5186 from ${address} lookup ${deviceTable}`;
  const four = [
    ...[prefix4, ...offeredLans(devices)]
      .map(routeTarget)
      .concat(toExit)
      .map((target) => `route ${target}`),
    ...beyond4.map(({ tunnelAddress }) => rule(tunnelAddress.ipv4)),
  ];
  const six = [
    ...[prefix6]
      .map(routeTarget)
      .concat(toExit)
      .map((target) => `route ${target}`),
    ...exiting.map(({ tunnelAddress }) => rule(tunnelAddress.ipv6)),
  ];
  return [
    ...(beyond4.length > 0 ? four.map((line) => `4 ${line}\n`) : []),
    ...(exiting.length > 0 ? six.map((line) => `6 ${line}\n`) : []),
  ].join("");
}

function ownAddresses({ tunnelAddress }: Pick<Peer, "tunnelAddress">): string[] {
  return [`${tunnelAddress.ipv4}/32`, `${tunnelAddress.ipv6}/128`];
}

/** As `ip route show` writes it, which leaves out the length of a single address. */
function routeTarget({ address, length, text }: Prefix): string {
  return length === 32 ? address : text;
}
