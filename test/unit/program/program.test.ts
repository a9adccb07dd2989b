import { beforeAll, expect, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { peerAddress } from "../../../components/network/addressPlan.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import {
  derivePresharedKey,
  deriveSshKey,
  deriveStackId,
  deriveWireguardKey,
} from "../../../components/keys/deriveKeys.ts";
import { documentOf, isSecret, named, plainTexts, register, tree, types, waitsFor } from "../mockEngine.ts";
import type { Registered } from "../mockEngine.ts";

const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdrPNNQoboRuwlw77m/0np4zuVHFEtkOBsvAdTzKM7U";
let registered: readonly Registered[];

beforeAll(async () => {
  registered = await register(() => import("../../../index.ts"), {
    "hcloud:token": "a1B2".repeat(16),
    "home-relay:homes": JSON.stringify([
      { name: "nas", ssh: { host: "192.168.1.10", hostKey }, forwards: ["80:8080", "64738/tcp+udp"] },
      { name: "media", ssh: { host: "192.168.1.11", hostKey, user: "admin" }, forwards: ["443"] },
    ]),
    "home-relay:devices": JSON.stringify(["phone", { name: "laptop", allow: ["media", "internet via nas"] }]),
    "home-relay:dns": JSON.stringify({ zone: "example.org", names: ["@", "www"] }),
  });
});

test("makes these things and no other", () => {
  expect(`\n${tree(registered).join("\n")}\n`).toMatchInlineSnapshot(`
    "
    homerelay:index:HomeRelay home
    homerelay:keys:Keys home-keys < homerelay:index:HomeRelay home
    random:index/randomPassword:RandomPassword home-keys-relay < homerelay:keys:Keys home-keys
    random:index/randomPassword:RandomPassword home-keys-peer-nas < homerelay:keys:Keys home-keys
    random:index/randomPassword:RandomPassword home-keys-peer-media < homerelay:keys:Keys home-keys
    random:index/randomPassword:RandomPassword home-keys-peer-phone < homerelay:keys:Keys home-keys
    random:index/randomPassword:RandomPassword home-keys-peer-laptop < homerelay:keys:Keys home-keys
    random:index/randomPassword:RandomPassword home-keys-ssh < homerelay:keys:Keys home-keys
    command:local:Command home-nas-uninstall < homerelay:index:HomeRelay home
    command:local:Command home-media-uninstall < homerelay:index:HomeRelay home
    command:local:Command home-order-check < homerelay:index:HomeRelay home
    command:local:Command home-receipt < homerelay:index:HomeRelay home
    homerelay:hetzner:HetznerRelay home-relay < homerelay:index:HomeRelay home
    hcloud:index/primaryIp:PrimaryIp home-relay-ipv4 < homerelay:hetzner:HetznerRelay home-relay
    hcloud:index/primaryIp:PrimaryIp home-relay-ipv6 < homerelay:hetzner:HetznerRelay home-relay
    hcloud:index/sshKey:SshKey home-relay-ssh-key < homerelay:hetzner:HetznerRelay home-relay
    command:local:Command home-relay-stray-server < homerelay:hetzner:HetznerRelay home-relay
    command:local:Command home-relay-ssh-endpoint < homerelay:hetzner:HetznerRelay home-relay
    hcloud:index/firewall:Firewall home-relay-provider-firewall < homerelay:hetzner:HetznerRelay home-relay
    hcloud:index/server:Server home-relay-server < homerelay:hetzner:HetznerRelay home-relay
    command:local:Command home-relay-reach < homerelay:hetzner:HetznerRelay home-relay
    command:remote:Command home-relay-prepare < homerelay:hetzner:HetznerRelay home-relay
    hcloud:index/rdns:Rdns home-relay-ipv4-reverse-name < homerelay:hetzner:HetznerRelay home-relay
    hcloud:index/rdns:Rdns home-relay-ipv6-reverse-name < homerelay:hetzner:HetznerRelay home-relay
    homerelay:firewall:Firewall home-relay-firewall < homerelay:index:HomeRelay home
    command:remote:Command home-relay-firewall-rules < homerelay:firewall:Firewall home-relay-firewall
    command:remote:Command home-relay-firewall-confirm < homerelay:firewall:Firewall home-relay-firewall
    command:remote:Command home-relay-sshd < homerelay:index:HomeRelay home
    homerelay:tunnel:Tunnel home-relay-tunnel < homerelay:index:HomeRelay home
    command:remote:Command home-relay-tunnel-keys < homerelay:tunnel:Tunnel home-relay-tunnel
    command:remote:Command home-relay-tunnel-interface < homerelay:tunnel:Tunnel home-relay-tunnel
    homerelay:home:Home home-nas < homerelay:index:HomeRelay home
    command:local:Command home-nas-reach < homerelay:home:Home home-nas
    command:local:Command home-nas-prepare < homerelay:home:Home home-nas
    command:local:Command home-nas-guard < homerelay:home:Home home-nas
    command:local:Command home-nas-keys < homerelay:home:Home home-nas
    command:local:Command home-nas-tunnel < homerelay:home:Home home-nas
    command:local:Command home-nas-former-machine < homerelay:home:Home home-nas
    command:local:Command home-nas-proof < homerelay:home:Home home-nas
    command:local:Command home-nas-leftovers < homerelay:home:Home home-nas
    homerelay:home:Home home-media < homerelay:index:HomeRelay home
    command:local:Command home-media-reach < homerelay:home:Home home-media
    command:local:Command home-media-prepare < homerelay:home:Home home-media
    command:local:Command home-media-guard < homerelay:home:Home home-media
    command:local:Command home-media-keys < homerelay:home:Home home-media
    command:local:Command home-media-tunnel < homerelay:home:Home home-media
    command:local:Command home-media-former-machine < homerelay:home:Home home-media
    command:local:Command home-media-proof < homerelay:home:Home home-media
    command:local:Command home-media-leftovers < homerelay:home:Home home-media
    homerelay:hetzner:HetznerZone home-zone < homerelay:index:HomeRelay home
    hcloud:index/zoneRrset:ZoneRrset home-zone-@-A < homerelay:hetzner:HetznerZone home-zone
    hcloud:index/zoneRrset:ZoneRrset home-zone-@-AAAA < homerelay:hetzner:HetznerZone home-zone
    hcloud:index/zoneRrset:ZoneRrset home-zone-www-A < homerelay:hetzner:HetznerZone home-zone
    hcloud:index/zoneRrset:ZoneRrset home-zone-www-AAAA < homerelay:hetzner:HetznerZone home-zone
    command:remote:Command home-relay-leftovers < homerelay:index:HomeRelay home
    homerelay:device:Device home-phone < homerelay:index:HomeRelay home
    homerelay:device:Device home-laptop < homerelay:index:HomeRelay home
    "
  `);
});

