import { renderDocument } from "../network/document.ts";
import { relayAddress } from "../network/addressPlan.ts";
import { renderEndpoint } from "../network/calledRelay.ts";
import type { CalledRelay } from "../network/calledRelay.ts";
import type { HomePlan } from "../network/homePlan.ts";
import type { PeerKeys } from "../network/keys.ts";
import { renderWireguardConfig } from "../network/wireguardConfig.ts";
import { tunnelMark } from "../network/ourNumbers.ts";
import { includePassing } from "../network/othersPassing.ts";
import { passesOn, renderGuard } from "./guard.ts";
import { admittedDevices } from "./deviceRules.ts";
import { loadRelayAddresses, renderRelayAddresses } from "./ownCalls.ts";
import { renderRoutes } from "./routes.ts";
import { renderSysctls } from "./sysctls.ts";

/** For `apply-guard.sh`. No unknown piece is in it, so a preview shows its lines even before there is a stack. */
export function renderGuardDocument({ name, tunnelAddress, tunnel, forwards, devices }: HomePlan): string {
  const relay = relayAddress(tunnel.prefix4, tunnel.prefix6);
  const admitted = admittedDevices(name, devices);
  return renderDocument([
    {
      name: "guard",
      text:
        renderGuard({ home: tunnelAddress, relay, forwards, devices: admitted }) +
        loadRelayAddresses +
        (passesOn(forwards, admitted) ? includePassing : ""),
    },
    { name: "routes", text: renderRoutes(tunnelAddress, forwards) },
    { name: "sysctls", text: renderSysctls(forwards, admitted) },
  ]);
}

/** For `store-keys.sh`; the one document with secrets. With the relay's key the home waits for a change of it. */
export function renderKeyDocument(
  { privateKey, presharedKey }: PeerKeys,
  { tunnel }: HomePlan,
  relayPublicKey: string,
): string {
  const relay = relayAddress(tunnel.prefix4, tunnel.prefix6);
  return renderDocument([
    { name: "private", mode: "0600", text: privateKey },
    { name: "preshared-relay", mode: "0600", text: presharedKey },
    { name: "relay", mode: "0600", text: `${relayPublicKey} ${relay.ipv4}` },
  ]);
}

/** For `join-relay.sh`. */
export function renderTunnelDocument(plan: HomePlan, relay: CalledRelay): string {
  return renderDocument([
    { name: "interface", text: renderInterface(plan, relay) },
    { name: "relay.nft", text: renderRelayAddresses(relay) },
  ]);
}

function renderInterface({ tunnel, tunnelAddress, ipv6 }: HomePlan, relay: CalledRelay): string {
  return renderWireguardConfig({
    addresses: [
      `${tunnelAddress.ipv4}/${tunnel.prefix4.length}`,
      ...(ipv6 ? [`${tunnelAddress.ipv6}/${tunnel.prefix6.length}`] : []),
    ],
    listenPort: undefined,
    mtu: tunnel.mtu,
    mark: tunnelMark,
    peers: [
      {
        name: "relay",
        publicKey: relay.publicKey,
        allowedIps: ["0.0.0.0/0", "::/0"],
        endpoint: renderEndpoint(relay, tunnel.listenPort),
        keepaliveSeconds: tunnel.keepaliveSeconds,
      },
    ],
  });
}
