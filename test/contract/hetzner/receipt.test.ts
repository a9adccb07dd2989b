import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { startCloud } from "../../lab/cloud/cloud.ts";
import type { Cloud } from "../../lab/cloud/cloud.ts";

/** The program that asks what is left when all is gone, against the stand-in cloud. */

jest.setTimeout(60_000);

const project = join(__dirname, "../../..");
const token = "t".repeat(64);
const address = "127.0.1.2";
const endpoint = `http://${address}:18082/v1`;
const stackId = "0123";

let cloud: Cloud;

beforeAll(async () => {
  const refuse = () => Promise.reject(new Error("it may only ask"));
  cloud = await startCloud({
    host: { create: refuse, destroy: refuse, powerOn: refuse, powerOff: refuse, setFirewall: refuse },
    apiAddress: address,
    apiPort: 18082,
    resolverAddress: address,
    resolverPort: 18055,
    token,
    log: () => undefined,
  });
});

afterAll(() => cloud.close());

async function receipt(
  document: object = {},
  access: object = { endpoint, token },
): Promise<{ readonly code: number; readonly said: string }> {
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "components/hetzner/write-receipt.ts"],
    {
      cwd: project,
      env: { PATH: process.env["PATH"], HOMERELAY_DOCUMENT: JSON.stringify(document) },
      stdio: ["pipe", "pipe", "pipe"],
    },
  );
  child.stdin.end(JSON.stringify({ ...access, stackId }));
  const ended = once(child, "close") as Promise<[code: number]>;
  const [out, error, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, said: out + error };
}

describe("the receipt, once all that was ordered should be gone", () => {
  const labels = { "home-relay-stack": stackId };
  const call = async (method: "POST" | "DELETE", path: string, body?: object) => {
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const answer = await fetch(endpoint + path, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    return answer.text();
  };

  test("says that nothing is billed any more when Hetzner has nothing of the stack, and that a zone stays", async () => {
    await cloud.control({ seedZone: { name: "kept.example" } });
    const { code, said } = await receipt({ zone: "kept.example", createdZone: false });
    expect([code, said.replace(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/, "TIME")]).toEqual([
      0,
      `Hetzner was asked on TIME, and has nothing of this stack any more: no server, address, firewall, SSH key, zone or record. None of it is billed any more.
The zone kept.example was there before this stack and stays, without the records that the stack made.
`,
    ]);
  });

  test("claims nothing of the kind while one thing of the stack is left, and leaves those of others out", async () => {
    const address = { type: "ipv4", auto_delete: false, location: "nbg1" };
    const [own = "", others = ""] = await Promise.all(
      [labels, { "home-relay-stack": "another" }].map((each, i) =>
        call("POST", "/primary_ips", { ...address, name: `address-${i}`, labels: each }),
      ),
    );
    const { primary_ip: kept } = JSON.parse(own) as { primary_ip: { id: number; ip: string } };
    const { code, said } = await receipt();
    expect([code, said.split("\n").slice(0, 2)]).toEqual([
      0,
      [
        expect.stringMatching(new RegExp(`UTC, and still has of this stack: address ${kept.ip}\\.$`)),
        "What of it is billed is billed on. Delete it in Hetzner's console: after pulumi destroy this stack knows nothing of it.",
      ],
    ]);
    expect(said).not.toContain("None of it is billed");
    const { primary_ip: other } = JSON.parse(others) as { primary_ip: { id: number } };
    for (const { id } of [kept, other]) await call("DELETE", `/primary_ips/${id}`);
    expect((await receipt()).said).toContain("None of it is billed any more.");
  });

  test("is none where Hetzner cannot be asked, and that fails nothing", async () => {
    const { code, said } = await receipt({}, { endpoint: "http://127.0.0.1:1/v1", token });
    expect([code, said]).toEqual([
      0,
      expect.stringMatching(
        /^Hetzner could not be asked whether it has anything left of this stack: Hetzner's API at [^]*\nLook into its console before/,
      ),
    ]);
    expect((await receipt({}, { endpoint, token: "wrong" })).said).toContain("could not be asked");
  });
});
