import { beforeAll, expect, test } from "@jest/globals";
import { named, register, tree, types } from "./mockEngine.ts";
import type { Registered } from "./mockEngine.ts";

const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdrPNNQoboRuwlw77m/0np4zuVHFEtkOBsvAdTzKM7U";
let registered: readonly Registered[];

beforeAll(async () => {
  registered = await register(() => import("../../index.ts"), {
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
  expect(tree(registered)).toContain("homerelay:relay:ExistingRelay relay");
});

test("both hosts are cleaned at the very end, and neither waits for the other", () => {
  const uninstalls = registered.filter(({ inputs }) => "delete" in inputs);
  expect(uninstalls.map(({ name, dependsOn }) => [name, dependsOn])).toEqual([
    ["nas-on-destroy", ["keys-ssh-admin"]],
    ["the relay-on-destroy", ["keys-ssh-admin"]],
  ]);
  expect(named(registered, "the relay-on-destroy").inputs["delete"]).toBe(
    "sh components/host/uninstall-host.sh components/relay/uninstall-relay.sh",
  );
  const host = registered.find(({ type, name }) => type === "homerelay:host:Host" && name === "relay-host");
  expect(host?.dependsOn).toEqual(["nas-on-destroy", "the relay-on-destroy"]);
});

test("the relay's rules are those of a machine that is shared, and forwards are tried once it passes packets on", () => {
  expect(named(registered, "relay-firewall-rules").inputs["create"]).toMatch(
    /apply-firewall\.sh public shared 51820$/,
  );
  expect(String(named(registered, "relay-firewall-rules").inputs["stdin"])).toContain("chain from_tunnel");
  expect(named(registered, "nas-proof").dependsOn).toContain("relay-system");
});

test("a machine that was the relay before is cleaned when all homes have gone over to the new one", () => {
  const { inputs, dependsOn } = named(registered, "the relay-former-machine");
  expect(inputs["create"]).toBe("sh components/host/clean-former.sh components/relay/uninstall-relay.sh");
  expect(dependsOn).toEqual(["keys-ssh-admin", "nas-proof"]);
});
