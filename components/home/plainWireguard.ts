import { relayAddress } from "../network/addressPlan.ts";
import { renderForward } from "../network/forward.ts";
import { renderEndpoint } from "../network/calledRelay.ts";
import type { CalledRelay } from "../network/calledRelay.ts";
import type { HomePlan } from "../network/homePlan.ts";
import type { PeerKeys } from "../network/keys.ts";

/**
 * A home's end of the tunnel in the plain words that every WireGuard reads, for a router or a system on which our
 * scripts do not run. It takes packets from the relay alone: the rest would need rules that such a file cannot give.
 */
export function renderPlainWireguard(plan: HomePlan, keys: PeerKeys, relay: CalledRelay): string {
  const { tunnelAddress, tunnel, forwards, ipv6 } = plan;
  const other = relayAddress(tunnel.prefix4, tunnel.prefix6);
  const lost = forwards.filter(({ clientIp }) => clientIp !== "masquerade");
  return [
    "# This end of the tunnel alone, for what is no Debian. What it lacks of the script:",
    "# - The guard: a relay in the wrong hands reaches every service that listens on this machine. Firewall it.",
    "# - Policy routing: answers to strangers would leave by your router and be lost. So a forward works only with",
    "#   clientIp: masquerade, where the service sees the relay as its client; and only to this machine itself.",
    ...(lost.length === 0
      ? []
      : [
          "#   Without it are now, and do not work:",
          ...lost.map((forward) => `#     ${renderForward(forward)}`),
        ]),
    "[Interface]",
    `Address = ${tunnelAddress.ipv4}/32${ipv6 ? `, ${tunnelAddress.ipv6}/128` : ""}`,
    `PrivateKey = ${keys.privateKey}`,
    `MTU = ${tunnel.mtu}`,
    "",
    "# relay",
    "[Peer]",
    `PublicKey = ${relay.publicKey}`,
    `PresharedKey = ${keys.presharedKey}`,
    `AllowedIPs = ${other.ipv4}/32${ipv6 ? `, ${other.ipv6}/128` : ""}`,
    `Endpoint = ${renderEndpoint(relay, tunnel.listenPort)}`,
    `PersistentKeepalive = ${tunnel.keepaliveSeconds}`,
    "",
  ].join("\n");
}
