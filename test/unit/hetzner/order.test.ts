import { expect, test } from "@jest/globals";
import { explainRefusal, explainSilence } from "../../../components/hetzner/answers.ts";
import { parseOrder, renderOrder } from "../../../components/hetzner/order.ts";
import type { Order } from "../../../components/hetzner/order.ts";

const label = "home-relay-dev";
const relay = { location: "nbg1", serverType: "cx23", image: "debian-13" };
const dns = { zone: "example.org", createZone: true, names: ["@", "*", "a.b"] };

test.each<Order>([
  { label, relay, dns },
  { label, relay, dns: undefined },
  { label, relay: undefined, dns: { ...dns, createZone: false } },
])("reads the order that it wrote: %j", (order) => {
  expect(parseOrder(renderOrder(order))).toEqual(order);
});

test("a preview shows each fact by its name", () => {
  expect(renderOrder({ label, relay, dns })).toEqual({
    ORDER_LABEL: "home-relay-dev",
    ORDER_LOCATION: "nbg1",
    ORDER_SERVER_TYPE: "cx23",
    ORDER_IMAGE: "debian-13",
    ORDER_ZONE: "example.org",
    ORDER_CREATE_ZONE: "true",
    ORDER_NAMES: "@ * a.b",
  });
});

test("refuses a half order", () => {
  expect(() => parseOrder({ ORDER_LABEL: label, ORDER_SERVER_TYPE: "cx23" })).toThrow(
    "ORDER_LOCATION is not set",
  );
});

test("a refused token is told from an API that has enough and one that is not well", () => {
  const token =
    "create one with read and write access in the project's console, then: pulumi config set --secret hcloud:token";
  const error = (message: string, code: string) => ({ error: { message, code } });
  expect([
    explainRefusal(401, error("the token you have provided is invalid", "unauthorized")),
    explainRefusal(403, error("insufficient permissions", "forbidden")),
    explainRefusal(429, error("limit of 3600 requests per hour reached", "rate_limit_exceeded")),
    explainRefusal(500, error("oops", "server_error")),
    explainRefusal(502, undefined),
  ]).toEqual([
    `hcloud:token: Hetzner does not know it (the token you have provided is invalid)\n  ${token}`,
    `hcloud:token: Hetzner does not let it do that (insufficient permissions)\n  ${token}`,
    "Hetzner answers no more questions of this project for now (limit of 3600 requests per hour reached)\n  wait a few minutes, then: pulumi up",
    "Hetzner's API is not well: oops (server_error)\n  see https://status.hetzner.com, then: pulumi up",
    "Hetzner's API is not well: no reason given (status 502)\n  see https://status.hetzner.com, then: pulumi up",
  ]);
});

test("silence is told with its cause, however deep it lies", () => {
  const told = (error: unknown) => explainSilence("https://api.hetzner.cloud/v1", error).split("\n")[0];
  const refused = new Error("connect ECONNREFUSED 192.0.2.1:443");
  const late = Object.assign(new Error("The operation was aborted"), { name: "TimeoutError" });
  const at = "Hetzner's API at https://api.hetzner.cloud/v1 cannot be reached: ";
  expect([told(new TypeError("fetch failed", { cause: refused })), told(late)]).toEqual([
    `${at}connect ECONNREFUSED 192.0.2.1:443`,
    `${at}no answer in time`,
  ]);
});
