import { win32 } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { SshWay } from "../../../components/host/operatorAccess.ts";
import {
  endSharingArguments,
  jumpArguments,
  renderAskpass,
  renderKnownHosts,
  renderProxyCommand,
  sshArguments,
} from "../../../components/host/sshArguments.ts";

const access: SshWay = {
  way: "ssh",
  host: "192.168.1.10",
  port: 2222,
  user: "admin",
  hostKeys: ["ssh-ed25519 AAAAnas"],
  identityFile: undefined,
  jump: undefined,
};
const files = { knownHosts: "/tmp/home-relay-x/known_hosts" };

/** Options by name, as ssh would count them: the first one wins. */
function options(args: readonly string[]): Record<string, string> {
  const values = args.filter((_, i) => args[i - 1] === "-o").map((one) => one.split(/=(.*)/));
  const names = values.map(([name = ""]) => name);
  expect(new Set(names).size).toBe(names.length);
  return Object.fromEntries(values.map(([name = "", value = ""]) => [name, value]));
}

test("a host with pinned keys is judged by our file alone, asks nothing and ends when it is silent", () => {
  const args = sshArguments(access, files, 7, undefined, "true");
  expect(options(args)).toEqual({
    LogLevel: "ERROR",
    StrictHostKeyChecking: "yes",
    ConnectionAttempts: "1",
    ServerAliveInterval: "10",
    ServerAliveCountMax: "3",
    ChannelTimeout: "none",
    UpdateHostKeys: "no",
    ControlMaster: "no",
    ControlPath: "none",
    IgnoreUnknown: "*",
    RemoteCommand: "none",
    RequestTTY: "no",
    StdinNull: "no",
    ForkAfterAuthentication: "no",
    SessionType: "default",
    PermitLocalCommand: "no",
    ClearAllForwardings: "yes",
    Tunnel: "no",
    ForwardAgent: "no",
    ForwardX11: "no",
    GSSAPIDelegateCredentials: "no",
    AddKeysToAgent: "no",
    VisualHostKey: "no",
    LogVerbose: "none",
    GSSAPIKeyExchange: "no",
    HostKeyAlias: "home-relay",
    KnownHostsCommand: "none",
    VerifyHostKeyDNS: "no",
    NoHostAuthenticationForLocalhost: "no",
    CheckHostIP: "no",
    HostKeyAlgorithms: "ssh-ed25519",
    UserKnownHostsFile: '"/tmp/home-relay-x/known_hosts"',
    GlobalKnownHostsFile: '"/tmp/home-relay-x/known_hosts"',
    BatchMode: "yes",
    ConnectTimeout: "7",
  });
  expect(args.slice(-7)).toEqual(["-p", "2222", "-l", "admin", "--", "192.168.1.10", "true"]);
});

test("a shared connection is opened by one ssh, found by all, and ends by itself", () => {
  const socket = "/run/100%/home-relay-0/x";
  const shared = (opens: boolean) =>
    options(sshArguments(access, files, 7, undefined, "true", { socket, opens }));
  const path = { ControlPath: '"/run/100%%/home-relay-0/x"' };
  expect(shared(true)).toMatchObject({ ...path, ControlMaster: "auto", ControlPersist: "45" });
  expect(shared(false)).toMatchObject({ ...path, ControlMaster: "no", ControlPersist: "no" });
  expect(endSharingArguments(access, socket)).toEqual(
    "-F none -O stop -S /run/100%%/home-relay-0/x -p 2222 -l admin -- 192.168.1.10".split(" "),
  );
});

test("a password is asked for once, and no key is tried", () => {
  expect(options(sshArguments({ ...access, way: "password" }, files, 7, undefined, "true"))).toMatchObject({
    BatchMode: "no",
    NumberOfPasswordPrompts: "1",
    PubkeyAuthentication: "no",
    PreferredAuthentications: "password,keyboard-interactive",
  });
});

test("a key of this stack's goes before one that the user names", () => {
  const chosen = { ...access, identityFile: "~/keys/nas" };
  const own = { ...files, loginKey: "/tmp/home-relay-x/login_key" };
  const read = (given: typeof files) => options(sshArguments(chosen, given, 7, undefined, "true"));
  expect(read(own)).toMatchObject({ IdentityFile: '"/tmp/home-relay-x/login_key"', IdentitiesOnly: "yes" });
  expect(read(files)).toMatchObject({ IdentityFile: '"~/keys/nas"', IdentitiesOnly: "yes" });
});

