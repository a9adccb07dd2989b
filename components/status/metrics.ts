import type { TunnelAddress } from "../network/addressPlan.ts";
import type { Forward } from "../network/forward.ts";
import { metricsPort } from "../network/ourNumbers.ts";

interface Named {
  readonly name: string;
  readonly tunnelAddress: TunnelAddress;
}

/**
 * For print-metrics.sh, which knows peers by their addresses and forwards by their ports: `peer ADDRESS NAME home|device`
 * and `forward PROTOCOL FIRST LAST HOME` a line.
 */
export function renderMetricNames(
  homes: readonly (Named & { readonly forwards: readonly Forward[] })[],
  devices: readonly Named[],
): string {
  const lines = [
    ...homes.map(({ name, tunnelAddress }) => `peer ${tunnelAddress.ipv4} ${name} home`),
    ...devices.map(({ name, tunnelAddress }) => `peer ${tunnelAddress.ipv4} ${name} device`),
    ...homes.flatMap(({ name, forwards }) =>
      forwards.flatMap(({ published, protocols }) =>
        protocols.map((protocol) => `forward ${protocol} ${published.first} ${published.last} ${name}`),
      ),
    ),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** The socket at which the metrics are read. Nothing of ours runs until somebody reads them. */
export function renderMetricsSocket({ ipv4 }: TunnelAddress): string {
  return `[Unit]
Description=home-relay: metrics for Prometheus

[Socket]
ListenStream=${ipv4}:${metricsPort}
# The tunnel may come later, or anew.
FreeBind=yes
Accept=yes
Backlog=16
MaxConnections=4
MaxConnectionsPerSource=2
# The rules let in few readers a second; it must not give up for good.
TriggerLimitIntervalSec=0
# That somebody reads is worth no line.
LogLevelMax=err

[Install]
WantedBy=sockets.target
`;
}
