import { metricsPort } from "../network/ourNumbers.ts";
import { withDefault } from "./fields.ts";
import { peerNames } from "./peerNames.ts";

/** A field of every relay, whoever its provider is. */
export const metricsPeers = withDefault(peerNames, {
  default: [],
  means: `Who may read the relay's metrics, for Prometheus, through the tunnel, at port ${metricsPort} of the relay's address there. Nobody may from outside.`,
  example: ["nas"],
});
