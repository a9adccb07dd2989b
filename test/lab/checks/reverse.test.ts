import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { cloudApiUrl } from "../addresses.ts";
import { controlCloud } from "../control.ts";
import { asPerson } from "../network.ts";
import { home, Operator, zone } from "../operator.ts";
import { Progress } from "../progress.ts";
import { must, run } from "../shell.ts";
import { cloudToken, down, up } from "../world.ts";

const minute = 60_000;
jest.setTimeout(3 * minute);

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

let operator: Operator;
let both: string[];

beforeAll(async () => {
  await down();
  await up(new Progress(process.stderr));
  operator = await Operator.withStack("reverse", () => undefined);
  await configure({ names: ["*", "www", "@"] });
  await operator.up();
  const { ipv4Address, ipv6Address } = await operator.outputs();
  both = [String(ipv4Address), String(ipv6Address)];
}, 30 * minute);

afterAll(down, minute);

async function configure(dns: object): Promise<void> {
  await operator.configure({
    homes: [await home(["80:8080"])],
    dns: { zone, createZone: true, ...dns },
  });
}

/** The names that a stranger finds for the relay's addresses; an empty one where there is none. */
async function found(): Promise<string[]> {
  const lookUp = async (address: string) =>
    (await run(asPerson("stranger", ["getent", "hosts", address]))).stdout.split(/\s+/)[1] ?? "";
  return Promise.all(both.map(lookUp));
}

async function calls(): Promise<Call[]> {
  return (await controlCloud({ get: "requests" })) as Call[];
}

const reverseCalls = async () => (await calls()).filter(({ path }) => path.endsWith("/change_dns_ptr"));

test("both addresses lead back to the first name that is no wildcard, and that name to them", async () => {
  expect(await found()).toEqual([`www.${zone}`, `www.${zone}`]);
  for (const family of ["4", "6"]) {
    const page = ["curl", "--silent", "--max-time", "4", `-${family}`, `http://www.${zone}/`];
    expect(await must(asPerson("stranger", page))).toContain("Hello from home");
  }
});

test("a further up asks the cloud nothing", async () => {
  await controlCloud({ reset: "requests" });
  await operator.up(["--expect-no-changes"]);
  expect(await calls()).toEqual([]);
});

test("another server does not touch them", async () => {
  const { servers } = (await controlCloud({ get: "everything" })) as { servers: { id: number }[] };
  const token = ["--header", `Authorization: Bearer ${await cloudToken()}`];
  const call = ["curl", "--silent", "--fail", "--request", "DELETE", ...token];
  await must(asPerson("operator", [...call, `${cloudApiUrl}/servers/${servers[0]?.id ?? 0}`]));
  await controlCloud({ reset: "requests" });
  await operator.up(["--refresh"]);
  expect((await calls()).some(({ method, path }) => method === "POST" && path.endsWith("/servers"))).toBe(
    true,
  );
  expect(await reverseCalls()).toEqual([]);
  expect(await found()).toEqual([`www.${zone}`, `www.${zone}`]);
});

test("another name takes one call for each address", async () => {
  await configure({ names: ["*", "www", "@"], reverse: "relay.example.net." });
  await controlCloud({ reset: "requests" });
  await operator.up();
  expect(await reverseCalls()).toHaveLength(2);
  expect(await found()).toEqual(["relay.example.net", "relay.example.net"]);
});

test("with none they have what Hetzner gives", async () => {
  await configure({ names: ["*", "www", "@"], reverse: false });
  await operator.up();
  const [a, b, c, d] = (both[0] ?? "").split(".");
  expect(await found()).toEqual([`static.${d}.${c}.${b}.${a}.clients.your-server.de`, ""]);
});

test("destroy gives them back as they were", async () => {
  await configure({ names: ["www"] });
  await operator.up();
  expect(await found()).toEqual([`www.${zone}`, `www.${zone}`]);
  await controlCloud({ reset: "requests" });
  await operator.destroy();
  const bodies = (await reverseCalls()).map(({ body }) => body);
  expect(bodies).toHaveLength(2);
  expect(bodies).toEqual(expect.arrayContaining(both.map((ip) => ({ ip, dns_ptr: null }))));
  expect(await found()).toEqual(["", ""]);
  expect(await controlCloud({ get: "unexpected" })).toEqual([]);
});
