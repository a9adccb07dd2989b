import { expect, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { register, valueOf } from "../mockEngine.ts";

const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdrPNNQoboRuwlw77m/0np4zuVHFEtkOBsvAdTzKM7U";

test("what the proof found is an output, plain, by home, also where a password is the way in", async () => {
  let stack: typeof import("../../../index.ts") | undefined;
  await register(
    async () => {
      stack = await import("../../../index.ts");
    },
    {
      "hcloud:token": "a1B2".repeat(16),
      "home-relay:homes": JSON.stringify([
        { name: "nas", ssh: { host: "192.168.1.10", hostKey, password: "geheim" }, forwards: ["80:8080"] },
        { name: "attic", install: "manual", forwards: ["443"] },
      ]),
    },
    ["home-relay:homes"],
    {
      "home-nas-proof": { stdout: pulumi.secret('tcp 80: open\nreachability {"80/tcp":{"ipv4":"open"}}\n') },
    },
  );
  const found = stack?.reachability ?? {};
  expect(Object.keys(found)).toEqual(["nas"]);
  const nas = found["nas"];
  if (nas === undefined) throw new Error("the home has no result");
  expect([await valueOf(nas), await pulumi.isSecret(nas)]).toEqual([{ "80/tcp": { ipv4: "open" } }, false]);
});
