/** What runs on the operator's machine, where no host answers; answers of real hosts are the lab's matter. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer as createApi } from "node:http";
import type { Server } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

const project = join(__dirname, "../..");
const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdrPNNQoboRuwlw77m/0np4zuVHFEtkOBsvAdTzKM7U";
let closedPort: number;

beforeAll(async () => {
  closedPort = await new Promise<number>((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
});

test("ssh gets one known_hosts line for each pinned key", () => {
  const { stdout } = run("print-known-hosts.sh", ["[nas.lan]:2222"], { HOST_KEYS: `${key}\n\n${key}x` });
  expect(stdout).toBe(`[nas.lan]:2222 ${key}\n[nas.lan]:2222 ${key}x\n`);
});

test("a host that does not answer is named, with what was tried, for how long, and what to look at", () => {
  const answer = run("reach-host.sh", [], { ...host(), WAIT_SECONDS: "1" });
  expect([answer.status, answer.stderr]).toEqual([
    1,
    expect.stringMatching(
      new RegExp(
        `^nas does not answer: tried ssh to 127\\.0\\.0\\.1 port ${closedPort} as root for [12] s, ` +
          "last answer: ssh: connect to host .* Connection refused\\s+" +
          "Is it switched on, is this the right address, and does a firewall let you through\\?\\n" +
          "To do meanwhile what does not need it: {2}pulumi up --continue-on-error\\n$",
      ),
    ),
  ]);
  expect(answer.stdout).toMatch(/^waiting for nas \(127\.0\.0\.1 port \d+\): .*refused \(0 s\)\n$/);
});

test("a name that does not exist is told at once", () => {
  const answer = run("reach-host.sh", [], { ...host(), HOST: "nas.invalid", WAIT_SECONDS: "60" });
  expect([answer.status, answer.stdout]).toEqual([1, ""]);
  expect(answer.stderr).toMatch(/^nas: ssh: Could not resolve hostname nas\.invalid: /);
});

test("a step for a host that is away waits for it, and names it and how to go on without it", () => {
  const answer = run("run-step.sh", ["true"], { ...host(), WAIT_SECONDS: "1" });
  expect([answer.status, answer.stdout]).toEqual([1, "waiting for nas (0 s)\n"]);
  expect(answer.stderr).toMatch(
    new RegExp(
      `^nas was away for [23] s: ssh: connect to host 127\\.0\\.0\\.1 port ${closedPort}: Connection refused\\n` +
        "Switch it on, then run the same command again\\. To do meanwhile what does not need it:\\n" +
        " {2}pulumi up --continue-on-error\\n$",
    ),
  );
});

test("a step for a host that no resolver knows ends at once", () => {
  const answer = run("run-step.sh", ["true"], { ...host(), HOST: "nas.invalid", WAIT_SECONDS: "60" });
  expect([answer.status, answer.stdout]).toEqual([255, ""]);
  expect(answer.stderr).toMatch(/^ssh: Could not resolve hostname nas\.invalid: /);
});

test("a home that cannot be cleaned is told last, with every way to finish", () => {
  const script = "components/home/uninstall-home.sh";
  const answer = run("uninstall-host.sh", [script], {
    ...host(),
    LOGIN: "admin",
    URN: "urn:pulumi:dev::home-relay::x::nas-on-destroy",
  });
  expect([answer.status, answer.stdout]).toEqual([1, ""]);
  expect(answer.stderr.replace(/ was not cleaned: .*\s*\n/, " was not cleaned: …\n")).toBe(`\
nas (127.0.0.1 port ${closedPort}) was not cleaned: …
It kept nothing alive that is billed: what this run was to take away at the provider is gone.
To finish when nas is back, run the same command again: pulumi destroy, or pulumi up if you took nas out of the settings.
To give it up for good, before that command:
  pulumi state delete 'urn:pulumi:dev::home-relay::x::nas-on-destroy'
What is on it then goes by hand:
  ssh -p ${closedPort} admin@127.0.0.1 "sudo -n bash -s -- 'nas'" < ${script}
`);
});

describe("destroy looks for a server that is left", () => {
  let api: Server;
  let endpoint: string;
  let asked: { url: string | undefined; authorization: string | undefined };
  let answer: { status: number; body: string };

  beforeAll(async () => {
    api = createApi((request, response) => {
      asked = { url: request.url, authorization: request.headers.authorization };
      response.writeHead(answer.status).end(answer.body);
    }).listen(0, "127.0.0.1");
    await once(api, "listening");
    endpoint = `http://127.0.0.1:${(api.address() as AddressInfo).port}/v1`;
  });
  afterAll(() => {
    api.close();
  });

  /** Not `spawnSync`: this process answers. */
  async function find(input: string, env: Record<string, string>): Promise<[number | null, string]> {
    const script = ["components/relay/find-stray-server.sh"];
    const environment = { PATH: process.env["PATH"], SERVER: "home-relay-dev", ...env };
    const child = spawn("sh", script, { cwd: project, env: environment });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += String(chunk)));
    child.stdin.end(input);
    const [code] = (await once(child, "close")) as [number | null];
    return [code, text];
  }

  test("and is content when there is none", async () => {
    answer = { status: 200, body: '{ "servers": [], "meta": {} }' };
    expect(await find("token", { ENDPOINT: endpoint })).toEqual([0, ""]);
    expect(asked).toEqual({ url: "/v1/servers?name=home-relay-dev", authorization: "Bearer token" });
  });

  test("with token and address from the environment where it is given none", async () => {
    answer = { status: 200, body: '{"servers":[]}' };
    const env = { ENDPOINT: "", HCLOUD_ENDPOINT: endpoint, HCLOUD_TOKEN: "other" };
    expect(await find("", env)).toEqual([0, ""]);
    expect(asked.authorization).toBe("Bearer other");
  });

  test("and fails with its number and what to do", async () => {
    answer = { status: 200, body: '{\n "servers": [\n {\n "id": 1005,\n "name": "x", "image": {"id": 7}}]}' };
    const [code, text] = await find("token", { ENDPOINT: endpoint });
    expect([code, text]).toEqual([
      1,
      expect.stringContaining("still has a server home-relay-dev (number 1005)"),
    ]);
    expect(text).toContain("Delete it in Hetzner's console, then run the same command again.");
  });

  test("and says so when it cannot ask", async () => {
    answer = { status: 401, body: "{}" };
    const [code, text] = await find("token", { ENDPOINT: endpoint });
    expect([code, text]).toEqual([1, expect.stringMatching(/^Could not ask Hetzner .*401/)]);
    expect(text).not.toContain("token");
  });
});

function host(): Record<string, string> {
  return {
    HOST: "127.0.0.1",
    PORT: String(closedPort),
    LOGIN: "root",
    HOST_KEYS: key,
    IDENTITY: "",
    NAME: "nas",
    HOST_KEY_MEND: "mend",
  };
}

function run(script: string, args: readonly string[], env: Record<string, string>) {
  const { status, stdout, stderr, error } = spawnSync("sh", [`components/host/${script}`, ...args], {
    cwd: project,
    encoding: "utf8",
    input: "",
    env: { PATH: process.env["PATH"], LC_ALL: "C", ...env },
  });
  if (error) throw error;
  if (/ssh: not found/.test(stderr + stdout))
    throw new Error("ssh is not on this machine; install it: apt-get install openssh-client");
  return { status, stdout, stderr };
}
