import { parseAddress } from "../network/prefix.ts";
import { defaults } from "./defaults.ts";
import { parseHostKey } from "./hostKey.ts";
import { complete, isRead, show } from "./place.ts";
import type { Draft, Place, Read } from "./place.ts";
import { fields, isText, optional, parsed, required, text, wholeNumber } from "./readers.ts";
import type { Fields } from "./readers.ts";
import type { JumpSettings, Password, SshSettings } from "./settings.ts";

const readPort = wholeNumber(1, 65535);
const readUser = text(isUser, "must be the name of a user there", "write it like root");
const readHostKey = parsed(
  parseHostKey,
  "get it with ssh-keyscan -t ed25519 HOST, and compare with ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there",
);

/** What says how a host is reached over SSH; see also `refuseSshConflicts`. */
export const sshFields: Fields<SshSettings> = {
  host: required(readHost, "host: 192.168.1.10"),
  port: optional(readPort, defaults.ssh.port),
  user: optional(readUser, defaults.ssh.user),
  hostKey: required(readHostKey, 'hostKey: "ssh-ed25519 AAAA...", from ssh-keyscan -t ed25519 HOST'),
  identityFile: optional(readIdentityFile, defaults.ssh.identityFile),
  password: optional(readPassword, defaults.ssh.password),
  jump: optional(readJump, defaults.ssh.jump),
};

const readFields = fields<SshSettings>(sshFields);

/** The `ssh` section of a home. */
export function readSsh(value: unknown, place: Place): Read<Draft<SshSettings>> {
  const ssh = readFields(value, place);
  if (isRead(ssh)) refuseSshConflicts(ssh, place);
  return ssh;
}

/** What excludes each other among the fields of `sshFields`, wherever they stand. */
export function refuseSshConflicts(ssh: Draft<SshSettings>, place: Place): void {
  const { host, port, user, password, identityFile, jump } = ssh;
  if (!isRead(password) || password === undefined) return;
  if (isRead(identityFile) && identityFile !== undefined)
    place
      .at("identityFile")
      .refuse(
        `names a key, and ${password.key} is a password; found ${show(identityFile)}`,
        `choose one: pulumi config rm --path '${password.key}', or remove identityFile`,
      );
  if (isRead(jump) && jump !== undefined) {
    const through = `${jump.user}@${jump.host}${jump.port === 22 ? "" : `:${jump.port}`}`;
    const to = [host, port, user].every(isRead)
      ? `-p ${String(port)} ${String(user)}@${String(host)}`
      : "USER@HOST";
    place
      .at("jump")
      .refuse(
        "passes on logins with a key only, and there is a password",
        `put your key there: ssh-copy-id -o ProxyJump=${through} ${to}; then: pulumi config rm --path '${password.key}'`,
      );
  }
}

const readJumpFields = fields<JumpSettings>({
  host: required(readHost, "host: gate.example.org"),
  port: optional(readPort, defaults.jump.port),
  user: optional(readUser, defaults.jump.user),
  hostKey: optional(readHostKey, defaults.jump.hostKey),
  identityFile: optional(readIdentityFile, defaults.jump.identityFile),
});

/** `{ host, port, user, … }`, or as people write it: `user@host:port`. */
function readJump(value: unknown, place: Place): Read<JumpSettings> {
  if (!isText(value)) return complete<JumpSettings>(readJumpFields(value, place));
  const { user, host, port } = splitDestination(value) ?? {};
  if (host === undefined || !isHost(host) || (user !== undefined && !isUser(user)))
    return place.refuse(
      `must be a host to go through; found ${show(value)}`,
      "write it like admin@gate.example.org:2222, or { host: gate.example.org, port: 2222, user: admin }",
    );
  return complete<JumpSettings>(
    readJumpFields(
      { host, ...(user === undefined ? {} : { user }), ...(port === undefined ? {} : { port }) },
      place,
    ),
  );
}

/** Its text is never shown, also not where it is wrong. */
function readPassword(value: unknown, place: Place): Read<Password> {
  const set = `pulumi config set --secret --path '${place.path}'`;
  if (!isText(value)) return place.refuse("must be text", `set it encrypted, and as text: ${set}`);
  if (!/^[^\p{Cc}]+$/u.test(value))
    return place.refuse(
      "must be one line of at least one character, without control characters",
      `set it: ${set}`,
    );
  if (!place.isEncrypted(value))
    return place.refuse("stands in plain text in the stack file", `set it encrypted: ${set}`);
  return { text: value, key: place.path };
}

function readHost(value: unknown, place: Place): Read<string> {
  const example = "write a name or an address alone, like 192.168.1.10";
  if (!isText(value)) return place.refuse(`must be text; found ${show(value)}`, example);
  if (isHost(value)) return value;
  return place.refuse(`must be a name or an IP address; found ${show(value)}`, hostHint(value) ?? example);
}

function readIdentityFile(value: unknown, place: Place): Read<string> {
  if (!isText(value) || !/^.+$/.test(value) || value.includes("PRIVATE KEY"))
    return place.refuse(
      `must be the path of a private key file; found ${show(value)}`,
      "write a path, like ~/.ssh/id_ed25519",
    );
  if (value.endsWith(".pub"))
    return place.refuse(
      `must be the private key's file; found ${show(value)}`,
      `write ${value.slice(0, -4)}`,
    );
  return value;
}

function isUser(user: string): boolean {
  return /^[a-z_][a-z0-9_.-]{0,31}$/.test(user);
}

function isHost(host: string): boolean {
  return (
    isAddress(host) ||
    (host.length <= 253 &&
      host.split(".").every((label) => /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label)) &&
      !/^[\d.]+$/.test(host))
  );
}

function isAddress(host: string): boolean {
  try {
    parseAddress(host);
    return true;
  } catch {
    return false;
  }
}

interface Destination {
  readonly user?: string;
  readonly host: string;
  readonly port?: number;
}

/** The parts of `user@host:port` and its like: `nas`, `nas:2222`, `ssh://root@nas`, `[fd00::1]:22`. */
function splitDestination(written: string): Destination | undefined {
  if (isAddress(written)) return { host: written };
  const match = /^(?:ssh:\/\/)?(?:([^@]*)@)?(?:\[([^\]]+)\]|([^:@/]+))(?::(\d+))?\/?$/.exec(written);
  const host = match?.[2] ?? match?.[3];
  if (match === null || host === undefined) return undefined;
  const [, user, , , port] = match;
  return {
    host,
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port: Number(port) }),
  };
}

/** What people write from habit: `root@nas`, `nas:2222`, `[fd00::1]`. */
function hostHint(written: string): string | undefined {
  const { user, host, port } = splitDestination(written) ?? {};
  if (host === undefined || !isHost(host)) return undefined;
  return [
    `write host: ${host.includes(":") ? `"${host}"` : host}`,
    ...(user === undefined ? [] : [`user: ${user}`]),
    ...(port === undefined ? [] : [`port: ${port}`]),
  ].join(", ");
}