describe("a path reaches ssh as one word", () => {
  const written = (identityFile: string) =>
    options(sshArguments({ ...access, identityFile }, files, 7, undefined, "true"))["IdentityFile"];
  const made = (path: string) =>
    options(sshArguments(access, { knownHosts: path }, 7, undefined, "true"))["UserKnownHostsFile"];

  test("with spaces in it", () => {
    expect(written("/home/a b/key")).toBe('"/home/a b/key"');
    expect(made("/tmp/a b/known_hosts")).toBe('"/tmp/a b/known_hosts"');
  });

  test("with a percent sign, which means something in a path that the user wrote and nothing in ours", () => {
    expect(written("%d/.ssh/%h")).toBe('"%d/.ssh/%h"');
    expect(made("/tmp/100%h/known_hosts")).toBe('"/tmp/100%%h/known_hosts"');
  });

  test("of Windows, whose ssh reads slashes as well", () => {
    expect(written(String.raw`C:\Users\A B\.ssh\id_ed25519`)).toBe('"C:/Users/A B/.ssh/id_ed25519"');
    expect(written(String.raw`~\.ssh\key`)).toBe('"~/.ssh/key"');
    expect(made(win32.join(String.raw`\\server\temp`, "x", "known_hosts"))).toBe(
      '"//server/temp/x/known_hosts"',
    );
  });

  test("where a backslash is part of a name", () => {
    expect(written(String.raw`/keys/a\b`)).toBe(String.raw`"/keys/a\b"`);
  });
});

describe("a jump host", () => {
  const jump = { host: "gate", port: 2200, user: "ops", hostKey: undefined, identityFile: undefined };
  const target = { host: "192.168.1.10", port: "22" };

  test("passes the connection on, has half of the time, and says what it cannot do", () => {
    const args = jumpArguments(jump, undefined, 7, target);
    expect(options(args)).toMatchObject({ LogLevel: "INFO", BatchMode: "yes", ConnectTimeout: "4" });
    expect(args.slice(-8)).toEqual(["-p", "2200", "-l", "ops", "-W", "192.168.1.10:22", "--", "gate"]);
  });

  test("whose key is not pinned is judged by the operator's own known_hosts, strictly", () => {
    const given = options(jumpArguments(jump, undefined, 7, target));
    expect(given).toMatchObject({ StrictHostKeyChecking: "yes", UpdateHostKeys: "no" });
    for (const name of ["UserKnownHostsFile", "GlobalKnownHostsFile", "HostKeyAlias", "KnownHostsCommand"])
      expect(given).not.toHaveProperty(name);
  });

  test("whose key is pinned is judged by our file alone", () => {
    expect(options(jumpArguments(jump, "/tmp/x/jump_known_hosts", 7, target))).toMatchObject({
      UserKnownHostsFile: '"/tmp/x/jump_known_hosts"',
      GlobalKnownHostsFile: '"/tmp/x/jump_known_hosts"',
      KnownHostsCommand: "none",
      VerifyHostKeyDNS: "no",
      HostKeyAlgorithms: "ssh-ed25519",
    });
  });

  test("finds a host by IPv6", () => {
    expect(jumpArguments(jump, undefined, 7, { host: "fd00::1", port: "22" })).toContain("[fd00::1]:22");
  });
});

test("every pinned key stands under the name that ssh looks for", () => {
  const [alias = ""] = renderKnownHosts(["ssh-ed25519 AAAAa"]).split(" ");
  expect(options(sshArguments(access, files, 7, undefined, "true"))["HostKeyAlias"]).toBe(alias);
  expect(renderKnownHosts(["ssh-ed25519 AAAAa", "ssh-ed25519 AAAAb"])).toBe(
    `${alias} ssh-ed25519 AAAAa\n${alias} ssh-ed25519 AAAAb\n`,
  );
});

test("a proxy command is one that the operator's shell takes word by word", () => {
  expect(renderProxyCommand(["/opt/a b/node", "/it's 100%/open-jump.ts"], "linux")).toBe(
    String.raw`'/opt/a b/node' '/it'\''s 100%%/open-jump.ts' %h %p`,
  );
  expect(renderProxyCommand([String.raw`C:\Program Files\nodejs\node.exe`, "x.ts"], "win32")).toBe(
    String.raw`"C:\Program Files\nodejs\node.exe" "x.ts" %h %p`,
  );
});

test("the program that answers for the password calls no other where it need not", () => {
  expect(renderAskpass("/tmp/it's/password", "darwin")).toEqual({
    name: "askpass",
    text: String.raw`#!/bin/sh
IFS= read -r password <'/tmp/it'\''s/password'
printf '%s\n' "$password"
`,
  });
  expect(renderAskpass(String.raw`C:\100% mine\password`, "win32")).toEqual({
    name: "askpass.cmd",
    text: '@type "C:\\100%% mine\\password"\r\n',
  });
});
