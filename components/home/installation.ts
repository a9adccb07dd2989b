import { installedMend, installedScript, installedUnit } from "../network/installation.ts";
import type { Installation } from "../network/installation.ts";

/** The home's end of the tunnel. */
export const homeInstallation: Installation = {
  files: [
    installedScript("home/apply-guard.sh"),
    installedScript("home/join-relay.sh"),
    installedScript("home/name-neighbours.sh"),
    installedMend("home/mend-handshake.sh", "60"),
    installedScript("tunnel/await-new-keys.sh"),
    installedUnit("tunnel/homerelay-new-keys.service"),
  ],
  // A home proves its tunnel with it, and a minimised Ubuntu has none.
  packages: [{ command: "ping", name: "iputils-ping" }],
  folders: [],
};