test("a device's configuration is an output, and secret", async () => {
  const { devices } = await import("../../../index.ts");
  expect(Object.keys(devices)).toEqual(["phone", "laptop"]);
  expect(await Promise.all(Object.values(devices).map((config) => pulumi.isSecret(config)))).toEqual([
    true,
    true,
  ]);
});

test("each end is told of the devices that are its business", () => {
  const stdin = (name: string) => JSON.stringify(named(registered, name).inputs["stdin"]);
  const { ipv4 } = peerAddress(parsePrefix("10.77.0.0/16"), parsePrefix("fd77::/64"), "laptop");
  for (const step of [
    "home-relay-firewall-rules",
    "home-relay-tunnel-interface",
    "home-nas-guard",
    "home-media-guard",
  ])
    expect(stdin(step)).toContain(ipv4);
  expect(stdin("home-nas-guard")).toMatch(/set devices_to_internet4 \{[^}]*elements/);
  expect(stdin("home-media-guard")).not.toContain("devices_to_internet");
});

test("no private key, preshared key or seed stands anywhere in clear", () => {
  const inputs = registered.map((one) => one.inputs);
  const everything = JSON.stringify(inputs);
  const clear = inputs.flatMap(plainTexts).join("\n");
  const secrets = secretTexts();
  // Each of them does go somewhere, so the search below looks for the right texts.
  expect(secrets.travelling.filter((text) => !everything.includes(text))).toEqual([]);
  expect([...secrets.travelling, ...secrets.staying].filter((text) => clear.includes(text))).toEqual([]);
});

test("a preview shows every document but those that carry keys or the token", () => {
  const hidden = registered.filter(({ inputs }) => isSecret(inputs["stdin"]) || isSecret(inputs["userData"]));
  expect(hidden.map(({ name }) => name)).toEqual([
    "home-order-check",
    "home-receipt",
    "home-relay-stray-server",
    "home-relay-ssh-endpoint",
    "home-relay-server",
    "home-relay-reach",
    "home-relay-tunnel-keys",
    "home-nas-keys",
    "home-nas-former-machine",
    "home-media-keys",
    "home-media-former-machine",
  ]);
});

