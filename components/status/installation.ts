import { installedScript, installedUnit } from "../network/installation.ts";
import type { Installation } from "../network/installation.ts";

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
