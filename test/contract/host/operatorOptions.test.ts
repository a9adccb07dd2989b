/** What the operator's own ~/.ssh/config may say of a connection of ours, and what is ours: judged by OpenSSH itself. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { SshWay } from "../../../components/host/operatorAccess.ts";
import { jumpArguments, sshArguments } from "../../../components/host/sshArguments.ts";
import { runTool } from "../tool.ts";

const access: SshWay = {
  way: "ssh",
  host: "nas",
  port: 2222,
  user: "admin",
  hostKeys: ["ssh-ed25519 AAAA"],
  identityFile: undefined,
  jump: undefined,
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-options-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What ssh goes by with these lines in the operator's file; names in small letters. */
function settle(args: readonly string[], lines: string): Map<string, string> {
  const config = join(folder, "config");
  writeFileSync(config, `IgnoreUnknown *\nHost *\n${lines}\n`);
  const settings = runTool("openssh-client", "ssh", ["-G", "-F", config, ...args])
    .trim()
    .split("\n");
  return new Map(
    settings.map((line) => {
      const [name = "", ...value] = line.split(" ");
      return [name, value.join(" ")];
    }),
  );
}

const files = { knownHosts: "/tmp/known_hosts" };
const toHost = (way: Partial<SshWay> = {}) =>
  sshArguments({ ...access, ...way }, files, 7, undefined, "true");

/** What is ours: what the operator's file has, and what counts. `undefined`: nothing of it may be left. */
const ours: Readonly<Record<string, readonly [written: string, counts: string | undefined]>> = {
  // What runs there, and what it reads.
  RemoteCommand: ["tmux new -A", undefined],
  RequestTTY: ["force", "false"],
  SessionType: ["none", "default"],
  StdinNull: ["yes", "no"],
  ForkAfterAuthentication: ["yes", "no"],
  ChannelTimeout: ["session=1m", undefined],
  // What else a connection does.
  LocalForward: ["8080 localhost:80", undefined],
  RemoteForward: ["8080 localhost:80", undefined],
  DynamicForward: ["1080", undefined],
  ClearAllForwardings: ["no", "yes"],
  Tunnel: ["yes", "false"],
  ForwardAgent: ["yes", "no"],
  ForwardX11: ["yes", "no"],
  GSSAPIDelegateCredentials: ["yes", "no"],
  PermitLocalCommand: ["yes", "no"],
  AddKeysToAgent: ["yes", "false"],
  ControlMaster: ["auto", "false"],
  ControlPath: ["~/.ssh/%C", undefined],
  // Who vouches for the host.
  StrictHostKeyChecking: ["no", "true"],
  UserKnownHostsFile: ["/own", "/tmp/known_hosts"],
  GlobalKnownHostsFile: ["/all", "/tmp/known_hosts"],
  KnownHostsCommand: ["/bin/own %H", undefined],
  VerifyHostKeyDNS: ["yes", "false"],
  NoHostAuthenticationForLocalhost: ["yes", "no"],
  UpdateHostKeys: ["yes", "false"],
  HostKeyAlias: ["other", "home-relay"],
  HostKeyAlgorithms: ["ssh-rsa", "ssh-ed25519"],
  CheckHostIP: ["yes", "no"],
  GSSAPIKeyExchange: ["yes", "no"],
  // How long it waits, and what it says.
  ConnectTimeout: ["600", "7"],
  ConnectionAttempts: ["10", "1"],
  ServerAliveInterval: ["0", "10"],
  ServerAliveCountMax: ["100", "3"],
  BatchMode: ["no", "yes"],
  LogLevel: ["QUIET", "ERROR"],
  LogVerbose: ["*", undefined],
  VisualHostKey: ["yes", "no"],
  Port: ["1", "2222"],
  User: ["other", "admin"],
};

