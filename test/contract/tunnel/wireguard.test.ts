import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { renderWireguardConfig } from "../../../components/network/wireguardConfig.ts";
import type { WireguardInterface } from "../../../components/network/wireguardConfig.ts";
import { renderDeviceConfig } from "../../../components/device/deviceConfig.ts";
import { devices } from "../../unit/generators/devices.ts";
import { media, nas, relay, tunnelPlan } from "../../unit/generators/examples.ts";
import { asRoot, runTool } from "../tool.ts";

const wireguard = "wireguard-tools";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-wg-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const ends: Record<string, Omit<WireguardInterface, "peers">> = {
  relay: {
    addresses: [`${relay.ipv4}/16`, `${relay.ipv6}/64`],
    listenPort: 51820,
    mtu: 1420,
  },
  home: {
    addresses: [`${nas.ipv4}/16`, `${nas.ipv6}/64`],
    listenPort: undefined,
    mtu: 1280,
  },
};

describe.each(Object.entries(ends))("the configuration of a %s", (_, end) => {
  const homes = [
    { name: "nas", address: nas },
    { name: "media", address: media },
  ];

  test("passes wg-quick, which leaves to wg what wg reads", () => {
    const peers = homes.map(({ name, address }) => ({
      name,
      publicKey: generate("genkey"),
      allowedIps: [`${address.ipv4}/32`, `${address.ipv6}/128`],
      endpoint: undefined,
      keepaliveSeconds: undefined,
    }));
    const joined = joinKeys(renderWireguardConfig({ ...end, peers }));
    const stripped = strip(joined);
    // What wg-quick keeps for itself is gone, and everything else is still there.
    expect(stripped.split("\n").filter((line) => line !== "")).toEqual(
      joined.split("\n").filter((line) => line !== "" && !/^(Address|MTU|Table) = /.test(line)),
    );
  });

  test.each(["203.0.113.5:51820", "[2001:db8::5]:51820"])("calls %s and keeps calling", (endpoint) => {
    const peer = {
      name: "relay",
      publicKey: generate("genkey"),
      allowedIps: ["0.0.0.0/0", "::/0"],
      endpoint,
      keepaliveSeconds: 25,
    };
    const lines = strip(joinKeys(renderWireguardConfig({ ...end, peers: [peer] }))).split("\n");
    expect(lines).toEqual(
      expect.arrayContaining([
        "AllowedIPs = 0.0.0.0/0, ::/0",
        `Endpoint = ${endpoint}`,
        "PersistentKeepalive = 25",
      ]),
    );
  });
});

describe("the configuration of a device", () => {
  test.each(devices.map((device) => [device.name, device] as const))("%s passes wg-quick", (_, device) => {
    const keys = {
      privateKey: generate("genkey"),
      publicKey: generate("genkey"),
      presharedKey: generate("genpsk"),
    };
    const relayEnd = {
      publicKey: generate("genkey"),
      ipv4Address: "203.0.113.5",
      ipv6Address: "2001:db8:77::1",
    };
    const dns = ["9.9.9.9"];
    const config = renderDeviceConfig({
      device: { ...device, dns },
      devices,
      tunnel: tunnelPlan,
      relay: relayEnd,
      keys,
    });
    expect(strip(config).split("\n").filter(isSaid)).toEqual(
      config.split("\n").filter((line) => isSaid(line) && !/^(Address|MTU|DNS) = /.test(line)),
    );
  });

  const isSaid = (line: string) => line !== "";
});

/** As the host does it: each named key in place of its name. */
function joinKeys(text: string): string {
  return text.replace(
    /= key:(\S+)$/gm,
    (_, name: string) => `= ${generate(name.startsWith("preshared-") ? "genpsk" : "genkey")}`,
  );
}

function generate(what: "genkey" | "genpsk"): string {
  return runTool(wireguard, "wg", [what]).trim();
}

/** What wg-quick hands on to wg; wg-quick itself reads none of it, so wg must take it too. */
function strip(text: string): string {
  const file = join(folder, "homerelay.conf");
  writeFileSync(file, text, { mode: 0o600 });
  const stripped = runApart('exec wg-quick strip "$0"', file);
  expect(parseWithWg(stripped)).toMatch(/^Unable to modify interface: [A-Z][a-z ]+\n$/);
  return stripped;
}

/** wg reads the whole text before it looks for the interface: there is none, or the kernel has no WireGuard at all. */
function parseWithWg(text: string): string {
  const file = join(folder, "stripped.conf");
  writeFileSync(file, text, { mode: 0o600 });
  return runApart('wg setconf none "$0" 2>&1 || :', file);
}

/** Runs a line of shell as root of an empty network namespace: wg-quick wants root, and neither may reach a tunnel. */
function runApart(line: string, file: string): string {
  return runTool(`util-linux ${wireguard}`, "unshare", [...asRoot, "--net", "sh", "-c", line, file]);
}
