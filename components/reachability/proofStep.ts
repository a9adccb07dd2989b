import { relayAddress } from "../network/addressPlan.ts";
import type { HomeStep } from "../network/homeStep.ts";
import type { TunnelPlan } from "../network/tunnelPlan.ts";
import { listProbes, renderProbes } from "./probes.ts";

/**
 * The proof that a stranger gets through: from the home, whose own traffic takes the ordinary way out through its NATs,
 * every forward is tried at the relay's public addresses. It is given again for another relay and for another tunnel.
 */
export const proofStep: HomeStep = {
  name: "proof",
  script: "prove-forwards.sh",
  arguments: ({ tunnel }) => [relayAddress(tunnel.prefix4, tunnel.prefix6).ipv4],
  document: {
    of: "relay",
    render: ({ forwards, ipv6 }, { ipv4Address, ipv6Address }) =>
      renderProbes({ ipv4: ipv4Address, ipv6: ipv6 ? ipv6Address : undefined }, listProbes(forwards)),
  },
  needs: "all before",
  followsRelay: true,
  follows: ({ tunnel }) => [renderTunnel(tunnel)],
};

function renderTunnel({ listenPort, mtu, prefix4, prefix6, keyGeneration }: TunnelPlan): string {
  return `port ${listenPort}, MTU ${mtu}, ${prefix4.text}, ${prefix6.text}, keys ${keyGeneration}`;
}