test("only what tells whose it is waits for the stack's keys, and no document but those of keys and peers does", () => {
  const id = deriveStackId(deriveSshKey("random home-keys-ssh", "ssh admin", "home-relay-admin").publicKey);
  const telling = registered.filter(({ inputs }) => JSON.stringify(inputs).includes(id));
  expect(telling.map(({ name }) => name)).toEqual([
    ...["home-nas-uninstall", "home-media-uninstall", "home-order-check", "home-receipt"],
    ...["ipv4", "ipv6", "ssh-key", "stray-server", "provider-firewall", "server"].map(
      (thing) => `home-relay-${thing}`,
    ),
    ...["home-relay-reach", "home-relay-prepare"],
    ...["home-nas", "home-media"].flatMap((home) => [
      `${home}-reach`,
      `${home}-prepare`,
      `${home}-former-machine`,
    ]),
    ...["home-zone-@-A", "home-zone-@-AAAA", "home-zone-www-A", "home-zone-www-AAAA"],
  ]);
  const onHosts = telling.filter(
    ({ name }) => !["home-order-check", "home-receipt", "home-relay-stray-server"].includes(name),
  );
  expect(onHosts.filter(({ inputs }) => JSON.stringify(inputs["stdin"] ?? "").includes(id))).toEqual([]);
});

test("a new server gets every step of the relay again, and each home calls it and proves its forwards anew", () => {
  const [server, endpoint] = ["301", "said by home-relay-ssh-endpoint"];
  const steps = registered.filter(
    ({ type, name, dependsOn }) =>
      type.startsWith("command:") &&
      dependsOn.length > 0 &&
      !["home-receipt", "home-relay-ssh-endpoint", "home-relay-stray-server"].includes(name),
  );
  const onRelay = ({ name }: Registered) => name.startsWith("home-relay-");
  expect(again(server)).toEqual(steps.filter((one) => onRelay(one) || /-(tunnel|proof)$/.test(one.name)));
  expect(again(endpoint)).toEqual(steps.filter(onRelay));
});

/** What is done anew when this text, or one that begins with it, is another one. */
function again(trigger: string): Registered[] {
  return registered.filter((one) =>
    triggersOf(one).some((text) => text === trigger || text.startsWith(`${trigger} `)),
  );
}

/** The relay is reached again by its document, for its resource remembers what was reached. */
function triggersOf(one: Registered): readonly string[] {
  if (one.name === "home-relay-reach") return (documentOf(one)["made"] as { again: string[] }).again;
  return (one.inputs["triggers"] as string[] | undefined) ?? [];
}

test("nothing has an undo but the uninstall of each home, and what asks Hetzner whether anything is left", () => {
  expect(registered.filter(({ inputs }) => "delete" in inputs).map(({ name }) => name)).toEqual([
    "home-nas-uninstall",
    "home-media-uninstall",
    "home-receipt",
    "home-relay-stray-server",
  ]);
});

test("an uninstall waits for nothing but the stack's name, so its failure keeps nothing alive that is billed", () => {
  for (const home of ["nas", "media"]) {
    const uninstall = named(registered, `home-${home}-uninstall`);
    expect([uninstall.dependsOn, uninstall.replaceWith]).toEqual([["home-keys-ssh"], []]);
  }
});

test("destroy takes away all that is billed before it cleans a home, and a home's steps before that home", () => {
  const billed = registered.filter(({ type }) => type.startsWith("hcloud:") || type === types.remote);
  expect(billed).toHaveLength(18);
  expect(billed.filter((one) => !deletedBefore(one, "home-nas-uninstall", "home-media-uninstall"))).toEqual(
    [],
  );
  for (const home of ["nas", "media"]) {
    const steps = registered.filter(
      ({ type, name }) => type === types.local && name.startsWith(`home-${home}-`),
    );
    expect(steps).toHaveLength(9);
    const late = steps.filter((one) => !deletedBefore(one, `home-${home}-uninstall`));
    expect(late.map(({ name }) => name)).toEqual([`home-${home}-uninstall`]);
  }
});

test("Hetzner is asked before anything is made, changed or deleted there", () => {
  const ordered = registered.filter(({ type }) => type.startsWith("hcloud:"));
  expect(ordered.filter(({ dependsOn }) => !dependsOn.includes("home-order-check"))).toEqual([]);
  expect(named(registered, "home-order-check").dependsOn).toEqual(["home-keys-ssh"]);
});

test("and is asked what is left after all else there is gone, and before a home is cleaned, which may be off", () => {
  const ordered = registered.filter(({ type }) => type.startsWith("hcloud:"));
  expect(ordered.filter((one) => !deletedBefore(one, "home-receipt"))).toEqual([]);
  const receipt = named(registered, "home-receipt");
  expect(receipt.dependsOn).toEqual([
    "home-keys-ssh",
    "home-media-uninstall",
    "home-nas-uninstall",
    "home-order-check",
  ]);
});

