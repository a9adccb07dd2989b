import { beforeAll, expect, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { peerAddress } from "../../components/network/addressPlan.ts";
import { parsePrefix } from "../../components/network/prefix.ts";
import {
  derivePresharedKey,
  deriveSshKey,
  deriveStackId,
  deriveWireguardKey,
} from "../../components/keys/deriveKeys.ts";
import { isSecret, named, plainTexts, register, tree, types } from "./mockEngine.ts";
import type { Registered } from "./mockEngine.ts";

const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdrPNNQoboRuwlw77m/0np4zuVHFEtkOBsvAdTzKM7U";
let registered: readonly Registered[];

beforeAll(async () => {
  registered = await register(() => import("../../index.ts"), {
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
    homerelay:keys:Keys keys
    random:index/randomPassword:RandomPassword keys-relay < homerelay:keys:Keys keys
    random:index/randomPassword:RandomPassword keys-peer-nas < homerelay:keys:Keys keys
    random:index/randomPassword:RandomPassword keys-peer-media < homerelay:keys:Keys keys
    random:index/randomPassword:RandomPassword keys-peer-phone < homerelay:keys:Keys keys
    random:index/randomPassword:RandomPassword keys-peer-laptop < homerelay:keys:Keys keys
    random:index/randomPassword:RandomPassword keys-ssh-admin < homerelay:keys:Keys keys
    random:index/randomPassword:RandomPassword keys-ssh-first-host < homerelay:keys:Keys keys
    random:index/randomPassword:RandomPassword keys-ssh-host < homerelay:keys:Keys keys
    homerelay:host:Uninstall nas
    command:local:Command nas-on-destroy < homerelay:host:Uninstall nas
    homerelay:host:Uninstall media
    command:local:Command media-on-destroy < homerelay:host:Uninstall media
    homerelay:order:OrderCheck order
    command:local:Command order-check < homerelay:order:OrderCheck order
    homerelay:relay:RelayServer relay
    hcloud:index/primaryIp:PrimaryIp relay-ipv4 < homerelay:relay:RelayServer relay
    hcloud:index/primaryIp:PrimaryIp relay-ipv6 < homerelay:relay:RelayServer relay
    hcloud:index/sshKey:SshKey relay-ssh-key < homerelay:relay:RelayServer relay
    command:local:Command relay-stray-server < homerelay:relay:RelayServer relay
    homerelay:relay:SshDoor relay-ssh-door < homerelay:relay:RelayServer relay
    command:local:Command relay-ssh-door < homerelay:relay:SshDoor relay-ssh-door
    homerelay:firewall:ProviderFirewall provider-firewall
    hcloud:index/firewall:Firewall provider-firewall-rules < homerelay:firewall:ProviderFirewall provider-firewall
    hcloud:index/server:Server relay-server < homerelay:relay:RelayServer relay
    homerelay:host:Host relay-host < homerelay:relay:RelayServer relay
    command:local:Command relay-host-reach < homerelay:host:Host relay-host
    command:remote:Command relay-host-prepare < homerelay:host:Host relay-host
    homerelay:firewall:Firewall relay-firewall
    command:remote:Command relay-firewall-rules < homerelay:firewall:Firewall relay-firewall
    command:remote:Command relay-firewall-confirm < homerelay:firewall:Firewall relay-firewall
    homerelay:relay:Sshd relay-sshd
    command:remote:Command relay-sshd-config < homerelay:relay:Sshd relay-sshd
    homerelay:tunnel:Tunnel relay-tunnel
    command:remote:Command relay-tunnel-keys < homerelay:tunnel:Tunnel relay-tunnel
    command:remote:Command relay-tunnel-interface < homerelay:tunnel:Tunnel relay-tunnel
    homerelay:home:Home nas
    homerelay:host:Host nas-host < homerelay:home:Home nas
    command:local:Command nas-host-reach < homerelay:host:Host nas-host
    command:local:Command nas-host-prepare < homerelay:host:Host nas-host
    command:local:Command nas-guard < homerelay:home:Home nas
    command:local:Command nas-keys < homerelay:home:Home nas
    command:local:Command nas-tunnel < homerelay:home:Home nas
    homerelay:host:FormerMachine nas
    command:local:Command nas-former-machine < homerelay:host:FormerMachine nas
    homerelay:reachability:Reachability nas
    command:local:Command nas-proof < homerelay:reachability:Reachability nas
    homerelay:home:Home media
    homerelay:host:Host media-host < homerelay:home:Home media
    command:local:Command media-host-reach < homerelay:host:Host media-host
    command:local:Command media-host-prepare < homerelay:host:Host media-host
    command:local:Command media-guard < homerelay:home:Home media
    command:local:Command media-keys < homerelay:home:Home media
    command:local:Command media-tunnel < homerelay:home:Home media
    homerelay:host:FormerMachine media
    command:local:Command media-former-machine < homerelay:host:FormerMachine media
    homerelay:reachability:Reachability media
    command:local:Command media-proof < homerelay:reachability:Reachability media
    homerelay:dns:DynDns relay-dyndns
    command:remote:Command relay-dyndns-updates < homerelay:dns:DynDns relay-dyndns
    homerelay:dns:Dns dns
    hcloud:index/zoneRrset:ZoneRrset dns-@-A < homerelay:dns:Dns dns
    hcloud:index/zoneRrset:ZoneRrset dns-@-AAAA < homerelay:dns:Dns dns
    hcloud:index/zoneRrset:ZoneRrset dns-www-A < homerelay:dns:Dns dns
    hcloud:index/zoneRrset:ZoneRrset dns-www-AAAA < homerelay:dns:Dns dns
    hcloud:index/rdns:Rdns dns-reverse-ipv4 < homerelay:dns:Dns dns
    hcloud:index/rdns:Rdns dns-reverse-ipv6 < homerelay:dns:Dns dns
    homerelay:device:Device phone
    homerelay:device:Device laptop
    "
  `);
});

test("a device's configuration is an output, and secret", async () => {
  const { devices } = await import("../../index.ts");
  expect(Object.keys(devices)).toEqual(["phone", "laptop"]);
  expect(await Promise.all(Object.values(devices).map((config) => pulumi.isSecret(config)))).toEqual([
    true,
    true,
  ]);
});

test("each end is told of the devices that are its business", () => {
  const stdin = (name: string) => JSON.stringify(named(registered, name).inputs["stdin"]);
  const { ipv4 } = peerAddress(parsePrefix("10.77.0.0/16"), parsePrefix("fd77::/64"), "laptop");
  for (const step of ["relay-firewall-rules", "relay-tunnel-interface", "nas-guard", "media-guard"])
    expect(stdin(step)).toContain(ipv4);
  expect(stdin("nas-guard")).toMatch(/set exit_guests4 \{[^}]*elements/);
  expect(stdin("media-guard")).not.toMatch(/set exit_guests4 \{[^}]*elements/);
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
    "order-check",
    "relay-stray-server",
    "relay-ssh-door",
    "relay-server",
    "relay-host-reach",
    "relay-tunnel-keys",
    "nas-keys",
    "media-keys",
  ]);
});

test("only what tells a host whose it is waits for the stack's keys, and no document but those of keys and peers does", () => {
  const id = deriveStackId(deriveSshKey("random keys-ssh-admin", "ssh admin", "home-relay-admin").publicKey);
  const telling = registered.filter(({ inputs }) => JSON.stringify(inputs).includes(id));
  expect(telling.map(({ name }) => name)).toEqual([
    ...["nas-on-destroy", "media-on-destroy"],
    ...["relay-host-reach", "relay-host-prepare"],
    ...["nas", "media"].flatMap((home) => [
      `${home}-host-reach`,
      `${home}-host-prepare`,
      `${home}-former-machine`,
    ]),
  ]);
  expect(telling.filter(({ inputs }) => JSON.stringify(inputs["stdin"] ?? "").includes(id))).toEqual([]);
});

test("a new server gets every step of the relay again, and each home calls it and proves its forwards anew", () => {
  const [server = "", door = ""] = named(registered, "relay-host-reach").inputs["triggers"] as string[];
  expect([server, door]).toEqual(["301", "said by relay-ssh-door"]);
  const steps = registered.filter(
    ({ type, name, dependsOn }) =>
      type.startsWith("command:") &&
      dependsOn.length > 0 &&
      !["relay-ssh-door", "relay-stray-server"].includes(name),
  );
  const onRelay = ({ name }: Registered) => name.startsWith("relay-");
  expect(again(server)).toEqual(steps.filter((one) => onRelay(one) || /-(tunnel|proof)$/.test(one.name)));
  expect(again(door)).toEqual(steps.filter(onRelay));
});

/** What is done anew when this text, or one that begins with it, is another one. */
function again(trigger: string): Registered[] {
  return registered.filter(({ inputs }) =>
    (inputs["triggers"] as string[] | undefined)?.some(
      (one) => one === trigger || one.startsWith(`${trigger} `),
    ),
  );
}

test("nothing has an undo but the uninstall of each home, and the watch for a server that is left", () => {
  expect(registered.filter(({ inputs }) => "delete" in inputs).map(({ name }) => name)).toEqual([
    "nas-on-destroy",
    "media-on-destroy",
    "relay-stray-server",
  ]);
});

test("an uninstall waits for nothing but the stack's name, so its failure keeps nothing alive that is billed", () => {
  for (const home of ["nas", "media"]) {
    const uninstall = named(registered, `${home}-on-destroy`);
    expect([uninstall.dependsOn, uninstall.replaceWith]).toEqual([["keys-ssh-admin"], []]);
  }
});

test("destroy takes away all that is billed before it cleans a home, and a home's steps before that home", () => {
  const billed = registered.filter(({ type }) => type.startsWith("hcloud:") || type === types.remote);
  expect(billed).toHaveLength(18);
  expect(billed.filter((one) => !deletedBefore(one, "nas-on-destroy", "media-on-destroy"))).toEqual([]);
  for (const home of ["nas", "media"]) {
    const steps = registered.filter(({ type, name }) => type === types.local && name.startsWith(`${home}-`));
    const late = steps.filter((one) => !deletedBefore(one, `${home}-on-destroy`));
    expect(late.map(({ name }) => name)).toEqual([`${home}-on-destroy`]);
  }
});

test("Hetzner is asked before anything is made, changed or deleted there", () => {
  const ordered = registered.filter(({ type }) => type.startsWith("hcloud:"));
  expect(ordered.filter(({ dependsOn }) => !dependsOn.includes("order-check"))).toEqual([]);
  expect(named(registered, "order-check").dependsOn).toEqual([]);
});

test("and before anything is done at home, though it outlives what was ordered", () => {
  const atHome = registered.filter(
    ({ type, name }) => type === types.local && /^(nas|media)-(?!on-destroy)/.test(name),
  );
  expect(atHome).toHaveLength(14);
  expect(atHome.filter((one) => !deletedBefore(one, "order-check"))).toEqual([]);
});

test("what a step needs is there before it", () => {
  const steps = registered.filter(({ type }) => type.startsWith("command:"));
  const order = steps.map(({ name, dependsOn }) => `${name}: ${dependsOn.filter(isStep).join(" ")}`.trim());
  expect(`\n${order.join("\n")}\n`).toMatchInlineSnapshot(`
    "
    nas-on-destroy:
    media-on-destroy:
    order-check:
    relay-stray-server: media-on-destroy nas-on-destroy order-check
    relay-ssh-door:
    relay-host-reach: relay-ssh-door
    relay-host-prepare: relay-host-reach relay-ssh-door
    relay-firewall-rules: relay-host-prepare relay-ssh-door
    relay-firewall-confirm: relay-firewall-rules relay-ssh-door
    relay-sshd-config: relay-firewall-confirm relay-ssh-door
    relay-tunnel-keys: relay-host-prepare relay-ssh-door
    relay-tunnel-interface: relay-firewall-confirm relay-ssh-door relay-tunnel-keys
    nas-host-reach:
    nas-host-prepare: nas-host-reach
    nas-guard: nas-host-prepare
    nas-keys: nas-host-prepare
    nas-tunnel: nas-guard nas-keys relay-tunnel-interface
    nas-former-machine: nas-guard nas-tunnel
    nas-proof: nas-former-machine nas-guard nas-tunnel
    media-host-reach:
    media-host-prepare: media-host-reach
    media-guard: media-host-prepare
    media-keys: media-host-prepare
    media-tunnel: media-guard media-keys relay-tunnel-interface
    media-former-machine: media-guard media-tunnel
    media-proof: media-former-machine media-guard media-tunnel
    relay-dyndns-updates: relay-host-prepare relay-ssh-door
    "
  `);
});

function isStep(name: string): boolean {
  return registered.some((one) => one.name === name && one.type.startsWith("command:"));
}

/** Whether the engine deletes `one` before each of the named: it depends on them, itself or through its parents. */
function deletedBefore(one: Registered, ...names: string[]): boolean {
  const seen = new Set<Registered>();
  const walk = (next: Registered) => {
    if (seen.has(next)) return;
    seen.add(next);
    for (const name of next.dependsOn) walk(named(registered, name));
    for (const above of registered) if (`${above.type} ${above.name}` === next.parent) walk(above);
  };
  walk(one);
  return !names.includes(one.name) && names.every((name) => seen.has(named(registered, name)));
}

/** Secrets that go to a host or to Hetzner, and those that never leave the program. */
function secretTexts(): { readonly travelling: string[]; readonly staying: string[] } {
  const ssh = [
    ["keys-ssh-admin", "ssh admin", "home-relay-admin"],
    ["keys-ssh-first-host", "ssh first host", "home-relay-first"],
    ["keys-ssh-host", "ssh host", "home-relay"],
  ] as const;
  const homes = ["keys-peer-nas", "keys-peer-media"];
  const devices = ["keys-peer-phone", "keys-peer-laptop"];
  const peers = [...homes, ...devices];
  return {
    travelling: [
      deriveWireguardKey("random keys-relay", "wireguard relay").privateKey,
      ...homes.map((seed) => deriveWireguardKey(`random ${seed}`, "wireguard peer").privateKey),
      ...peers.map((seed) => derivePresharedKey(`random ${seed}`, "wireguard preshared key")),
      // The line that holds the seed: those before it are the public key.
      ...ssh.map(([seed, info, comment]) => {
        const lines = deriveSshKey(`random ${seed}`, info, comment).privateKeyOpenssh.split("\n");
        return lines[4] ?? "";
      }),
    ],
    staying: [
      ...["keys-relay", ...peers, ...ssh.map(([seed]) => seed)].map((seed) => `random ${seed}`),
      ...devices.map((seed) => deriveWireguardKey(`random ${seed}`, "wireguard peer").privateKey),
    ],
  };
}
