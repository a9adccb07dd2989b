/** What Hetzner is asked of a server and of prices, by who asks how the stack is or what it will cost, with an API that has these answers. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "@jest/globals";

const project = join(__dirname, "../../..");
const monthly = (location: string, gross: string) => ({
  location,
  price_monthly: { net: "1.0000000000", gross },
});
const server = {
  included_traffic: 21990232555520,
  ingoing_traffic: 5000,
  outgoing_traffic: 7000,
  location: { name: "nbg1" },
  server_type: { prices: [monthly("fsn1", "9"), monthly("nbg1", "4.7481000000000000")] },
};
const pricing = {
  currency: "EUR",
  primary_ips: [
    { type: "ipv6", prices: [monthly("nbg1", "0")] },
    { type: "ipv4", prices: [monthly("nbg1", "0.5950000000000000")] },
  ],
};

/** Runs a program against an API that has these answers. */
async function ask(
  answers: Readonly<Record<string, unknown>>,
  name = "ask-server.ts",
  document: object = { id: "42" },
) {
  const asked: string[] = [];
  const api = createServer((request, response) => {
    asked.push(`${request.url ?? ""} ${request.headers.authorization ?? ""}`);
    const answer = answers[request.url ?? ""];
    response.statusCode = answer === undefined ? 404 : 200;
    response.end(JSON.stringify(answer ?? { error: { code: "not_found", message: "server not found" } }));
  });
  await once(api.listen(0, "127.0.0.1"), "listening");
  const endpoint = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  const program = join(project, "components/hetzner", name);
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program], {
    env: { ...process.env, HOMERELAY_DOCUMENT: JSON.stringify(document) },
  });
  child.stdin.end(JSON.stringify({ endpoint, token: "secret" }));
  const [[status], stdout, stderr] = await Promise.all([
    once(child, "close") as Promise<[number | null]>,
    text(child.stdout),
    text(child.stderr),
  ]);
  api.close();
  return { status, stdout, stderr, asked: asked.sort() };
}

test("traffic as Hetzner counts it, and the price of server and IPv4 address where the server stands, with VAT", async () => {
  const { status, stdout, asked } = await ask({ "/servers/42": { server }, "/pricing": { pricing } });
  expect([status, JSON.parse(stdout)]).toEqual([
    0,
    {
      sentBytes: 7000,
      receivedBytes: 5000,
      includedBytes: 21990232555520,
      price: { currency: "EUR", server: 4.7481, ipv4: 0.595 },
    },
  ]);
  expect(asked).toEqual(["/pricing Bearer secret", "/servers/42 Bearer secret"]);
});

test("a server that is new has no traffic yet, and one whose price is not told costs nobody knows what", async () => {
  const bare = { ...server, outgoing_traffic: null, ingoing_traffic: null, server_type: { prices: [] } };
  const { stdout } = await ask({ "/servers/42": { server: bare }, "/pricing": { pricing } });
  expect(JSON.parse(stdout)).toEqual({
    sentBytes: null,
    receivedBytes: null,
    includedBytes: 21990232555520,
    price: null,
  });
});

test("a refusal is told in the words of an order's check", async () => {
  const { status, stdout, stderr } = await ask({ "/pricing": { pricing } });
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toContain("server not found");
  expect(stderr).not.toContain("    at ");
});

test("what all types cost in each location, with VAT; a price that is not named is left out", async () => {
  const server_types = [
    { name: "cx23", prices: [monthly("nbg1", "4.7481000000000000"), monthly("hel1", "4.1")] },
    { name: "cax11", prices: [{ location: "nbg1" }] },
  ];
  const types = { server_types, meta: { pagination: { next_page: null } } };
  const answers = { "/server_types?page=1&per_page=50": types, "/pricing": { pricing } };
  const { status, stdout, stderr } = await ask(answers, "ask-prices.ts", {});
  expect({ status, stderr, said: JSON.parse(stdout) as unknown }).toEqual({
    status: 0,
    stderr: "",
    said: {
      currency: "EUR",
      ipv4: { nbg1: 0.595 },
      servers: { cx23: { nbg1: 4.7481, hel1: 4.1 }, cax11: {} },
    },
  });
});

test("prices that Hetzner does not tell end with its own words", async () => {
  const { status, stderr } = await ask({}, "ask-prices.ts", {});
  expect([status, stderr]).toEqual([1, expect.stringContaining("server not found")]);
});
