/**
 * A VPN of the home's own, as a provider's customers have it: everything that the home sends to the internet goes there,
 * by wg-quick. It has nothing to do with the program under test.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { addresses, namespaces } from "./addresses.ts";
import { labName } from "./labName.ts";
import { exec } from "./machines.ts";
import { loadRules } from "./network.ts";
import { paths } from "./paths.ts";
import { installPackages, shell } from "./people.ts";
import { inNamespace, must } from "./shell.ts";

/** The interface at home, and so its unit `wg-quick@vpn`. */
const vpnInterface = "vpn";

/** From where the internet sees whoever comes out of the VPN. */
export const seenFromVpn = { 4: addresses.vpn, 6: addresses.vpn6 } as const;

const customer = { 4: "10.64.0.2", 6: "fc00:64::2" } as const;
const port = 51820;

/** Everybody's customers leave with its own addresses. */
const translation = `table inet vpn {
  chain postrouting {
    type nat hook postrouting priority srcnat
    oifname eth0 masquerade
  }
}
`;

/** Starts the provider's server, and puts its configuration at home, where nothing is up yet. */
export async function provideVpn(): Promise<void> {
  const [provider, home] = [await makeKeys(), await makeKeys()];
  await startServer(`[Interface]
PrivateKey = ${provider.private}
ListenPort = ${port}

[Peer]
PublicKey = ${home.public}
AllowedIPs = ${customer[4]}/32, ${customer[6]}/128
`);
  await installPackages("home", ["wireguard-tools", "nftables"]);
  const config = `[Interface]
PrivateKey = ${home.private}
Address = ${customer[4]}/32, ${customer[6]}/128

[Peer]
PublicKey = ${provider.public}
AllowedIPs = 0.0.0.0/0, ::/0
Endpoint = ${addresses.vpn}:${port}
PersistentKeepalive = 25
`;
  const place = `umask 077; cat >/etc/wireguard/${vpnInterface}.conf`;
  const { code, stderr } = await exec("home", ["sh", "-c", place], { input: config });
  if (code !== 0) throw new Error(`no configuration of the VPN at home:\n${stderr}`);
}

async function startServer(config: string): Promise<void> {
  const folder = join(paths.run, "vpn");
  // Named after the interface, which WireGuard in userspace knows by its name on the whole host.
  const file = join(folder, `${labName}-vpn.conf`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(file, config, { mode: 0o600 });
  await must(inNamespace(namespaces.vpn, ["wg-quick", "up", file]));
  await loadRules(namespaces.vpn, translation);
}

async function makeKeys(): Promise<{ readonly private: string; readonly public: string }> {
  const key = await must(["wg", "genkey"]);
  return { private: key.trim(), public: (await must(["wg", "pubkey"], { input: key })).trim() };
}

/** What the home's owner does with it. */
export async function vpn(verb: "start" | "stop" | "restart"): Promise<void> {
  await shell("home", `systemctl ${verb} wg-quick@${vpnInterface}`);
}

/** Has it start at each boot from now on, before our tunnel or after it. */
export async function startVpnAtBoot(order: "Before" | "After"): Promise<void> {
  const unit = `wg-quick@${vpnInterface}.service`;
  const folder = `/etc/systemd/system/${unit}.d`;
  const lines = `[Unit]\\n${order}=wg-quick@homerelay.service\\n`;
  await shell(
    "home",
    `mkdir -p ${folder}; printf '${lines}' >${folder}/order.conf; systemctl daemon-reload; systemctl -q enable ${unit}`,
  );
}
