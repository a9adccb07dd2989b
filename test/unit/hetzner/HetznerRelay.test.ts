import { beforeAll, expect, test } from "@jest/globals";
import { endDocument } from "../../../components/network/document.ts";
import * as pulumi from "@pulumi/pulumi";
import { HetznerRelay } from "../../../components/hetzner/HetznerRelay.ts";
import type { HetznerRelayArgs } from "../../../components/hetzner/HetznerRelay.ts";
import { renderProviderRules } from "../../../components/hetzner/providerRules.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import { ownRelayInstallation } from "../../../components/relay/installation.ts";
import { renderSshdStep } from "../../../components/relay/sshdConfig.ts";
import { renderRelaySysctls } from "../../../components/relay/sysctls.ts";
import { renderUpgrades, upgradesPath } from "../../../components/relay/upgrades.ts";
import { renderUserData } from "../../../components/relay/userData.ts";
import { firewall, nas } from "../generators/examples.ts";
import { owner, relayKeys, relayPlan, stackKeyConnection } from "../componentArguments.ts";
import { documentOf, named, register, secretsOf, tree, types, valueOf } from "../mockEngine.ts";
import type { Registered } from "../mockEngine.ts";

let registered: readonly Registered[];
let relay: HetznerRelay | undefined;

/** By which it knows its own, whatever it is called. */
const labels = { "home-relay": "home-relay-test", "home-relay-stack": owner.id };

function hetznerRelay(change: Partial<HetznerRelayArgs> = {}): HetznerRelay {
  return new HetznerRelay("relay", {
    plan: relayPlan(),
    location: "nbg1",
    serverType: "cx23",
    image: "debian-13",
    sshPort: 22,
    adminCidrs: [parsePrefix("203.0.113.0/24")],
    sshVia: "public",
    sshPeers: ["nas"],
    api: { token: "token", endpoint: "https://192.0.2.1/v1" },
    ...change,
  });
}

beforeAll(async () => {
  registered = await register(() => {
    relay = hetznerRelay();
  });
});

test("is two addresses, a key, a check for a server that nobody knows, an SSH endpoint, a firewall, a server and the host on it", () => {
  const component = "homerelay:hetzner:HetznerRelay relay";
  expect(tree(registered)).toEqual([
    "command:local:Command nas-uninstall",
    component,
    `hcloud:index/primaryIp:PrimaryIp relay-ipv4 < ${component}`,
    `hcloud:index/primaryIp:PrimaryIp relay-ipv6 < ${component}`,
    `hcloud:index/sshKey:SshKey relay-ssh-key < ${component}`,
    `command:local:Command relay-stray-server < ${component}`,
    `command:local:Command relay-ssh-endpoint < ${component}`,
    `hcloud:index/firewall:Firewall relay-provider-firewall < ${component}`,
    `hcloud:index/server:Server relay-server < ${component}`,
    `command:local:Command relay-reach < ${component}`,
    `command:remote:Command relay-prepare < ${component}`,
  ]);
});

test("a preview shows at the top what it is asked to be, and who may open an SSH connection", () => {
  const component = registered.find(({ type }) => type === "homerelay:hetzner:HetznerRelay");
  expect(component?.inputs).toEqual({
    location: "nbg1",
    serverType: "cx23",
    image: "debian-13",
    sshPort: 22,
    sshVia: "public",
    adminCidrs: ["203.0.113.0/24"],
    sshPeers: ["nas"],
  });
});

test("its firewall at Hetzner has the same openings as its own, and goes before a home is cleaned", () => {
  const { inputs, dependsOn } = named(registered, "relay-provider-firewall");
  expect(inputs).toEqual({
    name: "home-relay-test",
    labels,
    // Sent as JSON: the rule for ICMP has no port at all.
    rules: JSON.parse(JSON.stringify(renderProviderRules(firewall))) as unknown,
  });
  expect(dependsOn).toContain("nas-uninstall");
});

test.each(["ipv4", "ipv6"])(
  "the %s address waits for no server, and one for another location is made first, with another name",
  (type) => {
    const address = named(registered, `relay-${type}`);
    expect(address.inputs).toEqual({
      labels,
      type,
      location: "nbg1",
      autoDelete: false,
    });
    expect([address.dependsOn, address.deleteBeforeReplace]).toEqual([["nas-uninstall"], false]);
  },
);

test("the server takes both addresses, the key and the firewall, by Hetzner's ids", () => {
  const server = named(registered, "relay-server");
  expect(server.inputs).toEqual({
    name: "home-relay-test",
    labels,
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
        packages: [...relayPlan().installation.packages, ...ownRelayInstallation.packages],
      }),
    },
  });
  expect(named(registered, "relay-ssh-key").inputs).toEqual({
    name: "home-relay-test",
    labels,
    publicKey: "ssh-ed25519 AAAAadmin",
  });
});

