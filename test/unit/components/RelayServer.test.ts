import { beforeAll, expect, test } from "@jest/globals";
import * as random from "@pulumi/random";
import { RelayServer } from "../../../components/relay/RelayServer.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import { relaySysctls } from "../../../components/relay/sysctls.ts";
import { renderUserData } from "../../../components/relay/userData.ts";
import { nas } from "../examples.ts";
import { earlier, keyPair, stackKeyConnection } from "./examples.ts";
import { named, register, tree, valueOf } from "./mockEngine.ts";
import type { Registered } from "./mockEngine.ts";

/** Stands for the provider's firewall. */
class Wall extends random.RandomPassword {
  readonly firewallId = 401;
}

let registered: readonly Registered[];
let relay: RelayServer | undefined;

beforeAll(async () => {
  registered = await register(() => {
    relay = new RelayServer("relay", {
      label: "home-relay-test",
      location: "nbg1",
      serverType: "cx23",
      image: "debian-13",
      sshPort: 22,
      sshVia: "public",
      sshPeers: [nas],
      prefix4: parsePrefix("10.77.0.0/16"),
      prefix6: parsePrefix("fd77::/64"),
      keys: { adminSshKey: keyPair("admin"), firstHostSshKey: keyPair("first"), hostSshKey: keyPair("host") },
      createWall: (after) => new Wall("wall", { length: 1 }, { dependsOn: [...after] }),
      after: [earlier("nas-on-destroy")],
    });
  });
});

test("is two addresses, a key, a door for SSH, a wall, a server and the host on it", () => {
  const component = "homerelay:relay:RelayServer relay";
  expect(tree(registered)).toEqual([
    "command:local:Command nas-on-destroy",
    component,
    `hcloud:index/primaryIp:PrimaryIp relay-ipv4 < ${component}`,
    `hcloud:index/primaryIp:PrimaryIp relay-ipv6 < ${component}`,
    `hcloud:index/sshKey:SshKey relay-ssh-key < ${component}`,
    `homerelay:relay:SshDoor relay-ssh-door < ${component}`,
    "command:local:Command relay-ssh-door < homerelay:relay:SshDoor relay-ssh-door",
    "random:index/randomPassword:RandomPassword wall",
    `hcloud:index/server:Server relay-server < ${component}`,
    `homerelay:host:Host relay-host < ${component}`,
    "command:local:Command relay-host-reach < homerelay:host:Host relay-host",
    "command:remote:Command relay-host-prepare < homerelay:host:Host relay-host",
  ]);
});

test.each(["ipv4", "ipv6"])("the %s address waits for no server and outlives it", (type) => {
  const address = named(registered, `relay-${type}`);
  expect(address.inputs).toEqual({
    name: `home-relay-test-${type}`,
    type,
    location: "nbg1",
    autoDelete: false,
  });
  expect([address.dependsOn, address.deleteBeforeReplace]).toEqual([["nas-on-destroy"], true]);
});

test("the server takes both addresses, the key and the firewall, by Hetzner's ids", () => {
  const server = named(registered, "relay-server");
  expect(server.inputs).toEqual({
    name: "home-relay-test",
    location: "nbg1",
    serverType: "cx23",
    image: "debian-13",
    sshKeys: ["201"],
    firewallIds: [401],
    publicNets: [{ ipv4Enabled: true, ipv4: 104, ipv6Enabled: true, ipv6: 106 }],
    userData: {
      secret: renderUserData({
        sshPort: 22,
        adminPublicKey: "ssh-ed25519 AAAAadmin",
        hostPrivateKey: "private first\n",
        hostPublicKey: "ssh-ed25519 AAAAfirst",
      }),
    },
  });
  expect(named(registered, "relay-ssh-key").inputs).toEqual({
    name: "home-relay-test",
    publicKey: "ssh-ed25519 AAAAadmin",
  });
});

test("the wall changes only when the door is open, and the door waits for no server", () => {
  expect(named(registered, "wall").dependsOn).toEqual(["nas-on-destroy", "relay-ssh-door"]);
  expect(named(registered, "relay-ssh-door").dependsOn).toEqual(["relay-ipv4"]);
});

test("after another door every step runs again", () => {
  for (const name of ["relay-host-reach", "relay-host-prepare"])
    expect(named(registered, name).inputs["triggers"]).toContain("said by relay-ssh-door");
});

test("an edit of the user data never costs the server", () => {
  expect(named(registered, "relay-server").ignoreChanges).toEqual(["userData"]);
});

test("neither the login key nor the lasting host key is in the user data", () => {
  const userData = JSON.stringify(named(registered, "relay-server").inputs["userData"]);
  expect(userData).toContain("private first");
  expect(userData).not.toMatch(/private (admin|host)/);
});

test("the host is reached at the address that stays, with the key of its first contact", () => {
  const reach = named(registered, "relay-host-reach");
  expect(reach.inputs["environment"]).toMatchObject({
    HOST: "203.0.113.5",
    HOST_KEYS: "ssh-ed25519 AAAAfirst\nssh-ed25519 AAAAhost",
  });
  const prepare = named(registered, "relay-host-prepare");
  expect(prepare.inputs["connection"]).toEqual(stackKeyConnection);
  expect(
    String(prepare.inputs["stdin"]).endsWith(`#file 0644 /etc/sysctl.d/60-homerelay.conf\n${relaySysctls}`),
  ).toBe(true);
  const host = registered.find(({ type }) => type === "homerelay:host:Host");
  expect(host?.dependsOn).toEqual(["relay-server"]);
});

test("the server answers at the address after its network's first one", async () => {
  if (!relay) throw new Error("the relay was not made");
  expect(await Promise.all([valueOf(relay.ipv4Address), valueOf(relay.ipv6Address)])).toEqual([
    "203.0.113.5",
    "2001:db8:77::1",
  ]);
});
