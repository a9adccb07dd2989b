import { expect, test } from "@jest/globals";
import { cloudRequests, deleteServersByHand, forgetCloudRequests } from "../cloudByHand.ts";
import { controlCloud } from "../control.ts";
import { raiseLab } from "../fixture.ts";
import { asPerson } from "../network.ts";
import { home, zone } from "../operator.ts";
import { pageOf } from "../people.ts";
import { run } from "../shell.ts";

const lab = raiseLab({ stack: "reverse", settings: () => settings({ names: ["*", "www", "@"] }), up: true });

async function settings(dns: object) {
  return { homes: [await home(["80:8080"])], dns: { zone, createZone: true, ...dns } };
}

/** The names that a stranger finds for the relay's addresses; an empty one where there is none. */
async function found(): Promise<string[]> {
  const lookUp = async (address: string) =>
    (await run(asPerson("stranger", ["getent", "hosts", address]))).stdout.split(/\s+/)[1] ?? "";
  return Promise.all(both().map(lookUp));
}

const both = () => [lab.published[4], lab.published[6]];

const reverseCalls = async () =>
  (await cloudRequests()).filter(({ path }) => path.endsWith("/change_dns_ptr"));

test("both addresses lead back to the first name that is no wildcard, and that name to them", async () => {
  expect(await found()).toEqual([`www.${zone}`, `www.${zone}`]);
  for (const family of [4, 6] as const)
    expect(await pageOf(`http://www.${zone}/`, family)).toContain("Hello from home");
});

test("a further up asks the cloud nothing", async () => {
  await forgetCloudRequests();
  await lab.operator.up(["--expect-no-changes"]);
  expect(await cloudRequests()).toEqual([]);
});

test("another server does not touch them", async () => {
  await deleteServersByHand();
  await forgetCloudRequests();
  await lab.operator.up(["--refresh"]);
  expect(
    (await cloudRequests()).some(({ method, path }) => method === "POST" && path.endsWith("/servers")),
  ).toBe(true);
  expect(await reverseCalls()).toEqual([]);
  expect(await found()).toEqual([`www.${zone}`, `www.${zone}`]);
});

test("another name takes one call for each address", async () => {
  await lab.operator.configure(await settings({ names: ["*", "www", "@"], reverse: "relay.example.net." }));
  await forgetCloudRequests();
  await lab.operator.up();
  expect(await reverseCalls()).toHaveLength(2);
  expect(await found()).toEqual(["relay.example.net", "relay.example.net"]);
});

test("with none they have what Hetzner gives", async () => {
  await lab.operator.configure(await settings({ names: ["*", "www", "@"], reverse: false }));
  await lab.operator.up();
  const [a, b, c, d] = lab.published[4].split(".");
  expect(await found()).toEqual([`static.${d}.${c}.${b}.${a}.clients.your-server.de`, ""]);
});

test("destroy gives them back as they were", async () => {
  await lab.operator.configure(await settings({ names: ["www"] }));
  await lab.operator.up();
  expect(await found()).toEqual([`www.${zone}`, `www.${zone}`]);
  await forgetCloudRequests();
  await lab.operator.destroy();
  const bodies = (await reverseCalls()).map(({ body }) => body);
  expect(bodies).toHaveLength(2);
  expect(bodies).toEqual(expect.arrayContaining(both().map((ip) => ({ ip, dns_ptr: null }))));
  expect(await found()).toEqual(["", ""]);
  expect(await controlCloud({ get: "unexpected" })).toEqual([]);
});
