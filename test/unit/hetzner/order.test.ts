import { expect, test } from "@jest/globals";
import { explainRefusal, explainSilence } from "../../../components/hetzner/answers.ts";
import { parseOrder } from "../../../components/hetzner/order.ts";
import type { Order } from "../../../components/hetzner/order.ts";
import { renderProgramDocument } from "../../../components/network/programDocument.ts";

const project = "home-relay";
const label = "home-relay-dev";
const relay = { location: "nbg1", serverType: "cx23", image: "debian-13" };
const dns = { zone: "example.org", createZone: true, names: ["@", "*", "a.b"] };

test.each<Order>([
  { project, label, relay, dns },
  { project, label, relay, dns: undefined },
  { project, label, relay: undefined, dns: { ...dns, createZone: false } },
])("reads the order that it wrote: %j", (order) => {
  expect(parseOrder(renderProgramDocument(order), "it")).toEqual(order);
});

test("a preview shows each fact by its name", () => {
  const order: Order = { project, label, relay, dns: { ...dns, names: ["@"] } };
  expect(renderProgramDocument(order).split("\n")).toEqual([
    "{",
    '  "project": "home-relay",',
    '  "label": "home-relay-dev",',
    '  "relay": {',
    '    "location": "nbg1",',
    '    "serverType": "cx23",',
    '    "image": "debian-13"',
    "  },",
    '  "dns": {',
    '    "zone": "example.org",',
    '    "createZone": true,',
    '    "names": [',
    '      "@"',
    "    ]",
    "  }",
    "}",
  ]);
});

test("refuses a half order", () => {
  const half = JSON.stringify({ project, label, relay: { serverType: "cx23" } });
  expect(() => parseOrder(half, "it")).toThrow("the document has no relay.location");
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
    "Hetzner answers no more questions of this project for now (limit of 3600 requests per hour reached)\n  wait a few minutes, then run the same command again",
    "Hetzner's API is not well: oops (server_error)\n  see https://status.hetzner.com, then run the same command again",
    "Hetzner's API is not well: no reason given (status 502)\n  see https://status.hetzner.com, then run the same command again",
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
