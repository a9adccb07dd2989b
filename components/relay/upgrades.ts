export const upgradesPath = "/etc/apt/apt.conf.d/52homerelay";

/**
 * apt's settings: security updates by themselves, and on a server of ours the reboot that a new kernel needs, when
 * hardly anybody is awake. `isShared`: when the machine may be restarted is for its owner to say.
 */
export function renderUpgrades({ isShared }: { readonly isShared: boolean }): string {
  const updates = `// Written by home-relay.
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
`;
  const reboot = `Unattended-Upgrade::Automatic-Reboot "true";
Unattended-Upgrade::Automatic-Reboot-Time "04:30";
Unattended-Upgrade::Remove-Unused-Kernel-Packages "true";
`;
  return isShared ? updates : updates + reboot;
}
