import { installedScript } from "../network/installation.ts";
import type { Installation } from "../network/installation.ts";

/** The proof runs at home. */
export const reachabilityInstallation: Installation = {
  files: [
    installedScript("reachability/prove-forwards.sh"),
    installedScript("reachability/knock-table.sh"),
    installedScript("reachability/verdicts.sh"),
    installedScript("reachability/lost-knocks.sh"),
    installedScript("reachability/proof-report.sh"),
    installedScript("reachability/send-knocks.sh"),
  ],
  packages: [],
  folders: [],
};