test("up looks for an address that is left before it makes a server, destroy also for a server, in the same place", () => {
  const check = named(registered, "relay-stray-server");
  expect(check.inputs).toEqual({
    create: "node --disable-warning=ExperimentalWarning components/hetzner/find-stray-server.ts addresses",
    delete: "node --disable-warning=ExperimentalWarning components/hetzner/find-stray-server.ts",
    environment: { HOMERELAY_DOCUMENT: expect.any(String), NODE_USE_ENV_PROXY: "1" },
    stdin: { secret: expect.any(String) },
    addPreviousOutputInEnv: false,
  });
  expect(documentOf(check)).toEqual({ server: "home-relay-test", addresses: ["104", "106"] });
  expect(secretsOf(check)).toEqual({ endpoint: "https://192.0.2.1/v1", token: "token", stackId: owner.id });
  expect(check.dependsOn).toEqual(["nas-uninstall", "relay-ipv4", "relay-ipv6"]);
  expect(named(registered, "relay-server").dependsOn).toContain("relay-stray-server");
});

test("its firewall at Hetzner changes only when the SSH endpoint is open, and that waits for no server", () => {
  expect(named(registered, "relay-provider-firewall").dependsOn).toEqual([
    "nas-uninstall",
    "relay-ssh-endpoint",
  ]);
  expect(named(registered, "relay-ssh-endpoint").dependsOn).toEqual(["relay-ipv4"]);
});

test("after another SSH endpoint every step runs again", () => {
  const note = "said by relay-ssh-endpoint";
  expect(documentOf(named(registered, "relay-reach"))).toMatchObject({
    made: { again: expect.arrayContaining([note]) },
  });
  expect(named(registered, "relay-prepare").inputs["triggers"]).toContain(note);
});

test("neither an edit of the user data nor another key costs the server", () => {
  expect(named(registered, "relay-server").ignoreChanges).toEqual(["userData", "sshKeys"]);
});

test("another generation of keys is another key at Hetzner beside the one before, and the same rows otherwise", async () => {
  const keys = relayKeys(2);
  const rotated = await register(() => hetznerRelay({ plan: relayPlan({ keys }) }));
  const names = (all: readonly Registered[]) =>
    all.map(({ name }) => name).filter((name) => name !== "nas-uninstall");
  expect(names(rotated)).toEqual(
    names(registered).map((name) => (name === "relay-ssh-key" ? "relay-ssh-key-2" : name)),
  );
  expect(named(rotated, "relay-ssh-key-2").inputs).toEqual({
    name: "home-relay-test@2",
    labels,
    publicKey: "ssh-ed25519 AAAAadmin2",
  });
  const userData = JSON.stringify(named(rotated, "relay-server").inputs["userData"]);
  expect(userData).toContain("AAAAadmin2");
  expect(userData).toContain("private first2");
  expect(named(rotated, "relay-prepare").inputs["connection"]).toEqual({
    secret: {
      ...stackKeyConnection.secret,
      privateKey: "private admin2\n",
      hostKey: "ssh-ed25519 AAAAhost2",
    },
  });
  expect(secretsOf(named(rotated, "relay-reach"))).toMatchObject({
    loginKey: "private admin2\n",
    hostKey: "private host2\n",
  });
});

test("the host may show what the endpoint's program noted", async () => {
  const stdout = "203.0.113.5 22\nhost-key ssh-ed25519 AAAAhost2 1\nhost-key ssh-ed25519 AAAAhost\n";
  const rotated = await register(() => hetznerRelay({ plan: relayPlan({ keys: relayKeys(2) }) }), {}, [], {
    "relay-ssh-endpoint": { stdout },
  });
  expect(documentOf(named(rotated, "relay-reach"))).toMatchObject({
    access: { hostKeys: ["ssh-ed25519 AAAAhost2 1", "ssh-ed25519 AAAAhost"] },
  });
});

test("another server is made when the one before it is gone, and with it its name and addresses are free", () => {
  expect(named(registered, "relay-server").deleteBeforeReplace).toBe(true);
});

test("neither the login key nor the lasting host key is in the user data", () => {
  const userData = JSON.stringify(named(registered, "relay-server").inputs["userData"]);
  expect(userData).toContain("private first");
  expect(userData).not.toMatch(/private (admin|host)/);
});

