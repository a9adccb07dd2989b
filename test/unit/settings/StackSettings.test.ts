import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { readSettings } from "../../../components/settings/StackSettings.ts";
import { sshKey } from "../../../components/keys/deriveKeys.ts";

const token = "a1B2".repeat(16);
const { publicKey: hostKey } = sshKey(Buffer.alloc(32, 7), "");
const homes = JSON.stringify([
  { name: "nas", ssh: { host: "192.168.1.10", hostKey }, forwards: ["80:8080"] },
]);
const environment = { ...process.env };

beforeEach(async () => {
  delete process.env["HCLOUD_TOKEN"];
  delete process.env["HCLOUD_ENDPOINT"];
  const refuse = ({ type, token: call }: { type?: string; token?: string }) => {
    throw new Error(`unexpected ${type ?? call ?? ""}`);
  };
  await pulumi.runtime.setMocks({ newResource: refuse, call: refuse }, "home-relay", "test");
});
afterEach(() => {
  process.env = { ...environment };
});

const told = (output: pulumi.Output<string>) => new Promise((resolve) => output.apply(resolve));

test("reads the sections from the project's own namespace", async () => {
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
    settings.relay.provider === "hetzner" && settings.relay.sshPort,
    settings.homes[0]?.name,
    settings.devices[0]?.name,
    settings.tunnel.mtu,
    settings.dns?.names,
  ]).toEqual([2222, "nas", "phone", 1280, ["@"]]);
  expect(settings.hetzner.endpoint).toBe("http://127.0.0.1");
  expect(await told(settings.hetzner.token)).toBe(token);
});

describe("a section in which something is encrypted", () => {
  const dns = { provider: "duckdns", names: ["myhome"], token: "s3cret" };

  test("is read as a whole, and may hold secrets", () => {
    pulumi.runtime.setAllConfig(
      {
        "home-relay:homes": homes,
        "home-relay:dns": JSON.stringify(dns),
        "hcloud:token": token,
      },
      ["hcloud:token", "home-relay:dns"],
    );
    expect(readSettings().dns).toEqual({ ...dns, names: ["myhome.duckdns.org"] });
  });

  test("is not shown when it is no mapping", () => {
    pulumi.runtime.setAllConfig(
      {
        "home-relay:homes": homes,
        "home-relay:dns": "s3cret",
        "hcloud:token": token,
      },
      ["home-relay:dns"],
    );
    expect(() => readSettings()).toThrow('must be a mapping of keys to values; found "(encrypted)"');
  });

  test("is told from one in plain text", () => {
    pulumi.runtime.setAllConfig(
      {
        "home-relay:homes": homes,
        "home-relay:dns": JSON.stringify(dns),
        "hcloud:token": token,
      },
      ["hcloud:token"],
    );
    expect(() => readSettings()).toThrow(
      "home-relay:dns.token: is a secret, and stands in the stack file in plain text",
    );
  });
});

test("leaves a token that is in the environment there, out of the state", async () => {
  pulumi.runtime.setAllConfig({ "home-relay:homes": homes });
  process.env["HCLOUD_TOKEN"] = token;
  const { hetzner } = readSettings();
  expect(await Promise.all([told(hetzner.token), pulumi.isSecret(hetzner.token)])).toEqual(["", true]);
});

