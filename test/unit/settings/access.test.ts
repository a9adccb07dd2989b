/** How a home is set up, and the ways to get there, as a stack file says it. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { sshKey } from "../../../components/keys/deriveKeys.ts";
import { parseSettings } from "../../../components/settings/parseSettings.ts";
import type { HomeSettings } from "../../../components/settings/settings.ts";
import { SettingsError } from "../../../components/settings/settingsError.ts";

const { publicKey: hostKey } = sshKey(Buffer.alloc(32, 7), "");
const { publicKey: jumpKey } = sshKey(Buffer.alloc(32, 8), "");
const ssh = { host: "192.168.1.10", hostKey };
const password = "battery staple";
const key = "home-relay:homes[0].ssh.password";
const set = `pulumi config set --secret --path '${key}'`;

/** Settings with these homes; a text in them counts as encrypted where `encrypted` has it. */
function parse(homes: unknown, encrypted: readonly string[] = [password]): readonly HomeSettings[] {
  return parseSettings({
    relay: {},
    homes,
    tunnel: {},
    dns: {},
    isEncrypted: (section, text) => section === "homes" && encrypted.includes(text),
    hcloudToken: "a1B2".repeat(16),
  }).homes;
}

function problemsOf(homes: unknown, encrypted?: readonly string[]): readonly string[] {
  try {
    parse(homes, encrypted);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

const home = (change: object) => [{ name: "nas", forwards: ["80:8080"], ...change }];
const sshOf = (change: object) => home({ ssh: { ...ssh, ...change } });
const accessOf = (change: object) => {
  const [it] = parse(sshOf(change));
  return it?.install === "manual" ? undefined : it?.access;
};

const common = {
  name: "nas",
  tunnelAddress: { ipv4: "10.77.218.48", ipv6: "fd77::da30" },
  forwards: [expect.anything()],
};

test("a home that is this machine, and one that is set up by hand, need no way in", () => {
  expect(parse(home({ install: "local" }))).toEqual([{ ...common, install: "local", access: "here" }]);
  expect(parse(home({ install: "manual" }))).toEqual([{ ...common, install: "manual" }]);
});

test("a password comes with the key under which it was set, for messages", () => {
  expect(accessOf({ user: "ops", password })).toEqual({
    host: "192.168.1.10",
    port: 22,
    user: "ops",
    hostKey,
    identityFile: undefined,
    password: { text: password, key },
    jump: undefined,
  });
});

describe("a jump host is written", () => {
  const jump = { host: "gate", port: 22, user: "root", hostKey: undefined, identityFile: undefined };
  test.each<[string | object, object]>([
    ["gate", {}],
    ["ops@gate", { user: "ops" }],
    ["ops@gate:2222", { user: "ops", port: 2222 }],
    ["ssh://ops@gate:2222", { user: "ops", port: 2222 }],
    ["fd00::9", { host: "fd00::9" }],
    ["ops@[fd00::9]:2222", { host: "fd00::9", user: "ops", port: 2222 }],
    [{ host: "gate" }, {}],
    [
      { host: "gate", port: 2222, user: "ops", hostKey: `${jumpKey} gate`, identityFile: "~/.ssh/gate" },
      { port: 2222, user: "ops", hostKey: jumpKey, identityFile: "~/.ssh/gate" },
    ],
  ])("%j", (written, meant) => {
    expect(accessOf({ jump: written })).toMatchObject({ jump: { ...jump, ...meant } });
  });
});

const plain = `${key}: stands in plain text in the stack file\n  set it encrypted: ${set}`;
const oneLine = `${key}: must be one line of at least one character, without control characters\n  set it: ${set}`;

describe("refuses", () => {
  test.each<[string, unknown, string]>([
    ["a password in plain text", sshOf({ password: "hunter2" }), plain],
    ["an empty password", sshOf({ password: "" }), oneLine],
    ["a password of two lines", sshOf({ password: `${password}\nx` }), oneLine],
    [
      "a password that YAML took for a number",
      sshOf({ password: 20260101 }),
      `${key}: must be text\n  set it encrypted, and as text: ${set}`,
    ],
    [
      "a password and a key",
      sshOf({ password, identityFile: "~/.ssh/nas" }),
      `home-relay:homes[0].ssh.identityFile: names a key, and ${key} is a password; found "~/.ssh/nas"\n` +
        `  choose one: pulumi config rm --path '${key}', or remove identityFile`,
    ],
    [
      "a password behind a jump host",
      sshOf({ password, user: "ops", port: 2022, jump: "gate:2222" }),
      "home-relay:homes[0].ssh.jump: passes on logins with a key only, and there is a password\n" +
        "  put your key there: ssh-copy-id -o ProxyJump=root@gate:2222 -p 2022 ops@192.168.1.10; " +
        `then: pulumi config rm --path '${key}'`,
    ],
    [
      "a jump host that is none",
      sshOf({ jump: "ops@gate:2222/x y" }),
      'home-relay:homes[0].ssh.jump: must be a host to go through; found "ops@gate:2222/x y"\n' +
        "  write it like admin@gate.example.org:2222, or { host: gate.example.org, port: 2222, user: admin }",
    ],
    [
      "a jump host's port",
      sshOf({ jump: "gate:70000" }),
      "home-relay:homes[0].ssh.jump.port: must be a whole number from 1 to 65535; found 70000\n" +
        "  write a number from 1 to 65535",
    ],
    [
      "a jump host's password",
      sshOf({ jump: { host: "gate", password } }),
      "home-relay:homes[0].ssh.jump.password: is not a setting\n" +
        "  remove it; known here: host, port, user, hostKey, identityFile",
    ],
    [
      "a jump host without a name",
      sshOf({ jump: {} }),
      "home-relay:homes[0].ssh.jump.host: is missing\n  write it, for example: host: gate.example.org",
    ],
    [
      "ssh beside install: local",
      home({ install: "local", ssh }),
      "home-relay:homes[0].ssh: has no use with install: local, which sets up the machine that runs pulumi\n" +
        "  remove the ssh section, or write install: ssh",
    ],
    [
      "ssh beside install: manual",
      home({ install: "manual", ssh }),
      "home-relay:homes[0].ssh: has no use with install: manual, which leaves the home to a script that you run there\n" +
        "  remove the ssh section, or write install: ssh",
    ],
    [
      "two homes that are this machine",
      [...home({ install: "local" }), { name: "media", install: "local", forwards: ["81"] }],
      "home-relay:homes[1].install: makes this machine a second home, after home-relay:homes[0]; found local in both\n" +
        "  write one home with the forwards of both, or install: ssh for the one that is another machine",
    ],
  ])("%s", (_, homes, problem) => {
    expect(problemsOf(homes)).toEqual([problem]);
  });
});

test("no message shows a password, wherever it was written", () => {
  const text = fc.stringMatching(/^[a-z]{12}$/);
  const shapes = (it: string): unknown[] => [
    sshOf({ password: it }),
    sshOf({ password: [it] }),
    sshOf({ password: `${it}\n` }),
    home({ ssh: [{ ...ssh, password: it }] }),
    { ssh: { password: it } },
    home({ ssh: { ...ssh, jump: { host: 5, password: it } } }),
  ];
  fc.assert(
    fc.property(text, (it) => {
      for (const homes of shapes(it)) {
        const problems = problemsOf(homes, []).join("\n");
        expect(problems).not.toBe("");
        expect(problems).not.toContain(it);
      }
    }),
  );
});
