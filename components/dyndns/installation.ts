import { installedScript, installedUnit } from "../network/installation.ts";
import type { Installation } from "../network/installation.ts";

/** The relay tells a DynDNS service where it is. */
export const dynDnsInstallation: Installation = {
  files: [
    installedScript("host/packages.sh"),
    installedScript("dyndns/store-dyndns-secret.sh"),
    installedScript("dyndns/apply-dyndns.sh"),
    installedScript("dyndns/update-dyndns.sh"),
    installedUnit("dyndns/homerelay-dyndns.service"),
    installedUnit("dyndns/homerelay-dyndns.timer"),
  ],
  packages: [],
  folders: ["/etc/homerelay/dyndns", "/var/lib/homerelay/dyndns"],
};
