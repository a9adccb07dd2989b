import {
  installedData,
  installedDropIn,
  installedMend,
  installedScript,
  installedUnit,
} from "../network/installation.ts";
import type { Installation } from "../network/installation.ts";

/** Rules that are there before the network is, at either end of the tunnel. */
export const firewallInstallation: Installation = {
  files: [
    installedScript("firewall/table.sh"),
    installedScript("firewall/load-firewall.sh"),
    installedScript("firewall/hold-table.sh"),
    installedMend("firewall/mend-table.sh", "10"),
    installedUnit("firewall/homerelay-table.socket"),
    installedUnit("firewall/homerelay-table.service"),
    installedUnit("firewall/homerelay-firewall.service"),
    installedDropIn("firewall/nftables.conf", "nftables.service", "homerelay.conf"),
  ],
  packages: [{ command: "nft", name: "nftables" }],
  folders: [],
};

/** The relay's rules, which are loaded on trial. */
export const relayFirewallInstallation: Installation = {
  files: [
    installedScript("firewall/apply-firewall.sh"),
    installedScript("firewall/confirm-firewall.sh"),
    installedScript("firewall/roll-back-firewall.sh"),
    installedScript("firewall/name-services.sh"),
    installedScript("firewall/name-translations.sh"),
    installedScript("firewall/name-firewalls.sh"),
    installedScript("firewall/open-ssh-fallback.sh"),
    installedMend("firewall/mend-counters.sh", "15"),
    installedUnit("firewall/homerelay-ssh-fallback.service"),
    installedUnit("firewall/homerelay-ssh-fallback.timer"),
    installedData("firewall/counters.nft"),
    installedDropIn("firewall/relay.conf", "homerelay-firewall.service", "relay.conf"),
  ],
  packages: [],
  folders: [],
};
