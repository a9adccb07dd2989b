import { relayAddress } from "../network/addressPlan.ts";
import { installedMend, installedScript, installedUnit } from "../network/installation.ts";
import type { Installation } from "../network/installation.ts";
import type { TunnelPlan } from "../network/tunnelPlan.ts";
import { renderMetricsSocket } from "./metrics.ts";

/** What any host tells of itself. */
export const statusInstallation: Installation = {
  files: [installedScript("status/read-status.sh")],
  packages: [],
  folders: [],
};

/** What a relay remembers of its traffic. */
export const relayStatusInstallation: Installation = {
  files: [
    installedScript("status/remember-traffic.sh"),
    installedUnit("status/homerelay-traffic.service"),
    installedUnit("status/homerelay-traffic.timer"),
  ],
  packages: [],
  folders: [],
};

/** A relay whose metrics somebody may read. */
export function metricsInstallation({ prefix4, prefix6 }: TunnelPlan): Installation {
  return {
    files: [
      installedScript("status/print-metrics.sh"),
      installedMend("status/mend-metrics.sh", "80"),
      installedUnit("status/homerelay-metrics@.service"),
      {
        path: "/etc/systemd/system/homerelay-metrics.socket",
        mode: "0644",
        text: renderMetricsSocket(relayAddress(prefix4, prefix6)),
      },
    ],
    packages: [],
    folders: [],
  };
}
