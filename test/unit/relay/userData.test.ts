import { expect, test } from "@jest/globals";
import { renderSshdConfig, sshdConfigPath } from "../../../components/relay/sshdConfig.ts";
import { renderUserData } from "../../../components/relay/userData.ts";

const data = {
  sshPort: 2222,
  adminPublicKey: "ssh-ed25519 AAAAadmin",
  hostPrivateKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nfirst host key\n-----END OPENSSH PRIVATE KEY-----\n",
  hostPublicKey: "ssh-ed25519 AAAAhost",
  packages: [
    { command: "nft", name: "nftables" },
    { command: "wg-quick", name: "wireguard-tools" },
  ],
};
const text = renderUserData(data);
const config = JSON.parse(text.slice(text.indexOf("\n"))) as Record<string, unknown>;

test("is JSON behind the line that cloud-init goes by", () => {
  expect(text.startsWith("#cloud-config\n{")).toBe(true);
});

test("gives the server its first host key, and no other, and lets in one key and no password", () => {
  expect(config).toMatchObject({
    ssh_deletekeys: true,
    ssh_keys: { ed25519_private: data.hostPrivateKey, ed25519_public: data.hostPublicKey },
    ssh_pwauth: false,
    users: [{ name: "root", lock_passwd: true, ssh_authorized_keys: [data.adminPublicKey] }],
  });
});

test("holds no private key but the first host key", () => {
  const rest = text.replace(JSON.stringify(data.hostPrivateKey), "");
  expect(rest).not.toMatch(/PRIVATE KEY|PrivateKey|PresharedKey|token|password: /i);
  expect(text.split("PRIVATE KEY")).toHaveLength(3);
});

test("sshd has from the first boot on what the step writes later", () => {
  expect(renderSshdConfig(2222)).toMatchInlineSnapshot(`
    "# Written by home-relay.
    Port 2222
    PermitRootLogin prohibit-password
    PasswordAuthentication no
    KbdInteractiveAuthentication no
    AllowUsers root
    MaxAuthTries 3
    X11Forwarding no
    AllowTcpForwarding no
    AllowAgentForwarding no
    "
  `);
});

test("sshd listens on the port of the settings from the first boot on, and no other file is written there", () => {
  expect(config["write_files"]).toEqual([
    { path: sshdConfigPath, permissions: "0644", content: renderSshdConfig(2222) },
  ]);
});

test("the packages are those that the first step would ask for", () => {
  expect(config["packages"]).toEqual(["nftables", "wireguard-tools"]);
});
