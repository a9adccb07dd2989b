import { expect, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { OrderCheck } from "../../../components/hetzner/OrderCheck.ts";
import type { OrderCheckArgs } from "../../../components/hetzner/OrderCheck.ts";
import { renderOrder } from "../../../components/hetzner/order.ts";
import { named, register, tree } from "../mockEngine.ts";
import type { Registered } from "../mockEngine.ts";

const order = {
  label: "home-relay-test",
  relay: { location: "nbg1", serverType: "cx23", image: "debian-13" },
  dns: { zone: "example.org", createZone: false, names: ["@", "www"] },
};

async function check(
  more: Partial<OrderCheckArgs> = {},
): Promise<{ registered: Registered[]; passed: readonly pulumi.Resource[] }> {
  let passed: readonly pulumi.Resource[] = [];
  const registered = await register(() => {
    const hetzner = { endpoint: "https://api.example/v1", token: pulumi.secret("s3cret") };
    ({ passed } = new OrderCheck("order", { ...order, hetzner, ...more }));
  });
  return { registered, passed };
}

test("asks for what is ordered, in clear, with the token on stdin alone", async () => {
  const { registered, passed } = await check();
  expect(tree(registered)).toEqual([
    "homerelay:order:OrderCheck order",
    "command:local:Command order-check < homerelay:order:OrderCheck order",
  ]);
  expect(named(registered, "order-check").inputs).toEqual({
    create: "node --disable-warning=ExperimentalWarning components/hetzner/check-order.ts",
    environment: { ...renderOrder(order), NODE_USE_ENV_PROXY: "1" },
    stdin: { secret: '{"endpoint":"https://api.example/v1","token":"s3cret"}' },
    logging: "stdoutAndStderr",
    addPreviousOutputInEnv: false,
  });
  expect(passed).toHaveLength(1);
});

test("another order is asked for with the token of today, and another token alone asks for nothing", async () => {
  const { ignoreChanges, replaceOnChanges } = named((await check()).registered, "order-check");
  expect([ignoreChanges, replaceOnChanges]).toEqual([
    ["stdin"],
    // The second is the SDK's own.
    ["environment", "triggers[*]"],
  ]);
});

test.each([
  ["relay", { dns: undefined }, ["ORDER_IMAGE", "ORDER_LABEL", "ORDER_LOCATION", "ORDER_SERVER_TYPE"]],
  ["names", { relay: undefined }, ["ORDER_CREATE_ZONE", "ORDER_LABEL", "ORDER_NAMES", "ORDER_ZONE"]],
])("asks for the %s alone where the other half is not Hetzner's", async (_what, more, variables) => {
  const { inputs } = named((await check(more)).registered, "order-check");
  expect(Object.keys(inputs["environment"] as object).sort()).toEqual(["NODE_USE_ENV_PROXY", ...variables]);
});

test("asks for nothing where nothing is Hetzner's", async () => {
  const { registered, passed } = await check({ relay: undefined, dns: undefined });
  expect([tree(registered), passed]).toEqual([["homerelay:order:OrderCheck order"], []]);
});
