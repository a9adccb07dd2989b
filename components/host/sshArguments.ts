import type { SshWay } from "./operatorAccess.ts";
import type { JumpAccess } from "../network/sshAccess.ts";

/** Options of ssh_config(5) by name. */
type Options = Readonly<Record<string, string>>;

/** Files that one run of a program makes for ssh, by absolute path. */
export interface SshFiles {
  /** With the pinned host keys, under `hostKeyAlias`. */
  readonly knownHosts: string;
  /** A private key that this stack made. @default none */
  readonly loginKey?: string | undefined;
}

/** The name under which the pinned keys of a host stand, whatever its address. */
const hostKeyAlias = "home-relay";

/**
 * What goes for every host, whatever the operator's ~/.ssh/config has for it: of two values ssh takes the first. What
 * that file says of how to get there, and as whom, stays.
 */
const common: Options = {
  // Not every version knows all of these, nor all that stands in that file.
  IgnoreUnknown: "*",
  StrictHostKeyChecking: "yes",
  UpdateHostKeys: "no",
  // How long it waits is ours.
  ConnectionAttempts: "1",
  ServerAliveInterval: "10",
  ServerAliveCountMax: "3",
  ChannelTimeout: "none",
  // The command and its input are ours.
  RemoteCommand: "none",
  RequestTTY: "no",
  StdinNull: "no",
  ForkAfterAuthentication: "no",
  SessionType: "default",
  // Nothing runs on this machine but ssh, and nothing goes along: a port that is taken would end the connection.
  PermitLocalCommand: "no",
  ClearAllForwardings: "yes",
  Tunnel: "no",
  ForwardAgent: "no",
  ForwardX11: "no",
  GSSAPIDelegateCredentials: "no",
  AddKeysToAgent: "no",
  // What it says is read by a program.
  VisualHostKey: "no",
  LogVerbose: "none",
  // With it Kerberos vouches for a host in place of its key.
  GSSAPIKeyExchange: "no",
};

/** A connection that nothing else uses. */
const alone: Options = { ControlMaster: "no", ControlPath: "none" };

/** How a connection is shared with what else runs on this machine for the same host. */
export interface Sharing {
  /** As `sharedSocket` tells it. */
  readonly socket: string;
  /** Whether this ssh opens the connection where there is none, and leaves it open for others. */
  readonly opens: boolean;
}

/** Seconds for which a shared connection stays open with nothing to do: from one step of a host to its next. */
const sharedSeconds = 45;

/** Our own file decides alone: neither DNS nor anything in the operator's ~/.ssh/config vouches for a key. */
const pinned: Options = {
  HostKeyAlias: hostKeyAlias,
  KnownHostsCommand: "none",
  VerifyHostKeyDNS: "no",
  NoHostAuthenticationForLocalhost: "no",
  CheckHostIP: "no",
  HostKeyAlgorithms: "ssh-ed25519",
};

const byKey: Options = { BatchMode: "yes" };

/** A key that is named opens the host, whatever else the operator's ~/.ssh/config prefers. */
const byThisKey: Options = { IdentitiesOnly: "yes", PubkeyAuthentication: "yes" };

/** The question is answered by the launcher of `renderAskpass`, once. */
const byPassword: Options = {
  BatchMode: "no",
  NumberOfPasswordPrompts: "1",
  PubkeyAuthentication: "no",
  PasswordAuthentication: "yes",
  KbdInteractiveAuthentication: "yes",
  PreferredAuthentications: "password,keyboard-interactive",
};

/**
 * All arguments of the `ssh` that runs `command` on a host. `proxyCommand`: as `renderProxyCommand` makes it. `sharing`:
 * `undefined` for a connection that nothing else uses.
 */
export function sshArguments(
  access: SshWay,
  files: SshFiles,
  dialSeconds: number,
  proxyCommand: string | undefined,
  command: string,
  sharing?: Sharing,
): string[] {
  return [
    ...renderOptions({
      LogLevel: "ERROR",
      ...common,
      ...(sharing === undefined ? alone : sharedBy(sharing)),
      ...pinnedBy(files.knownHosts),
      ...(access.way === "password" ? byPassword : byKey),
      ...(proxyCommand === undefined ? {} : { ProxyCommand: proxyCommand, ProxyUseFdpass: "no" }),
      ...(files.loginKey === undefined
        ? identity(access.identityFile)
        : {
            IdentityFile: quoteOwnPath(files.loginKey),
            ...byThisKey,
            PreferredAuthentications: "publickey",
          }),
      ConnectTimeout: String(dialSeconds),
    }),
    ...["-p", String(access.port), "-l", access.user, "--", access.host, command],
  ];
}

