import type { NeededPackage } from "../network/installation.ts";
import { renderSshdConfig, sshdConfigPath } from "./sshdConfig.ts";

export interface RelayUserData {
  /** TCP port of sshd. */
  readonly sshPort: number;
  /** May log in as root. */
  readonly adminPublicKey: string;
  /** The host key that the server has until our first contact; OpenSSH format. */
  readonly hostPrivateKey: string;
  readonly hostPublicKey: string;
  /** What the relay needs: another SSH endpoint can be asked for before its first step. */
  readonly packages: readonly NeededPackage[];
}

/**
 * cloud-init's user data: what a server needs until its first step. JSON is YAML, and needs no quoting of ours.
 *
 * The only secret in it is a host key that the first contact replaces: a server's user data can be read by every
 * program on the server and by everybody who has the API token.
 */
export function renderUserData(data: RelayUserData): string {
  const config = {
    ssh_deletekeys: true,
    ssh_keys: { ed25519_private: data.hostPrivateKey, ed25519_public: data.hostPublicKey },
    ssh_pwauth: false,
    disable_root: false,
    users: [{ name: "root", lock_passwd: true, ssh_authorized_keys: [data.adminPublicKey] }],
    write_files: [
      {
        path: sshdConfigPath,
        permissions: "0644",
        content: renderSshdConfig(data.sshPort),
      },
    ],
    package_update: true,
    packages: data.packages.map(({ name }) => name),
    // The drop-in was written after sshd had been set up.
    runcmd: ["systemctl restart ssh"],
  };
  return `#cloud-config\n${JSON.stringify(config, undefined, 2)}\n`;
}