/** What stays as the operator has it: how to get there, as whom, and how it is encrypted. */
const theirs: Readonly<Record<string, string>> = {
  AddressFamily: "inet",
  BindAddress: "192.0.2.9",
  BindInterface: "eth9",
  CanonicalizeHostname: "true",
  CASignatureAlgorithms: "ssh-ed25519",
  CertificateFile: "/keys/cert",
  Ciphers: "aes256-ctr",
  Compression: "yes",
  GSSAPIAuthentication: "yes",
  HostbasedAuthentication: "yes",
  HostName: "192.0.2.7",
  IdentitiesOnly: "yes",
  IdentityAgent: "/run/agent",
  IdentityFile: "/keys/own",
  IPQoS: "lowdelay lowdelay",
  KbdInteractiveAuthentication: "no",
  KexAlgorithms: "curve25519-sha256",
  MACs: "hmac-sha2-256",
  PasswordAuthentication: "no",
  PKCS11Provider: "/lib/pkcs11",
  PreferredAuthentications: "publickey",
  ProxyCommand: "nc %h %p",
  ProxyUseFdpass: "yes",
  PubkeyAcceptedAlgorithms: "ssh-ed25519",
  PubkeyAuthentication: "true",
  RekeyLimit: "1073741824 3600",
  RevokedHostKeys: "/keys/revoked",
  SecurityKeyProvider: "/lib/fido",
  SetEnv: "A=b",
  SendEnv: "LANG",
  TCPKeepAlive: "no",
};

/** What means nothing where there is no terminal, no forwarding, no key to learn and no connection to share. */
const idle = `CanonicalDomains CanonicalizeFallbackLocal CanonicalizeMaxDots CanonicalizePermittedCNAMEs ControlPersist
  EnableEscapeCommandline EnableSSHKeysign EscapeChar ExitOnForwardFailure FingerprintHash ForwardX11Timeout ForwardX11Trusted GatewayPorts
  GSSAPIKexAlgorithms GSSAPIRenewalForcesRekey GSSAPITrustDNS HashKnownHosts Host HostbasedAcceptedAlgorithms IgnoreUnknown
  LocalCommand NumberOfPasswordPrompts ObscureKeystrokeTiming PermitRemoteOpen ProxyJump RefuseConnection RequiredRSASize
  StreamLocalBindMask StreamLocalBindUnlink SyslogFacility Tag TunnelDevice VersionAddendum WarnWeakCrypto XAuthLocation`;

test.each(Object.entries(ours))("%s is ours", (name, [written, counts]) => {
  const key = name.toLowerCase();
  const found = settle(toHost(), `${name} ${written}`).get(key);
  // An option that is off, or that this version does not know, is not shown.
  expect(found ?? counts ?? "none").toBe(counts ?? "none");
});

test.each(Object.entries(theirs))("%s stays as the operator has it", (name, value) => {
  expect(settle(toHost(), `${name} ${value}`).get(name.toLowerCase())).toBe(value);
});

test("every option that this OpenSSH knows has been decided on", () => {
  const decided = [...Object.keys(ours), ...Object.keys(theirs), ...idle.split(/\s+/)];
  const small = new Set(decided.map((name) => name.toLowerCase()));
  expect([...settle(["nas"], "").keys()].filter((name) => !small.has(name.toLowerCase()))).toEqual([]);
});

describe("what the settings of this program name goes before what the operator's file prefers:", () => {
  test("a password", () => {
    const lines =
      "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPreferredAuthentications publickey";
    const settled = settle(toHost({ way: "password" }), lines);
    expect(settled.get("passwordauthentication")).toBe("yes");
    expect(settled.get("kbdinteractiveauthentication")).toBe("yes");
    expect(settled.get("preferredauthentications")).toBe("password,keyboard-interactive");
    expect(settled.get("numberofpasswordprompts")).toBe("1");
  });

  test("a key", () => {
    const settled = settle(
      toHost({ identityFile: "/keys/nas" }),
      "PubkeyAuthentication no\nIdentitiesOnly no",
    );
    expect([settled.get("pubkeyauthentication"), settled.get("identitiesonly")]).toEqual(["true", "yes"]);
  });

  test("a jump host, whatever leads there otherwise", () => {
    const args = sshArguments(access, files, 7, "open-jump %h %p", "true");
    const settled = settle(args, "ProxyJump gate\nProxyUseFdpass yes");
    expect([settled.get("proxycommand"), settled.get("proxyusefdpass")]).toEqual(["open-jump %h %p", "no"]);
    expect(settled.has("proxyjump")).toBe(false);
  });
});

test("a jump host is told nothing else either", () => {
  const jump = { host: "gate", port: 22, user: "ops", hostKey: undefined, identityFile: undefined };
  const args = jumpArguments(jump, undefined, 7, { host: "nas", port: "22" });
  const settled = settle(
    args,
    "RemoteCommand tmux\nLocalForward 1 a:1\nControlMaster auto\nControlPath ~/x\nProxyJump far",
  );
  for (const name of ["remotecommand", "localforward", "controlpath"])
    expect(settled.get(name) ?? "none").toBe("none");
  expect(settled.get("proxyjump")).toBe("far");
});
