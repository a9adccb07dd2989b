import { installedScript, installedUnit } from "../network/installation.ts";
import type { Installation } from "../network/installation.ts";

/** The relay says when a home is away. */
export const notifyInstallation: Installation = {
  files: [
    installedScript("host/packages.sh"),
    installedScript("notify/outbox.sh"),
    installedScript("notify/service-requests.sh"),
    installedScript("notify/store-notify-secrets.sh"),
    installedScript("notify/apply-notify.sh"),
    installedScript("notify/watch-homes.sh"),
    installedScript("notify/watch-traffic.sh"),
    installedScript("notify/send-messages.sh"),
    installedUnit("notify/homerelay-notify.service"),
    installedUnit("notify/homerelay-notify.timer"),
  ],
  packages: [],
  folders: ["/etc/homerelay/notify", "/var/lib/homerelay/notify"],
};
