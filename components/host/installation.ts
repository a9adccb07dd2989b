import { installedMend, installedScript, installedUnit } from "../network/installation.ts";
import type { Installation } from "../network/installation.ts";

/** What every step stands on. */
export const hostInstallation: Installation = {
  files: [
    installedScript("host/paths.sh"),
    installedScript("host/messages.sh"),
    installedScript("host/lock.sh"),
    installedScript("host/files.sh"),
    installedScript("host/kernel-settings.sh"),
    installedScript("host/note-passing.sh"),
    installedScript("host/port-holder.sh"),
    installedScript("host/mend-host.sh"),
    installedMend("host/mend-settings.sh", "20"),
    installedUnit("host/homerelay-sysctl.service"),
    installedUnit("host/homerelay-mend.service"),
    installedUnit("host/homerelay-mend.timer"),
    installedScript("host/begin-step.sh"),
    installedScript("host/store-keys.sh"),
    installedScript("host/remove-leftovers.sh"),
  ],
  packages: [],
  folders: [],
};
