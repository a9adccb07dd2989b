/**
 * Ubuntu's AppArmor profile of wg-quick (25.04 and later) lets it run a dozen programs and nothing of ours; of the kernel's
 * settings its `sysctl` may set one alone. A hook that is denied takes the tunnel down.
 * https://gitlab.com/apparmor/apparmor/-/blob/master/profiles/apparmor.d/wg-quick
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { renderDeviceConfig } from "../../../components/device/deviceConfig.ts";
import { renderTunnelDocument as renderHomeTunnel } from "../../../components/home/documents.ts";
import { renderPlainWireguard } from "../../../components/home/plainWireguard.ts";
import type { HomePlan } from "../../../components/network/homePlan.ts";
import { renderTunnelDocument } from "../../../components/tunnel/documents.ts";
import { tunnelPeers } from "../../../components/tunnel/peers.ts";
import { devices, homes } from "../../unit/generators/devices.ts";
import { nas, tunnelPlan } from "../../unit/generators/examples.ts";
import { prepareHosts } from "../../unit/preparedHosts.ts";
import { runTool } from "../tool.ts";

const script = join(__dirname, "../../../components/tunnel/sync-interface.sh");

const relay = { publicKey: "relay", ipv4Address: "203.0.113.5", ipv6Address: "2001:db8:77::1" };
const keys = { privateKey: "private", publicKey: "public", presharedKey: "preshared" };
const plan: HomePlan = {
  name: "nas",
  tunnelAddress: nas,
  ipv6: true,
  forwards: [],
  devices,
  tunnel: tunnelPlan,
};
const peers = tunnelPeers(homes, devices).map((peer) => ({ ...peer, publicKey: `public ${peer.name}` }));

test.each([
  ["the relay", onHost(renderTunnelDocument(tunnelPlan, peers, devices, ["nas"]))],
  ["a home", onHost(renderHomeTunnel(plan, relay))],
  ["a home without IPv6", onHost(renderHomeTunnel({ ...plan, ipv6: false }, relay))],
  ["a home that is no Debian", renderPlainWireguard(plan, keys, relay)],
  ...devices.map((device) => [
    `the device ${device.name}`,
    renderDeviceConfig({ device: { ...device, dns: ["9.9.9.9"] }, devices, tunnel: tunnelPlan, relay, keys }),
  ]),
])("the configuration of %s has nothing for wg-quick to run", (_, config) => {
  expect(config).toMatch(/^\[Interface\]$/m);
  expect(config.match(/^.*(?:Pre|Post)(?:Up|Down).*$/gim)).toBeNull();
});

test.each([
  ["home", ["set-address6.sh", "sync-routes.sh"], []],
  [
    "relay that was there before",
    ["remember-endpoints.sh restore", "set-address6.sh", "sync-routes.sh"],
    ["remember-endpoints.sh save", "/usr/bin/wg-quick down %i"],
  ],
])("the unit of a %s runs it, and what fails of that ends no tunnel", async (kind, started, stopped) => {
  const dropIns = ((await prepareHosts()).get(kind)?.files ?? [])
    .filter(({ path }) => path.includes("/wg-quick@homerelay.service.d/"))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ text }) => text)
    .join("");
  const commands = (when: string) =>
    [...dropIns.matchAll(new RegExp(`^${when}=(.+)$`, "gm"))].map(([, command = ""]) =>
      command
        .replace("-/usr/local/lib/homerelay/", "")
        .replace(/^-\/bin\/sh .*restart (\S+)'$/, "restart $1"),
    );
  expect(commands("ExecStartPost")).toEqual([...started, "restart homerelay-mend.timer"]);
  expect(commands("ExecStop")).toEqual(stopped);
  expect(commands("ExecStopPost")).toEqual(["sync-routes.sh remove"]);
});

test.each([
  ["", "10.77.3.4/16, fd77::304/64"],
  [" with IPv6 switched off", "10.77.3.4/16", "PostUp = ip -6 address replace fd77::304/64 dev %i"],
])(
  "what an older version had wg-quick run at a home%s makes it no other tunnel",
  (_, addresses, ...hooks) => {
    const config = onHost(renderHomeTunnel(plan, relay));
    const hook = "/usr/local/lib/homerelay/sync-routes.sh";
    const older = config
      .replace(/^Address = .*$/m, `Address = ${addresses}`)
      .replace("\n\n", `\n${[...hooks, `PostUp = ${hook}`, `PreDown = ${hook} remove || :`].join("\n")}\n\n`);
    const [now, before] = [ofTunnel(config, "fd77::304/64"), ofTunnel(older, "")];
    expect(now).toContain("\nfd77::304/64\n");
    expect(before).toBe(now);
  },
);

function ofTunnel(config: string, address6: string): string {
  const folder = mkdtempSync(join(tmpdir(), "home-relay-tunnel-"));
  try {
    writeFileSync(join(folder, "config"), config);
    const words = 'interface=homerelay etc=$0; port_holder() { :; }; . "$1"; of_tunnel "$0/config" "$2"';
    return runTool("bash", "bash", ["-ec", words, folder, script, address6]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What a host makes of its document for wg-quick. */
function onHost(document: string): string {
  const folder = mkdtempSync(join(tmpdir(), "home-relay-hooks-"));
  try {
    for (const name of ["private", ...peers.map(({ name }) => `preshared-${name}`), "preshared-relay"])
      writeFileSync(join(folder, name), `key of ${name}\n`);
    writeFileSync(join(folder, "document"), document.slice(document.indexOf("\n") + 1));
    const joinKeys = 'interface=homerelay keys=$0; port_holder() { :; }; . "$1"; join_keys <"$0/document"';
    return runTool("bash", "bash", ["-ec", joinKeys, folder, script]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
