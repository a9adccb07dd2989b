import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Order } from "../../../components/hetzner/order.ts";
import { startCloud } from "../../lab/cloud/cloud.ts";
import type { Cloud } from "../../lab/cloud/cloud.ts";

/** The program that asks before anything is ordered, against the stand-in cloud. */

const project = join(__dirname, "../../..");
const token = "t".repeat(64);
const address = "127.0.1.1";
const endpoint = `http://${address}:18081/v1`;
const relay = { location: "nbg1", serverType: "cx23", image: "debian-13" };
const stack = {
  stackId: "0123",
  adminKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdrPNNQoboRuwlw77m/0np4zuVHFEtkOBsvAdTzKM7U us",
  stack: "home-relay/test",
};
const order: Order = { project: "home-relay", label: "home-relay-test", relay, dns: undefined };

let cloud: Cloud;

beforeAll(async () => {
  const refuse = () => Promise.reject(new Error("it may only ask"));
  cloud = await startCloud({
    host: { create: refuse, destroy: refuse, powerOn: refuse, powerOff: refuse, setFirewall: refuse },
    apiAddress: address,
    apiPort: 18081,
    resolverAddress: address,
    resolverPort: 18054,
    token,
    log: () => undefined,
  });
});

afterAll(() => cloud.close());

beforeEach(async () => {
  await cloud.control({ reset: "faults" });
  await cloud.control({ reset: "requests" });
});

interface Said {
  readonly code: number;
  readonly said: string;
}

async function ask(
  wanted: Order = order,
  access: object = { endpoint, token },
  environment: Record<string, string> = {},
): Promise<Said> {
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "components/hetzner/check-order.ts"],
    {
      cwd: project,
      env: { PATH: process.env["PATH"], HOMERELAY_DOCUMENT: JSON.stringify(wanted), ...environment },
      stdio: ["pipe", "pipe", "pipe"],
    },
  );
  child.stdin.end(JSON.stringify({ ...stack, ...access }));
  const ended = once(child, "close") as Promise<[code: number]>;
  const [out, error, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, said: out + error };
}

const asked = async () =>
  (await cloud.control({ get: "requests" })) as { method: string; path: string; status: number }[];

const good = { code: 0, said: "Hetzner was asked: the order can be placed\n" };

test("asks the few questions that the order needs, and none that the API does not know", async () => {
  await cloud.control({ seedZone: { name: "example.org" } });
  const dns = { zone: "example.org", createZone: false, names: ["@", "*"] };
  expect(await ask({ ...order, dns })).toEqual(good);
  expect((await asked()).map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
    "GET /v1/firewalls?page=1&per_page=50",
    "GET /v1/images?type=system&include_deprecated=true&page=1&per_page=50",
    "GET /v1/locations?page=1&per_page=50",
    "GET /v1/server_types?page=1&per_page=50",
    "GET /v1/servers?page=1&per_page=50",
    "GET /v1/ssh_keys?page=1&per_page=50",
    "GET /v1/zones/example.org/rrsets?name=%40&page=1&per_page=50",
    "GET /v1/zones/example.org/rrsets?name=*&page=1&per_page=50",
    "GET /v1/zones?page=1&per_page=50",
    // Refused in any case: whether the token may do more than read is in how.
    "POST /v1/ssh_keys",
  ]);
  expect(await cloud.control({ get: "unexpected" })).toEqual([]);
});

test("says all that is wrong, and nothing of the token", async () => {
  const dns = { zone: "nowhere.example", createZone: false, names: ["@"] };
  const { code, said } = await ask({ ...order, relay: { ...relay, serverType: "cx77" }, dns });
  expect(code).toBe(1);
  expect(said).toMatch(
    /^Nothing was ordered, and nothing at Hetzner was changed:\n\nhome-relay:relay.serverType: [^]*\n\nhome-relay:dns.zone: /,
  );
  expect(said).not.toContain(token);
});

test("a type that is sold out is only remarked on while there is no server to lose", async () => {
  await cloud.control({ stockOut: ["cx23"] });
  const { code, said } = await ask();
  expect([code, said.split("\n")[0]]).toEqual([
    0,
    "cx23 is sold out at nbg1 just now, says Hetzner, and may be wrong. " +
      "If it refuses the order: at nbg1 there are: cpx22, cx33",
  ]);
});

