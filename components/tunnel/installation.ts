import { installedDropIn, installedMend, installedScript } from "../network/installation.ts";
import type { Installation } from "../network/installation.ts";

/** WireGuard at either end. */
export const tunnelInstallation: Installation = {
  files: [
    installedScript("tunnel/families.sh"),
    installedScript("tunnel/key-change.sh"),
    installedScript("tunnel/set-address6.sh"),
    installedScript("tunnel/sync-interface.sh"),
    installedScript("tunnel/sync-routes.sh"),
    installedMend("tunnel/mend-interface.sh", "30"),
    installedMend("tunnel/mend-peers.sh", "40"),
    installedMend("tunnel/mend-routes.sh", "50"),
    installedDropIn("tunnel/wg-quick-homerelay.conf", "wg-quick@homerelay.service", "homerelay.conf"),
  ],
  packages: [{ command: "wg-quick", name: "wireguard-tools" }],
  folders: [],
};

/** The relay's end of the tunnel. */
export const relayTunnelInstallation: Installation = {
  files: [
    installedScript("tunnel/apply-tunnel.sh"),
    installedScript("tunnel/change-keys.sh"),
    installedScript("tunnel/remember-endpoints.sh"),
    installedMend("tunnel/mend-homes.sh", "60"),
    installedDropIn("tunnel/wg-quick-relay.conf", "wg-quick@homerelay.service", "homerelay-relay.conf"),
  ],
  packages: [],
  folders: [],
};