test("the host is reached at the address that stays, with the key that it gets at the first contact", () => {
  const reach = named(registered, "relay-reach");
  expect(documentOf(reach)).toMatchObject({
    access: { host: "203.0.113.5", hostKeys: ["ssh-ed25519 AAAAhost"] },
    waitSeconds: 300,
    made: {
      machine: "301",
      firstHostKey: "ssh-ed25519 AAAAfirst",
      // Its boot is waited for when it is another server, and when a change of its type starts it again.
      again: ["301", "said by relay-ssh-endpoint", "cx23"],
    },
  });
  const prepare = named(registered, "relay-prepare");
  expect(prepare.inputs["connection"]).toEqual(stackKeyConnection);
  expect(prepare.inputs["stdin"]).toContain(
    `\n#file 0644 /etc/homerelay/sysctls\n${renderRelaySysctls({ isShared: false })}`,
  );
  expect(prepare.inputs["stdin"]).toContain(
    `\n#file 0644 ${upgradesPath}\n${renderUpgrades({ isShared: false })}`,
  );
  expect(prepare.inputs["stdin"]).toContain("\nsettings /etc/homerelay/sysctls\n");
  expect(reach.dependsOn).toContain("relay-server");
});

test("a server that is lost, or is another machine, is mended by a new one at the same address", () => {
  const replaceServer = expect.stringContaining("pulumi up --replace '**relay-server'");
  expect(documentOf(named(registered, "relay-reach"))).toMatchObject({
    hostKeyMend: replaceServer,
    silenceMend: replaceServer,
  });
  expect(documentOf(named(registered, "relay-ssh-endpoint"))).toMatchObject({
    lostMend: expect.stringContaining("pulumi up --refresh --replace '**relay-ssh-endpoint'\n"),
  });
});

test("where SSH goes through the tunnel, a silent relay is looked for there first", async () => {
  const tunnelled = await register(() => hetznerRelay({ sshVia: "tunnel" }));
  expect(documentOf(named(tunnelled, "relay-reach"))).toMatchObject({
    access: { host: "10.77.0.1" },
    silenceMend: expect.stringContaining("is this machine in the tunnel, as one of relay.sshPeers?"),
  });
});

test("a server that Hetzner could not start is not waited for as if it booted", async () => {
  const off = await register(() => hetznerRelay(), {}, [], { "relay-server": { status: "off" } });
  expect(documentOf(named(off, "relay-reach"))).toMatchObject({ waitSeconds: 30 });
});

test("what waits for the server is told of another one, and of another type", async () => {
  expect(await valueOf(relay?.machineId ?? pulumi.output(""))).toBe("301 cx23");
});

test("the server answers at the address after its network's first one", async () => {
  if (!relay) throw new Error("the relay was not made");
  expect(await Promise.all([valueOf(relay.ipv4Address), valueOf(relay.ipv6Address)])).toEqual([
    "203.0.113.5",
    "2001:db8:77::1",
  ]);
});

test("tells the relay's own firewall who may come in by SSH, and which rows open it to strangers", async () => {
  if (!relay) throw new Error("the relay was not made");
  expect(relay.ssh).toEqual({
    port: 22,
    via: "public",
    adminCidrs: [parsePrefix("203.0.113.0/24")],
    peers: [nas],
  });
  const open = await Promise.all(relay.open.map(({ urn }) => valueOf(urn)));
  expect(open.map((urn) => urn.split("::").at(-1))).toEqual(["relay-provider-firewall"]);
  expect([relay.isShared, relay.outlives]).toEqual([false, undefined]);
});

test("gives sshd its one port and its one key of the stack's, in plain sight of a preview", async () => {
  const configured = await register(() => {
    const { host, sshd } = hetznerRelay({ sshPort: 2222 });
    host.step("relay-sshd", sshd, {});
  });
  const { inputs } = named(configured, "relay-sshd");
  expect([inputs["create"], inputs["stdin"]]).toEqual([
    "timeout 300 /usr/local/lib/homerelay/apply-sshd.sh",
    endDocument(renderSshdStep(2222, "ssh-ed25519 AAAAadmin")),
  ]);
});

test("lets both addresses lead back to a name, by Hetzner's ids, before the homes are cleaned", async () => {
  const dnsPtr = "www.example.org";
  const namedRelay = await register(() => hetznerRelay({ plan: relayPlan({ reverseName: dnsPtr }) }));
  const reverse = ["relay-ipv4-reverse-name", "relay-ipv6-reverse-name"].map((name) =>
    named(namedRelay, name),
  );
  expect(reverse.map(({ inputs }) => inputs)).toEqual([
    { primaryIpId: 104, ipAddress: "203.0.113.5", dnsPtr },
    { primaryIpId: 106, ipAddress: "2001:db8:77::1", dnsPtr },
  ]);
  expect(reverse.map(({ dependsOn }) => dependsOn)).toEqual([
    ["nas-uninstall", "relay-ipv4"],
    ["nas-uninstall", "relay-ipv6"],
  ]);
});

test("says nothing of reverse names where none is wanted", () => {
  expect(registered.filter(({ type }) => type === types.rdns)).toEqual([]);
});