/** All arguments of the `ssh` that passes a connection on to a host behind a jump host. */
export function jumpArguments(
  jump: JumpAccess,
  knownHosts: string | undefined,
  dialSeconds: number,
  target: { readonly host: string; readonly port: string },
): string[] {
  return [
    ...renderOptions({
      // That the jump host cannot make a connection, or may not, ssh tells from this level on.
      LogLevel: "INFO",
      ...common,
      ...alone,
      ...(knownHosts === undefined ? {} : pinnedBy(knownHosts)),
      ...byKey,
      ...identity(jump.identityFile),
      // Half of the time: the other half is for the host behind it, and its silence must not be taken for this one's.
      ConnectTimeout: String(Math.floor((dialSeconds + 1) / 2)),
    }),
    ...["-p", String(jump.port), "-l", jump.user],
    ...["-W", `${target.host.includes(":") ? `[${target.host}]` : target.host}:${target.port}`],
    ...["--", jump.host],
  ];
}

/** All arguments of the `ssh` that ends a shared connection when what uses it has ended. */
export function endSharingArguments(access: SshWay, socket: string): string[] {
  return [
    // It goes nowhere, so nothing has to be read that says how.
    ...["-F", "none", "-O", "stop", "-S", escapePercent(socket)],
    ...["-p", String(access.port), "-l", access.user, "--", access.host],
  ];
}

/** The file of known hosts for pinned keys. */
export function renderKnownHosts(hostKeys: readonly string[]): string {
  return hostKeys.map((key) => `${hostKeyAlias} ${key}\n`).join("");
}

/** A ProxyCommand: ssh gives it to the operator's own shell, after it has replaced what begins with a percent sign. */
export function renderProxyCommand(words: readonly string[], platform: NodeJS.Platform): string {
  const quote = (word: string) =>
    platform === "win32" ? `"${word}"` : `'${word.replaceAll("'", String.raw`'\''`)}'`;
  return `${words.map(quote).join(" ").replaceAll("%", "%%")} %h %p`;
}

/** The program that ssh asks for the password, and the name that its file needs. It runs no other program. */
export function renderAskpass(
  passwordFile: string,
  platform: NodeJS.Platform,
): { readonly name: string; readonly text: string } {
  if (platform === "win32")
    return { name: "askpass.cmd", text: `@type "${passwordFile.replaceAll("%", "%%")}"\r\n` };
  const quoted = `'${passwordFile.replaceAll("'", String.raw`'\''`)}'`;
  return {
    name: "askpass",
    text: `#!/bin/sh\nIFS= read -r password <${quoted}\nprintf '%s\\n' "$password"\n`,
  };
}

function pinnedBy(knownHosts: string): Options {
  const file = quoteOwnPath(knownHosts);
  return { ...pinned, UserKnownHostsFile: file, GlobalKnownHostsFile: file };
}

/** In a path that the user wrote, `~` and what begins with a percent sign mean what they mean to ssh. */
function identity(file: string | undefined): Options {
  return file === undefined ? {} : { IdentityFile: quotePath(file), ...byThisKey };
}

function sharedBy({ socket, opens }: Sharing): Options {
  return {
    ControlMaster: opens ? "auto" : "no",
    ControlPath: quoteOwnPath(socket),
    ControlPersist: opens ? String(sharedSeconds) : "no",
  };
}

function renderOptions(options: Options): string[] {
  return Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}

/** ssh would replace what follows a percent sign. */
function quoteOwnPath(path: string): string {
  return quotePath(escapePercent(path));
}

function escapePercent(path: string): string {
  return path.replaceAll("%", "%%");
}

/** ssh parts a list of paths at spaces, and takes some backslashes away; Windows' ssh reads slashes as well. */
function quotePath(path: string): string {
  return `"${/^(?:[A-Za-z]:|~)?\\/.test(path) ? path.replaceAll("\\", "/") : path}"`;
}
