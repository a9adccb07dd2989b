import { renderDocument } from "../network/document.ts";
import { renderSharedSshdConfig } from "./sshdConfig.ts";
import { renderRelaySysctls } from "./sysctls.ts";
import { renderUpgrades } from "./upgrades.ts";

/** The document of harden-relay.sh, for a machine that was there before. */
export function renderMachineSettings(): string {
  return renderDocument([
    { name: "sysctls", text: renderRelaySysctls({ isShared: true }) },
    { name: "upgrades", text: renderUpgrades({ isShared: true }) },
  ]);
}

/**
 * The document of harden-sshd.sh: our part of sshd's settings. Empty where this program itself comes in by a password,
 * which it must not take from itself.
 */
export function renderSshdSettings({ byPassword }: { readonly byPassword: boolean }): string {
  return byPassword ? "" : renderSharedSshdConfig();
}
