import { relayAddress } from "../network/addressPlan.ts";
import { callersOf, lansOf, peersOf, usesExit } from "../network/device.ts";
import type { Device } from "../network/device.ts";
import { renderEndpoint } from "../network/calledRelay.ts";
import type { CalledRelay } from "../network/calledRelay.ts";
import type { PeerKeys } from "../network/keys.ts";
import type { Peer } from "../network/peer.ts";
import type { TunnelPlan } from "../network/tunnelPlan.ts";
import { renderWireguardConfig } from "../network/wireguardConfig.ts";

/** All that a device has to be told. */
export interface DeviceConfig {
  readonly device: Device & { readonly dns: readonly string[] };
  /** All devices: another one may be allowed to call this one. */
  readonly devices: readonly Device[];
  readonly tunnel: TunnelPlan;
  readonly relay: CalledRelay;
  readonly keys: PeerKeys;
}

/**
 * The configuration for WireGuard's app or `wg-quick`, keys and all. It routes into the tunnel what the device may
 * reach and those who may call it, and nothing else.
 */
export function renderDeviceConfig({ device, devices, tunnel, relay, keys }: DeviceConfig): string {
  const { tunnelAddress, dns, name } = device;
  const callers = callersOf(devices, name);
  const text = renderWireguardConfig({
    addresses: hostPrefixes(tunnelAddress),
    listenPort: undefined,
    mtu: tunnel.mtu,
    dns,
    routes: "reader's",
    peers: [
      {
        name: "relay",
        publicKey: relay.publicKey,
        allowedIps: allowedIps(device, callers, tunnel),
        endpoint: renderEndpoint(relay, tunnel.listenPort),
        // A phone that nobody calls may sleep, and another one should not be woken more often than NATs need it.
        keepaliveSeconds: callers.length > 0 ? Math.max(tunnel.keepaliveSeconds, 25) : undefined,
      },
    ],
  });
  const named = new Map([
    ["private", keys.privateKey],
    ["preshared-relay", keys.presharedKey],
  ]);
  return text.replace(/ = key:(\S+)$/gm, (_, name: string) => {
    const key = named.get(name);
    if (key === undefined)
      throw new Error(`a device's configuration names a key that it does not have: ${name}`);
    return ` = ${key}`;
  });
}

function allowedIps(
  device: Device,
  callers: readonly Peer[],
  { prefix4, prefix6 }: DeviceConfig["tunnel"],
): string[] {
  if (usesExit(device)) return ["0.0.0.0/0", "::/0"];
  const peers = [...new Map([...peersOf(device), ...callers].map((peer) => [peer.name, peer])).values()];
  const wanted = [
    ...peers.flatMap(({ tunnelAddress }) => hostPrefixes(tunnelAddress)),
    ...lansOf(device).map(({ text }) => text),
  ];
  // A peer without any address would be no peer to some programs; the relay answers a ping, and nothing else.
  return wanted.length > 0 ? wanted : hostPrefixes(relayAddress(prefix4, prefix6));
}

function hostPrefixes({ ipv4, ipv6 }: Peer["tunnelAddress"]): string[] {
  return [`${ipv4}/32`, `${ipv6}/128`];
}