test("and before anything is done at home, though it outlives what was ordered", () => {
  const atHome = registered.filter(
    ({ type, name }) => type === types.local && /^home-(nas|media)-(?!uninstall)/.test(name),
  );
  expect(atHome).toHaveLength(16);
  expect(atHome.filter((one) => !deletedBefore(one, "home-order-check"))).toEqual([]);
});

test("what a step needs is there before it", () => {
  const steps = registered.filter(({ type }) => type.startsWith("command:"));
  const order = steps.map(({ name, dependsOn }) => `${name}: ${dependsOn.filter(isStep).join(" ")}`.trim());
  expect(`\n${order.join("\n")}\n`).toMatchInlineSnapshot(`
    "
    home-nas-uninstall:
    home-media-uninstall:
    home-order-check:
    home-receipt: home-media-uninstall home-nas-uninstall home-order-check
    home-relay-stray-server: home-media-uninstall home-nas-uninstall home-order-check home-receipt
    home-relay-ssh-endpoint:
    home-relay-reach: home-relay-ssh-endpoint
    home-relay-prepare: home-relay-reach home-relay-ssh-endpoint
    home-relay-firewall-rules: home-relay-prepare home-relay-ssh-endpoint
    home-relay-firewall-confirm: home-relay-firewall-rules home-relay-ssh-endpoint
    home-relay-sshd: home-relay-firewall-confirm home-relay-ssh-endpoint
    home-relay-tunnel-keys: home-relay-prepare home-relay-ssh-endpoint
    home-relay-tunnel-interface: home-relay-firewall-confirm home-relay-ssh-endpoint home-relay-tunnel-keys
    home-nas-reach: home-nas-uninstall
    home-nas-prepare: home-nas-reach
    home-nas-guard: home-nas-prepare
    home-nas-keys: home-nas-prepare
    home-nas-tunnel: home-nas-guard home-nas-keys home-nas-prepare home-relay-tunnel-interface
    home-nas-former-machine: home-nas-guard home-nas-keys home-nas-tunnel home-relay-tunnel-interface
    home-nas-proof: home-nas-former-machine home-nas-guard home-nas-keys home-nas-prepare home-nas-tunnel home-relay-tunnel-interface
    home-nas-leftovers: home-nas-proof
    home-media-reach: home-media-uninstall
    home-media-prepare: home-media-reach
    home-media-guard: home-media-prepare
    home-media-keys: home-media-prepare
    home-media-tunnel: home-media-guard home-media-keys home-media-prepare home-relay-tunnel-interface
    home-media-former-machine: home-media-guard home-media-keys home-media-tunnel home-relay-tunnel-interface
    home-media-proof: home-media-former-machine home-media-guard home-media-keys home-media-prepare home-media-tunnel home-relay-tunnel-interface
    home-media-leftovers: home-media-proof
    home-relay-leftovers: home-relay-ssh-endpoint home-relay-sshd home-relay-tunnel-interface
    "
  `);
});

function isStep(name: string): boolean {
  return registered.some((one) => one.name === name && one.type.startsWith("command:"));
}

/** Whether the engine deletes `one` before each of the named: it depends on them, itself or through its parents. */
function deletedBefore(one: Registered, ...names: string[]): boolean {
  const before = waitsFor(registered, one);
  return names.every((name) => before.has(named(registered, name)));
}

/** Secrets that go to a host or to Hetzner, and those that never leave the program. */
function secretTexts(): { readonly travelling: string[]; readonly staying: string[] } {
  const ssh = [
    ["ssh admin", "home-relay-admin"],
    ["ssh first host", "home-relay-first"],
    ["ssh host", "home-relay"],
  ] as const;
  const homes = ["home-keys-peer-nas", "home-keys-peer-media"];
  const devices = ["home-keys-peer-phone", "home-keys-peer-laptop"];
  const peers = [...homes, ...devices];
  return {
    travelling: [
      deriveWireguardKey("random home-keys-relay", "wireguard relay").privateKey,
      ...homes.map((seed) => deriveWireguardKey(`random ${seed}`, "wireguard peer").privateKey),
      ...peers.map((seed) => derivePresharedKey(`random ${seed}`, "wireguard preshared key")),
      // The line that holds the seed: those before it are the public key.
      ...ssh.map(([info, comment]) => {
        const lines = deriveSshKey("random home-keys-ssh", info, comment).privateKeyOpenssh.split("\n");
        return lines[4] ?? "";
      }),
    ],
    staying: [
      ...["home-keys-relay", ...peers, "home-keys-ssh"].map((seed) => `random ${seed}`),
      ...devices.map((seed) => deriveWireguardKey(`random ${seed}`, "wireguard peer").privateKey),
    ],
  };
}
