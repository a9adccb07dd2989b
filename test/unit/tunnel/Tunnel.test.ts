import { beforeAll, expect, test } from "@jest/globals";
import { endDocument } from "../../../components/network/document.ts";
import * as pulumi from "@pulumi/pulumi";
import type { Device } from "../../../components/network/device.ts";
import { renderTunnelDocument } from "../../../components/tunnel/documents.ts";
import { tunnelPeers } from "../../../components/tunnel/peers.ts";
import { Tunnel } from "../../../components/tunnel/Tunnel.ts";
import { devices, homes, laptop } from "../generators/devices.ts";
import { tunnelPlan } from "../generators/examples.ts";
import { earlier, relayHost } from "../componentArguments.ts";
import { named, register, tree } from "../mockEngine.ts";
import type { Registered } from "../mockEngine.ts";

let registered: readonly Registered[];

beforeAll(async () => {
  registered = await registerTunnel([]);
});

function registerTunnel(devices: readonly Device[]): Promise<Registered[]> {
  return register(
    () =>
      new Tunnel("relay-tunnel", {
        host: relayHost(),
        plan: tunnelPlan,
        homes,
        devices,
        reached: ["nas"],
        keys: {
          relay: { privateKey: pulumi.secret("private relay"), publicKey: pulumi.output("public relay") },
          peer: (name) => ({
            privateKey: pulumi.secret(`private ${name}`),
            publicKey: pulumi.output(`public ${name}`),
            presharedKey: pulumi.secret(`preshared ${name}`),
          }),
        },
        after: earlier("firewall-confirm"),
      }),
  );
}

test("is the keys, then the interface, behind the firewall", () => {
  const component = "homerelay:tunnel:Tunnel relay-tunnel";
  expect(tree(registered).filter((line) => line.includes("tunnel"))).toEqual([
    component,
    `command:remote:Command relay-tunnel-keys < ${component}`,
    `command:remote:Command relay-tunnel-interface < ${component}`,
  ]);
  expect(named(registered, "relay-tunnel-keys").dependsOn).toEqual(["relay-prepare"]);
  expect(named(registered, "relay-tunnel-interface").dependsOn).toEqual([
    "firewall-confirm",
    "relay-tunnel-keys",
  ]);
});

test("the keys travel in a secret document, one file each", () => {
  const { inputs } = named(registered, "relay-tunnel-keys");
  expect([inputs["create"], inputs["stdin"]]).toEqual([
    "timeout 300 /usr/local/lib/homerelay/store-keys.sh",
    {
      secret:
        "#file 0600 private\nprivate relay\n" +
        "#file 0600 preshared-nas\npreshared nas\n" +
        "#file 0600 preshared-media\npreshared media\n#end\n",
    },
  ]);
});

test("the configuration is plain, names its keys and gives each home its own addresses alone", () => {
  const { inputs } = named(registered, "relay-tunnel-interface");
  expect(inputs["create"]).toBe("timeout 300 /usr/local/lib/homerelay/apply-tunnel.sh");
  expect(inputs["stdin"]).toBe(`\
#file 0644 interface
[Interface]
Address = 10.77.0.1/16, fd77::1/64
ListenPort = 51820
PrivateKey = key:private
MTU = 1420
Table = off

# nas
[Peer]
PublicKey = public nas
PresharedKey = key:preshared-nas
AllowedIPs = 10.77.3.4/32, fd77::304/128

# media
[Peer]
PublicKey = public media
PresharedKey = key:preshared-media
AllowedIPs = 10.77.5.6/32, fd77::506/128
#file 0644 homes
public nas 25
public media 25 by-hand
#file 0644 names
public nas reached nas
public media by-hand media
#end
`);
});

test("the keys of each device travel with the homes'", async () => {
  const { inputs } = named(await registerTunnel([laptop]), "relay-tunnel-keys");
  expect(JSON.stringify(inputs["stdin"])).toContain("preshared-laptop\\npreshared laptop\\n");
});

test("devices that reach what lies behind homes change the interface's document", async () => {
  const document = named(await registerTunnel(devices), "relay-tunnel-interface").inputs["stdin"];
  const peers = tunnelPeers(homes, devices).map((peer) => ({ ...peer, publicKey: `public ${peer.name}` }));
  expect(document).toBe(endDocument(renderTunnelDocument(tunnelPlan, peers, devices, ["nas"])));
});