test("reaches Hetzner where the provider does: by the configuration, else the environment, else the provider's default", () => {
  const endpoint = (config: Record<string, string>) => {
    pulumi.runtime.setAllConfig({ "home-relay:homes": homes, "hcloud:token": token, ...config });
    return readSettings().hetzner.endpoint;
  };
  expect(endpoint({})).toBe("https://api.hetzner.cloud/v1");
  process.env["HCLOUD_ENDPOINT"] = "http://192.0.2.1/v1";
  expect(endpoint({})).toBe("http://192.0.2.1/v1");
  expect(endpoint({ "hcloud:endpoint": "http://192.0.2.2/v1" })).toBe("http://192.0.2.2/v1");
  expect(endpoint({ "hcloud:endpoint": "" })).toBe("http://192.0.2.1/v1");
  process.env["HCLOUD_ENDPOINT"] = "";
  expect(endpoint({})).toBe("https://api.hetzner.cloud/v1");
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

test("in a project of another name, reads that one's sections and names them", async () => {
  const refuse = () => {
    throw new Error("unexpected");
  };
  await pulumi.runtime.setMocks({ newResource: refuse, call: refuse }, "other", "test");
  pulumi.runtime.setAllConfig({
    "other:homes": homes,
    "other:tunnel": '{"mtu":1}',
    "other:dns": '{"provider":"duckdns","names":["myhome"]}',
    "hcloud:token": token,
  });
  expect(() => readSettings()).toThrow(
    /other:tunnel\.mtu: must be[^]*other:dns\.token: is missing\n +set it, encrypted: pulumi config set --secret --path other:dns\.token/,
  );
});

describe("a password", () => {
  const ssh = { host: "192.168.1.10", hostKey, password: "correct.horse" };
  const config = {
    "home-relay:homes": JSON.stringify([{ name: "nas", ssh, forwards: ["80:8080"] }]),
    "hcloud:token": token,
  };
  const secretKeys = ["home-relay:homes"];
  const project = process.cwd();
  let folder: string;

  const stackFile = "Pulumi.test.yaml";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "home-relay-stack-"));
    process.chdir(folder);
  });
  afterEach(() => {
    process.chdir(project);
    rmSync(folder, { recursive: true });
  });

  test("that the engine decrypted is taken, without its warning", () => {
    const warn = jest.spyOn(pulumi.log, "warn");
    pulumi.runtime.setAllConfig(config, secretKeys);
    writeFileSync(
      stackFile,
      "config:\n  home-relay:homes:\n    - ssh:\n        password:\n          secure: v1:x\n",
    );
    expect(readSettings().homes).toHaveLength(1);
    expect(warn).not.toHaveBeenCalled();
  });

  test("that stands in plain text is refused", () => {
    pulumi.runtime.setAllConfig(config);
    expect(() => readSettings()).toThrow("homes[0].ssh.password: stands in plain text in the stack file");
  });

  /** Beside an encrypted one, as YAML may be written. */
  const spellings: readonly (readonly [string, string])[] = [
    ["plain", "{ host: a, password: correct.horse }"],
    ["quoted, with a comment", '\n        password: "correct.horse" # mine'],
    ["in single quotes", "\n        password: 'correct.horse'"],
    ["on the next line", "\n        password:\n          correct.horse"],
    ["folded", "\n        password: >-\n          correct.horse"],
    ["as a block", "\n        password: |-\n          correct.horse"],
    ["with escapes", '\n        password: "correct\\x2ehorse"'],
    ["under a quoted key", '{ "password": "correct.horse" }'],
    ["with a space before the colon", "{ password : correct.horse }"],
    ["with a tag", "{ password: !!str correct.horse }"],
    ["by an anchor", "{ user: &it correct.horse, password: *it }"],
    ["by a merge", "{ <<: { password: correct.horse } }"],
    ["as JSON", '{"host":"a","password":"correct.horse"}'],
  ];
  const other = "\n    - ssh: { password: { secure: v1:x } }";

  test.each(spellings)("that stands in plain text beside an encrypted one is refused: %s", (_, ssh) => {
    pulumi.runtime.setAllConfig(config, secretKeys);
    for (const section of ["home-relay:homes", "homes", '"home-relay:homes"']) {
      writeFileSync(stackFile, `config:\n  ${section}:\n    - ssh: ${ssh}${other}\n`);
      expect(() => readSettings()).toThrow("homes[0].ssh.password: stands in plain text in the stack file");
    }
  });

  test.each([
    ["over lines", "\n        password:\n          secure: v1:x"],
    ["in one line", "{ password: { secure: v1:x } }"],
    ["though another key has the same text in clear", "{ host: correct.horse, password: { secure: v1:x } }"],
    ["by a merge", "{ <<: { password: { secure: v1:x } } }"],
  ])("that is encrypted is taken: %s", (_, ssh) => {
    pulumi.runtime.setAllConfig(config, secretKeys);
    writeFileSync(stackFile, `config:\n  home-relay:homes:\n    - ssh: ${ssh}\n`);
    expect(readSettings().homes).toHaveLength(1);
  });

  test("that came encrypted with the whole section, or from elsewhere, is taken", () => {
    pulumi.runtime.setAllConfig(config, secretKeys);
    for (const written of ["home-relay:homes: { secure: v1:x }", "hcloud:token: { secure: v1:x }", ""]) {
      writeFileSync(stackFile, written === "" ? "" : `config:\n  ${written}\n`);
      expect(readSettings().homes).toHaveLength(1);
    }
  });

  test("in a section that is written as one text is refused", () => {
    pulumi.runtime.setAllConfig(config, secretKeys);
    writeFileSync(stackFile, `config:\n  home-relay:homes: '${JSON.stringify([{ ssh }])}'\n`);
    expect(() => readSettings()).toThrow("homes[0].ssh.password: stands in plain text in the stack file");
  });
});
