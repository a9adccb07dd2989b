import { chmod, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { addresses, bridges, namespaces } from "./addresses.ts";
import type { MachineFile, MachineSpec } from "./machines.ts";
import { paths } from "./paths.ts";
import { must } from "./shell.ts";

const people = join(import.meta.dirname, "people");
const hostKey = join(paths.run, "home-host-key");

/** Makes the operator's key, which may log in at home, and the home's own host key. */
export async function makeKeys(): Promise<void> {
  for (const [file, comment] of [
    [paths.operatorKey, "operator"],
    [hostKey, "nas"],
  ] as const) {
    await must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file]);
    await chmod(file, 0o600);
  }
}

/**
 * The server at home: a plain Debian that its owner installed by hand, with an SSH login for the operator, a
 * web page and echo services. What it knows of WireGuard and nftables comes by the program under test.
 */
export async function homeServer(root: string): Promise<MachineSpec> {
  const key: MachineFile = {
    path: "/etc/ssh/ssh_host_ed25519_key",
    content: await readFile(hostKey),
    mode: 0o600,
  };
  await rm(hostKey);
  await rename(`${hostKey}.pub`, paths.homeHostKey);
  return {
    name: "home",
    hostname: "nas",
    root,
    namespace: namespaces.router,
    bridge: bridges.lan,
    link: "vb-home",
    files: [
      key,
      { path: "/etc/ssh/ssh_host_ed25519_key.pub", content: await readFile(paths.homeHostKey) },
      {
        path: "/root/.ssh/authorized_keys",
        content: await readFile(`${paths.operatorKey}.pub`),
        mode: 0o600,
      },
      { path: "/etc/hostname", content: "nas\n" },
      { path: "/etc/hosts", content: "127.0.0.1 localhost\n127.0.1.1 nas\n::1 localhost\n" },
      { path: "/etc/cloud/cloud-init.disabled", content: "" },
      { path: "/etc/netplan/10-lan.yaml", content: netplan, mode: 0o600 },
      await person("page.py", "/opt/lab/page.py", 0o755),
      await person("echo.py", "/opt/lab/echo.py", 0o755),
      await person("make-certificate.sh", "/opt/lab/make-certificate.sh", 0o755),
      await person("lab-page.service", "/etc/systemd/system/lab-page.service"),
      await person("lab-echo.service", "/etc/systemd/system/lab-echo.service"),
      { path: "/etc/systemd/system/multi-user.target.d/lab.conf", content: wanted },
    ],
  };
}

const netplan = JSON.stringify({
  network: {
    version: 2,
    ethernets: {
      eth0: {
        addresses: [`${addresses.home}/24`],
        routes: [{ to: "0.0.0.0/0", via: addresses.homeRouter }],
        nameservers: { addresses: [addresses.resolver] },
      },
    },
  },
});

const wanted = "[Unit]\nWants=lab-page.service lab-echo.service\n";

async function person(file: string, path: string, mode = 0o644): Promise<MachineFile> {
  return { path, content: await readFile(join(people, file)), mode };
}

/** What answers in the printer's namespace: a page on port 80, and an echo on its raw printing port. */
export const printerServices: readonly (readonly string[])[] = [
  ["python3", join(people, "page.py"), "Hello from the printer", "80"],
  ["python3", join(people, "echo.py"), "tcp:9100"],
];
