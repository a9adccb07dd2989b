import { beforeAll, expect, test } from "@jest/globals";
import { HomeRelay } from "../../../components/HomeRelay.ts";
import { homeRelayArgs } from "../componentArguments.ts";
import { documentOf, named, register, tree, types } from "../mockEngine.ts";
import type { Registered } from "../mockEngine.ts";

const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdrPNNQoboRuwlw77m/0np4zuVHFEtkOBsvAdTzKM7U";
let registered: readonly Registered[];

beforeAll(async () => {
  registered = await register(() => import("../../../index.ts"), {
    "home-relay:relay": JSON.stringify({ provider: "ssh", host: "203.0.113.5", hostKey, user: "deploy" }),
    "home-relay:homes": JSON.stringify([
      { name: "nas", ssh: { host: "192.168.1.10", hostKey }, forwards: ["80:8080"] },
    ]),
  });
});

test("a stack with a VPS that was there before makes nothing anywhere but on hosts, and needs no token", () => {
  expect(
    new Set(registered.map(({ type }) => type).filter((type) => !type.startsWith("homerelay:"))),
  ).toEqual(new Set([types.local, types.password]));
  expect(tree(registered)).toContain(
    "homerelay:relay:ExistingRelay home-relay < homerelay:index:HomeRelay home",
  );
});

test("both hosts are cleaned at the very end, and neither waits for the other", () => {
  const uninstalls = registered.filter(({ inputs }) => "delete" in inputs);
  expect(uninstalls.map(({ name, dependsOn }) => [name, dependsOn])).toEqual([
    ["home-nas-uninstall", ["home-keys-ssh"]],
    ["home-relay-uninstall", ["home-keys-ssh"]],
  ]);
  const uninstall = named(registered, "home-relay-uninstall");
  expect(uninstall.inputs["delete"]).toBe(
    "node --disable-warning=ExperimentalWarning components/host/uninstall-host.ts",
  );
  expect(documentOf(uninstall)["script"]).toBe("relay/uninstall-relay.sh");
  expect(named(registered, "home-relay-reach").dependsOn).toEqual([
    "home-keys-ssh",
    "home-nas-uninstall",
    "home-relay-uninstall",
  ]);
});

test("the relay's rules are those of a machine that is shared, and forwards are tried once it passes packets on", () => {
  expect(named(registered, "home-relay-firewall-rules").inputs["create"]).toMatch(
    /apply-firewall\.sh public shared 51820$/,
  );
  expect(String(named(registered, "home-relay-firewall-rules").inputs["stdin"])).toContain(
    "chain from_tunnel",
  );
  expect(named(registered, "home-nas-tunnel").dependsOn).toContain("home-relay-system");
  expect(named(registered, "home-nas-proof").dependsOn).toContain("home-nas-tunnel");
});

test("a machine that was the relay before is cleaned when all homes have gone over to the new one", () => {
  const former = named(registered, "home-relay-former-machine");
  expect(former.inputs["create"]).toBe(
    "node --disable-warning=ExperimentalWarning components/host/clean-former.ts",
  );
  expect(documentOf(former)["script"]).toBe("relay/uninstall-relay.sh");
  expect(former.dependsOn).toEqual(["home-keys-ssh", "home-nas-proof"]);
});

test("nothing is asked of Hetzner where nothing is Hetzner's", () => {
  expect(registered.filter(({ name }) => name.includes("order-check"))).toEqual([]);
});

test("its names may be in a zone at Hetzner, which is asked for that alone; the addresses lead back to none of them", async () => {
  const relay = { provider: "ssh", host: "203.0.113.5", hostKey };
  const homes = [{ name: "nas", ssh: { host: "192.168.1.10", hostKey }, forwards: ["80:8080"] }];
  const dns = { zone: "example.org" };
  const withZone = await register(() => new HomeRelay("home", homeRelayArgs({ relay, homes, dns })));
  const atHetzner = withZone.filter(({ type }) => type.startsWith("hcloud:"));
  expect(atHetzner.map(({ name, type }) => [name, type])).toEqual([["home-zone-@-A", types.rrset]]);
  expect(documentOf(named(withZone, "home-order-check"))).toEqual({
    project: "home-relay",
    label: "home-relay-test",
    dns: { zone: "example.org", createZone: false, names: ["@"] },
  });
});
