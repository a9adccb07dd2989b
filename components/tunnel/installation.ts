import { installedDropIn, installedScript, installedUnit } from "../network/installation.ts";
import type { Installation } from "../network/installation.ts";

/** WireGuard at either end. */
export const tunnelInstallation: Installation = {
  files: [
    installedScript("tunnel/families.sh"),
    installedScript("tunnel/key-change.sh"),
    installedScript("tunnel/set-address6.sh"),
    installedScript("tunnel/sync-interface.sh"),
    installedScript("tunnel/sync-routes.sh"),
    installedUnit("tunnel/homerelay-routes.service"),
    installedUnit("tunnel/homerelay-routes.timer"),
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
    installedUnit("tunnel/homerelay-endpoints.service"),
    installedUnit("tunnel/homerelay-endpoints.timer"),
    installedDropIn("tunnel/wg-quick-relay.conf", "wg-quick@homerelay.service", "homerelay-relay.conf"),
  ],
  packages: [],
  folders: [],
};
