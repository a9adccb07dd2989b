import { relayAddress } from "../network/addressPlan.ts";
import type { Device } from "../network/device.ts";
import { renderDocument } from "../network/document.ts";
import type { TunnelPlan } from "../network/tunnelPlan.ts";
import { renderWireguardConfig } from "../network/wireguardConfig.ts";
import { renderDeviceRoutes, renderHomes } from "./peers.ts";
import type { TunnelPeer } from "./peers.ts";

/** For `store-keys.sh`: the relay's private key, and what it shares with each peer alone. Secret. */
export function renderKeyDocument(
  privateKey: string,
  peers: readonly { readonly name: string; readonly presharedKey: string }[],
): string {
  return renderDocument([
    { name: "private", mode: "0600", text: privateKey },
    ...peers.map(({ name, presharedKey }) => ({
      name: `preshared-${name}`,
      mode: "0600",
      text: presharedKey,
    })),
  ]);
}

/** A peer, and the public key by which the relay's WireGuard knows it. */
type KnownPeer = TunnelPeer & { readonly publicKey: string };

/**
 * For `apply-tunnel.sh`. `devices`: those among the peers, for what lies behind homes. `reached`: the homes that this
 * program sets up, by name; these change their keys together with the relay.
 */
export function renderTunnelDocument(
  plan: TunnelPlan,
  peers: readonly KnownPeer[],
  devices: readonly Device[],
  reached: readonly string[],
): string {
  const routes = renderDeviceRoutes(devices, plan);
  const homes = peers
    .filter(({ isDevice }) => !isDevice)
    .map(({ publicKey, name }) => ({ publicKey, isReached: reached.includes(name) }));
  return renderDocument([
    { name: "interface", text: renderInterface(plan, peers) },
    { name: "homes", text: renderHomes(homes, plan.keepaliveSeconds) },
    { name: "names", text: renderNames(peers, reached) },
    ...(routes === "" ? [] : [{ name: "routes", text: routes }]),
  ]);
}

/** For change-keys.sh: `PUBLIC-KEY reached|by-hand NAME` a line. */
function renderNames(peers: readonly KnownPeer[], reached: readonly string[]): string {
  return peers
    .map(({ publicKey, name }) => `${publicKey} ${reached.includes(name) ? "reached" : "by-hand"} ${name}\n`)
    .join("");
}

function renderInterface(
  { listenPort, mtu, prefix4, prefix6 }: TunnelPlan,
  peers: readonly KnownPeer[],
): string {
  const relay = relayAddress(prefix4, prefix6);
  return renderWireguardConfig({
    addresses: [`${relay.ipv4}/${prefix4.length}`, `${relay.ipv6}/${prefix6.length}`],
    listenPort,
    mtu,
    peers: peers.map(({ name, allowedIps, isDevice, publicKey }) => ({
      name,
      ...(isDevice ? { remark: "a device" } : {}),
      publicKey,
      allowedIps,
      endpoint: undefined,
      keepaliveSeconds: undefined,
    })),
  });
}
