/** Read by sshd before its own file, and the first value of each key counts. */
export const sshdConfigPath = "/etc/ssh/sshd_config.d/10-homerelay.conf";

/** The relay's part of sshd's configuration: `port` alone, keys alone, root alone. */
export function renderSshdConfig(port: number): string {
  return [
    "# Written by home-relay.",
    `Port ${port}`,
    "PermitRootLogin prohibit-password",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "AllowUsers root",
    "MaxAuthTries 3",
    "X11Forwarding no",
    "AllowTcpForwarding no",
    "AllowAgentForwarding no",
    "",
  ].join("\n");
}
