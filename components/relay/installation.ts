import { installedScript } from "../network/installation.ts";
import type { Installation } from "../network/installation.ts";
import { renderRelaySysctls } from "./sysctls.ts";
import { renderUpgrades, upgradesPath } from "./upgrades.ts";

/** A relay stands in the open, and nobody looks after it every day. */
const unattended = { command: "unattended-upgrade", name: "unattended-upgrades" };

/** A relay that this stack made: its sshd is ours to set. */
export const ownRelayInstallation: Installation = {
  files: [
    installedScript("relay/sync-sshd.sh"),
    installedScript("relay/stack-keys.sh"),
    installedScript("relay/apply-sshd.sh"),
    {
      path: "/etc/homerelay/sysctls",
      mode: "0644",
      text: renderRelaySysctls({ isShared: false }),
      isKernelSettings: true,
    },
    { path: upgradesPath, mode: "0644", text: renderUpgrades({ isShared: false }) },
  ],
  packages: [unattended],
  folders: [],
};

/** A relay that was there before. */
export const existingRelayInstallation: Installation = {
  files: [installedScript("relay/harden-relay.sh"), installedScript("relay/harden-sshd.sh")],
  packages: [unattended],
  folders: [],
};
