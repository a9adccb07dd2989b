import { afterEach, beforeEach, expect, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { readSettings } from "../../components/settings/StackSettings.ts";
import { sshKey } from "../../components/keys/deriveKeys.ts";

const token = "a1B2".repeat(16);
const { publicKey: hostKey } = sshKey(Buffer.alloc(32, 7), "");
const homes = JSON.stringify([
  { name: "nas", ssh: { host: "192.168.1.10", hostKey }, forwards: ["80:8080"] },
]);
const environment = process.env["HCLOUD_TOKEN"];

beforeEach(async () => {
  delete process.env["HCLOUD_TOKEN"];
  const refuse = ({ type, token: call }: { type?: string; token?: string }) => {
    throw new Error(`unexpected ${type ?? call ?? ""}`);
  };
  await pulumi.runtime.setMocks({ newResource: refuse, call: refuse }, "home-relay", "test");
});
afterEach(() => {
  if (environment === undefined) delete process.env["HCLOUD_TOKEN"];
  else process.env["HCLOUD_TOKEN"] = environment;
});

test("reads the sections from the project's own namespace", () => {
  pulumi.runtime.setAllConfig({
    "home-relay:relay": '{"sshPort":2222}',
    "home-relay:homes": homes,
    "home-relay:devices": '["phone"]',
    "home-relay:tunnel": '{"mtu":1280}',
    "home-relay:dns": '{"zone":"example.org"}',
    "hcloud:token": token,
    "hcloud:endpoint": "http://127.0.0.1",
  });
  const settings = readSettings();
  expect([
    settings.relay.sshPort,
    settings.homes[0]?.name,
    settings.devices[0]?.name,
    settings.tunnel.mtu,
    settings.dns?.zone,
  ]).toEqual([2222, "nas", "phone", 1280, "example.org"]);
});

test("takes the token from the environment where the configuration has none", () => {
  pulumi.runtime.setAllConfig({ "home-relay:homes": homes });
  process.env["HCLOUD_TOKEN"] = token;
  expect(readSettings().homes).toHaveLength(1);
});

test("refuses with a RunError that tells everything but the token", () => {
  pulumi.runtime.setAllConfig({
    "home-relay:homes": homes,
    "home-relay:tunel": "{}",
    "hcloud:token": "s3cret",
  });
  expect(() => readSettings()).toThrow(
    new pulumi.RunError(
      "2 problems in the settings:\n\n" +
        "  home-relay:tunel: is not a setting\n    did you mean tunnel?\n\n" +
        "  hcloud:token: must have exactly 64 characters; found 6\n" +
        "    create a token with read and write access in the Hetzner console, then: pulumi config set --secret hcloud:token",
    ),
  );
  expect(() => readSettings()).toThrow(pulumi.RunError);
});
