import { beforeAll, expect, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { RelayServer } from "../../../components/hetzner/HetznerRelay.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import { relaySysctls } from "../../../components/relay/sysctls.ts";
import { renderUserData } from "../../../components/relay/userData.ts";
import { nas } from "../generators/examples.ts";
import { earlier, keyPair, owner, stackKeyConnection } from "../componentArguments.ts";
import { named, register, tree, valueOf } from "../mockEngine.ts";
import type { Registered } from "../mockEngine.ts";

/** Stands for the provider's firewall. */
class Wall extends random.RandomPassword {
  readonly firewallId = 401;
}

let registered: readonly Registered[];
let relay: RelayServer | undefined;

function relayServer(): RelayServer {
  return new RelayServer("relay", {
    label: "home-relay-test",
    location: "nbg1",
    serverType: "cx23",
    image: "debian-13",
    sshPort: 22,
    keys: { adminSshKey: keyPair("admin"), firstHostSshKey: keyPair("first"), hostSshKey: keyPair("host") },
    owner,
    hetzner: { token: "token", endpoint: "https://192.0.2.1/v1" },
    sshVia: "public",
    sshPeers: [nas],
    prefix4: parsePrefix("10.77.0.0/16"),
    prefix6: parsePrefix("fd77::/64"),
    createWall: (after) => new Wall("wall", { length: 1 }, { dependsOn: [...after] }),
    after: [earlier("nas-on-destroy")],
  });
}

beforeAll(async () => {
  registered = await register(() => {
    relay = relayServer();
  });
});

test("is two addresses, a key, a watch for a server that nobody knows, a door for SSH, a wall, a server and the host on it", () => {
  const component = "homerelay:relay:RelayServer relay";
  expect(tree(registered)).toEqual([
    "command:local:Command nas-on-destroy",
    component,
    `hcloud:index/primaryIp:PrimaryIp relay-ipv4 < ${component}`,
    `hcloud:index/primaryIp:PrimaryIp relay-ipv6 < ${component}`,
    `hcloud:index/sshKey:SshKey relay-ssh-key < ${component}`,
    `command:local:Command relay-stray-server < ${component}`,
    `homerelay:relay:SshDoor relay-ssh-door < ${component}`,
    "command:local:Command relay-ssh-door < homerelay:relay:SshDoor relay-ssh-door",
    "random:index/randomPassword:RandomPassword wall",
    `hcloud:index/server:Server relay-server < ${component}`,
    `homerelay:host:Host relay-host < ${component}`,
    "command:local:Command relay-host-reach < homerelay:host:Host relay-host",
    "command:remote:Command relay-host-prepare < homerelay:host:Host relay-host",
  ]);
});

test.each(["ipv4", "ipv6"])(
  "the %s address waits for no server, and one for another location is made first, with another name",
  (type) => {
    const address = named(registered, `relay-${type}`);
    expect(address.inputs).toEqual({
      labels: { "home-relay": "home-relay-test" },
      type,
      location: "nbg1",
      autoDelete: false,
    });
    expect([address.dependsOn, address.deleteBeforeReplace]).toEqual([["nas-on-destroy"], false]);
  },
);

test("the server takes both addresses, the key and the firewall, by Hetzner's ids", () => {
  const server = named(registered, "relay-server");
  expect(server.inputs).toEqual({
    name: "home-relay-test",
    location: "nbg1",
    serverType: "cx23",
    keepDisk: true,
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

test("destroy looks for a server that is left, after the server and before its addresses", () => {
  const watch = named(registered, "relay-stray-server");
  expect(watch.inputs).toEqual({
    create: "true",
    delete: "sh components/hetzner/find-stray-server.sh",
    environment: { SERVER: "home-relay-test", ENDPOINT: "https://192.0.2.1/v1" },
    stdin: { secret: "token" },
    addPreviousOutputInEnv: false,
  });
  expect(watch.dependsOn).toEqual(["nas-on-destroy", "relay-ipv4", "relay-ipv6"]);
  expect(named(registered, "relay-server").dependsOn).toContain("relay-stray-server");
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

test("another server is made when the one before it is gone, and with it its name and addresses are free", () => {
  expect(named(registered, "relay-server").deleteBeforeReplace).toBe(true);
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
    WAIT_SECONDS: "300",
  });
  // Its boot is waited for when it is another server, and when a change of its type starts it again.
  expect(reach.inputs["triggers"]).toEqual(["301", "said by relay-ssh-door", "cx23"]);
  const prepare = named(registered, "relay-host-prepare");
  expect(prepare.inputs["connection"]).toEqual(stackKeyConnection);
  expect(
    String(prepare.inputs["stdin"]).endsWith(`#file 0644 /etc/sysctl.d/60-homerelay.conf\n${relaySysctls}`),
  ).toBe(true);
  const host = registered.find(({ type }) => type === "homerelay:host:Host");
  expect(host?.dependsOn).toEqual(["relay-server"]);
});

test("a server that Hetzner could not start is not waited for as if it booted", async () => {
  const off = await register(() => relayServer(), {}, [], { "relay-server": { status: "off" } });
  expect(named(off, "relay-host-reach").inputs["environment"]).toMatchObject({ WAIT_SECONDS: "30" });
});

test("what waits for the server is told of another one, and of another type", async () => {
  expect(await valueOf(relay?.serverId ?? pulumi.output(""))).toBe("301 cx23");
});

test("the server answers at the address after its network's first one, and both are known by Hetzner's ids", async () => {
  if (!relay) throw new Error("the relay was not made");
  expect(await Promise.all([valueOf(relay.ipv4Address), valueOf(relay.ipv6Address)])).toEqual([
    "203.0.113.5",
    "2001:db8:77::1",
  ]);
  const { ipv4, ipv6 } = relay.primaryIps;
  expect(await Promise.all([valueOf(ipv4), valueOf(ipv6)])).toEqual([104, 106]);
});
