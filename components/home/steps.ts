import { relayAddress } from "../network/addressPlan.ts";
import type { HomeStep } from "../network/homeStep.ts";
import { renderGuardDocument, renderKeyDocument, renderTunnelDocument } from "./documents.ts";

/** What sets a home up, in this order; its proof comes after. Nothing comes through the tunnel before the guard. */
export const homeSteps: readonly HomeStep[] = [
  {
    name: "guard",
    script: "apply-guard.sh",
    arguments: () => [],
    document: { of: "plan", render: renderGuardDocument },
    needs: [],
    followsRelay: false,
  },
  {
    name: "keys",
    script: "store-keys.sh",
    arguments: () => [],
    document: { of: "keys", render: renderKeyDocument },
    needs: [],
    followsRelay: false,
  },
  {
    name: "tunnel",
    script: "join-relay.sh",
    arguments: ({ tunnel }) => [relayAddress(tunnel.prefix4, tunnel.prefix6).ipv4],
    document: { of: "relay", render: renderTunnelDocument },
    needs: ["guard", "keys", "relay"],
    followsRelay: true,
  },
];
