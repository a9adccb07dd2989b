import { renderDocument } from "../network/document.ts";

/** Read by sshd before its own file, and the first value of each key counts. */
export const sshdConfigPath = "/etc/ssh/sshd_config.d/10-homerelay.conf";

const keysAlone = [
  "PermitRootLogin prohibit-password",
  "PasswordAuthentication no",
  "KbdInteractiveAuthentication no",
];

/** The part of sshd's configuration of a relay that this stack made: `port` alone, keys alone, root alone. */
export function renderSshdConfig(port: number): string {
  return renderDropIn([
    `Port ${port}`,
    ...keysAlone,
    "AllowUsers root",
    "MaxAuthTries 3",
    "X11Forwarding no",
    "AllowTcpForwarding no",
    "AllowAgentForwarding no",
  ]);
}

/** What apply-sshd.sh is told: that, and the one key of this stack's that is admitted from then on. */
export function renderSshdStep(port: number, adminKey: string): string {
  return renderDocument([
    { name: "sshd", text: renderSshdConfig(port) },
    { name: "admin-key", text: `${adminKey}\n` },
  ]);
}

/**
 * The same of a relay that was there before: keys alone. Its port and its users stay, and harden-sshd.sh leaves out
 * what its owner has stricter.
 */
export function renderSharedSshdConfig(): string {
  return renderDropIn([
    "# sshd takes the first value that it reads, and reads this file early. Whoever wants something stricter than a line",
    "# here says removes that line.",
    ...keysAlone,
  ]);
}

function renderDropIn(lines: readonly string[]): string {
  return ["# Written by home-relay.", ...lines].map((line) => `${line}\n`).join("");
}
