import { expect, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { OrderCheck } from "../../../components/hetzner/OrderCheck.ts";
import type { Order } from "../../../components/hetzner/order.ts";
import { documentOf, named, register, secretsOf, tree } from "../mockEngine.ts";
import type { Registered } from "../mockEngine.ts";

const order: Order = {
  project: "home-relay",
  label: "home-relay-test",
  relay: { location: "nbg1", serverType: "cx23", image: "debian-13" },
  dns: { zone: "example.org", createZone: false, names: ["@", "www"] },
};

function check(change: Partial<Order> = {}): Promise<Registered[]> {
  return register(() => {
    const api = { endpoint: "https://api.example/v1", token: pulumi.secret("s3cret") };
    const asker = { ...api, stackId: "0123", adminKey: "ssh-ed25519 AAAAadmin", stack: "home-relay/test" };
    new OrderCheck("order-check", { order: { ...order, ...change }, asker });
  });
}

test("asks for what is ordered, in clear, with the token on stdin alone", async () => {
  const registered = await check();
  expect(tree(registered)).toEqual(["command:local:Command order-check"]);
  expect(named(registered, "order-check").inputs).toEqual({
    create: "node --disable-warning=ExperimentalWarning components/hetzner/check-order.ts",
    environment: { HOMERELAY_DOCUMENT: JSON.stringify(order, undefined, 2), NODE_USE_ENV_PROXY: "1" },
    stdin: { secret: expect.any(String) },
    logging: "stdoutAndStderr",
    addPreviousOutputInEnv: false,
  });
  expect(secretsOf(named(registered, "order-check"))).toEqual({
    endpoint: "https://api.example/v1",
    token: "s3cret",
    stackId: "0123",
    adminKey: "ssh-ed25519 AAAAadmin",
    stack: "home-relay/test",
  });
});

test("another order is asked for with the token of today, and another token alone asks for nothing", async () => {
  const { ignoreChanges, replaceOnChanges } = named(await check(), "order-check");
  expect([ignoreChanges, replaceOnChanges]).toEqual([
    ["stdin"],
    // The second is the SDK's own.
    ["environment", "triggers[*]"],
  ]);
});

test.each([
  ["relay", { dns: undefined }, { project: order.project, label: order.label, relay: order.relay }],
  ["names", { relay: undefined }, { project: order.project, label: order.label, dns: order.dns }],
])("asks for the %s alone where the other half is not Hetzner's", async (_what, change, asked) => {
  expect(documentOf(named(await check(change), "order-check"))).toEqual(asked);
});
