/** How a home is set up, and the ways to get there, as a stack file says it. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { HomeSettings } from "../../../components/settings/settings.ts";
import * as stackFiles from "./stackFiles.ts";
import { hostKey, otherHostKey as jumpKey, refuses, ssh } from "./stackFiles.ts";
import { encryptedIn } from "./encrypted.ts";

const password = "battery staple";
const key = "home-relay:homes[0].ssh.password";
const set = `pulumi config set --secret --path '${key}'`;

/** A stack file with these homes; a text in them counts as encrypted where `encrypted` has it. */
const withHomes = (homes: unknown, encrypted: readonly string[] = [password]) => ({
  homes,
  isEncrypted: encryptedIn({ homes }, encrypted),
});
const parse = (homes: unknown): readonly HomeSettings[] => stackFiles.parse(withHomes(homes)).homes;
const problemsOf = (homes: unknown, encrypted?: readonly string[]) =>
  stackFiles.problemsOf(withHomes(homes, encrypted));

const home = (change: object) => [{ name: "nas", forwards: ["80:8080"], ...change }];
const sshOf = (change: object) => home({ ssh: { ...ssh, ...change } });
const accessOf = (change: object) => {
  const [it] = parse(sshOf(change));
  return it?.install === "manual" ? undefined : it?.access;
};

const common = {
  name: "nas",
  tunnelAddress: { ipv4: "10.77.218.48", ipv6: "fd77::da30" },
  ipv6: true,
  endpoint: "ipv4",
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

const hostKeyMend =
  "get it with ssh-keyscan -t ed25519 HOST, and compare with ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there";

refuses("of a home's ssh", [
  [
    "user and port in host",
    stackFiles.sshOf({ host: "ops@192.168.1.10:2222" }),
    'home-relay:homes[0].ssh.host: must be a name or an IP address; found "ops@192.168.1.10:2222"\n  write host: 192.168.1.10, user: ops, port: 2222',
  ],
  [
    "brackets",
    stackFiles.sshOf({ host: "[fd00::5]" }),
    'home-relay:homes[0].ssh.host: must be a name or an IP address; found "[fd00::5]"\n  write host: "fd00::5"',
  ],
  [
    "an option for ssh",
    stackFiles.sshOf({ host: "-oProxyCommand=x" }),
    'home-relay:homes[0].ssh.host: must be a name or an IP address; found "-oProxyCommand=x"\n  write a name or an address alone, like 192.168.1.10',
  ],
  [
    "half an address",
    stackFiles.sshOf({ host: "192.168.1" }),
    'home-relay:homes[0].ssh.host: must be a name or an IP address; found "192.168.1"\n  write a name or an address alone, like 192.168.1.10',
  ],
  [
    "a host within the tunnel",
    stackFiles.sshOf({ host: "10.77.3.4" }),
    'home-relay:homes[0].ssh.host: lies within the tunnel\'s own addresses, 10.77.0.0/16; found "10.77.3.4"\n  give the tunnel addresses that your LAN does not use, with home-relay:tunnel.prefix4',
  ],
  [
    "port",
    stackFiles.sshOf({ port: 2.5 }),
    "home-relay:homes[0].ssh.port: must be a whole number from 1 to 65535; found 2.5\n  write a number from 1 to 65535",
  ],
  [
    "user",
    stackFiles.sshOf({ user: "-x" }),
    'home-relay:homes[0].ssh.user: must be the name of a user there; found "-x"\n  write it like root',
  ],
  [
    "no hostKey",
    stackFiles.sshOf({ hostKey: undefined }),
    'home-relay:homes[0].ssh.hostKey: is missing\n  write it, for example: hostKey: "ssh-ed25519 AAAA...", from ssh-keyscan -t ed25519 HOST',
  ],
  [
    "another type of key",
    stackFiles.sshOf({ hostKey: "ssh-rsa AAAAB3Nza" }),
    `home-relay:homes[0].ssh.hostKey: must be the host's ssh-ed25519 key, and this is another of its keys; found "ssh-rsa AAAAB3Nza"\n  ${hostKeyMend}`,
  ],
  [
    "a fingerprint",
    stackFiles.sshOf({ hostKey: "SHA256:abc" }),
    `home-relay:homes[0].ssh.hostKey: must be the public host key itself, and this is its fingerprint; found "SHA256:abc"\n  ${hostKeyMend}`,
  ],
  [
    "a damaged key",
    stackFiles.sshOf({ hostKey: "ssh-ed25519 AAAAC3Nza" }),
    `home-relay:homes[0].ssh.hostKey: must hold a whole ed25519 key: the part after ssh-ed25519 is damaged or cut off; found "ssh-ed25519 AAAAC3Nza"\n  ${hostKeyMend}`,
  ],
  [
    "a line of ssh-keyscan",
    stackFiles.sshOf({ hostKey: "nas ssh-ed25519 AAAA" }),
    `home-relay:homes[0].ssh.hostKey: must begin with ssh-ed25519: leave out the host's name before it; found "nas ssh-ed25519 AAAA"\n  ${hostKeyMend}`,
  ],
  [
    "no key at all",
    stackFiles.sshOf({ hostKey: "todo" }),
    `home-relay:homes[0].ssh.hostKey: must be a line like ssh-ed25519 AAAA...; found "todo"\n  ${hostKeyMend}`,
  ],
  [
    "a private key, never shown",
    stackFiles.sshOf({ hostKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nMDEy" }),
    `home-relay:homes[0].ssh.hostKey: must be the public host key, and this is a private key; found a private key\n  ${hostKeyMend}`,
  ],
  [
    "a public identityFile",
    stackFiles.sshOf({ identityFile: "~/.ssh/id_ed25519.pub" }),
    `home-relay:homes[0].ssh.identityFile: must be the private key's file; found "~/.ssh/id_ed25519.pub"\n  write ~/.ssh/id_ed25519`,
  ],
  [
    "a key for identityFile, never shown",
    stackFiles.sshOf({ identityFile: "-----BEGIN OPENSSH PRIVATE KEY-----\nMDEy" }),
    "home-relay:homes[0].ssh.identityFile: must be the path of a private key file; found a private key\n  write a path, like ~/.ssh/id_ed25519",
  ],
]);