test("finds a zone behind many others", async () => {
  for (let i = 0; i < 60; i++) await cloud.control({ seedZone: { name: `n${i}.example` } });
  expect(await ask({ ...order, dns: { zone: "n59.example", createZone: false, names: ["@"] } })).toEqual(
    good,
  );
});

test("asks again when the API has too much to do", async () => {
  await cloud.control({ rateLimit: 1, unavailable: 1 });
  expect(
    await ask({ ...order, relay: undefined, dns: { zone: "new.example", createZone: true, names: ["@"] } }),
  ).toEqual(good);
  // The zones fill two pages by now.
  expect((await asked()).map(({ status }) => status).sort()).toEqual([200, 200, 200, 422, 429, 503]);
}, 20_000);

test("tells a token that may only read, before anything is ordered with it", async () => {
  await cloud.control({ readOnly: true });
  expect(await ask()).toEqual({
    code: 1,
    said:
      "Nothing was ordered, and nothing at Hetzner was changed:\n\nhcloud:token: it may only read\n" +
      "  create one with read and write access in the project's console, then: pulumi config set --secret hcloud:token\n",
  });
  expect((await asked()).filter(({ method }) => method !== "GET").map(({ status }) => status)).toEqual([403]);
});

describe("a stack that was renamed", () => {
  const dns = { zone: "renamed.example", createZone: true, names: ["@"] };
  const renamed = { ...order, relay: undefined, label: "home-relay-new", dns };
  const labels = { "home-relay": "home-relay-test", "home-relay-stack": stack.stackId };

  test("may go on with its zone, is not told to give it up, and gives it up to no edit", async () => {
    await cloud.control({ seedZone: { name: dns.zone, labels } });
    expect(await ask(renamed)).toEqual(good);
    const { code, said } = await ask({ ...renamed, dns: { ...dns, createZone: false } });
    expect([code, said]).toEqual([1, expect.stringContaining("leave createZone: true")]);
  });

  test("finds its server by its former name's key, and takes nobody else's", async () => {
    const api = (path: string, body: object) =>
      fetch(`${endpoint}${path}`, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
    await api("/ssh_keys", { name: "home-relay-test", public_key: stack.adminKey });
    await api("/firewalls", { name: "home-relay-test" });
    await api("/firewalls", { name: "home-relay-new", labels: { ...labels, "home-relay-stack": "4567" } });
    expect(await ask()).toEqual(good);
    expect(await ask({ ...order, label: "home-relay-new" })).toEqual({
      code: 1,
      said: expect.stringContaining(
        "hcloud:token: its Hetzner project has a firewall named home-relay-new already",
      ),
    });
  });
});

test("tells a token that Hetzner does not know", async () => {
  const { code, said } = await ask(order, { endpoint, token: "b".repeat(64) });
  expect([code, said]).toEqual([1, expect.stringContaining("hcloud:token: Hetzner does not know it")]);
  expect(said).not.toContain("b".repeat(64));
});

test("tells an API that is not there, and one that is none", async () => {
  const page = createServer((_, response) => response.end("<html>Log in to the hotel's network</html>"));
  await once(page.listen(0, "127.0.0.1"), "listening");
  const { port } = page.address() as AddressInfo;
  const at = (url: string) => ask(order, { endpoint: url, token });
  expect(await at(`http://127.0.0.1:${port}/v1/`)).toEqual({
    code: 1,
    said: expect.stringContaining("Hetzner's API is not well: no reason given (status 200)"),
  });
  page.close();
  expect(await at(`http://127.0.0.1:${port}/v1`)).toEqual({
    code: 1,
    said: expect.stringContaining(
      `Hetzner's API at http://127.0.0.1:${port}/v1 cannot be reached: connect ECONNREFUSED`,
    ),
  });
});

test("goes through a proxy where the provider would", async () => {
  const tried: string[] = [];
  const proxy = createServer((request, response) => {
    tried.push(request.url ?? "");
    response.writeHead(407).end();
  });
  proxy.on("connect", (request, socket) => {
    tried.push(request.url ?? "");
    // Whoever was refused asks no further.
    socket.on("error", () => undefined);
    socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
  });
  await once(proxy.listen(0, "127.0.0.1"), "listening");
  const { port } = proxy.address() as AddressInfo;
  const environment = { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: `http://127.0.0.1:${port}` };
  const { code } = await ask(order, { endpoint: "http://api.example/v1", token }, environment);
  proxy.close();
  expect(code).toBe(1);
  expect(tried.length).toBeGreaterThan(0);
  expect(tried.join()).toContain("api.example");
});
