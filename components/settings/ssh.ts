import { parseAddress } from "../network/prefix.ts";
import type { JumpAccess, Password, SshAccess } from "../network/sshAccess.ts";
import { optional, record, required, withDefault } from "./fields.ts";
import type { Fields } from "./fields.ts";
import { parseHostKey } from "./hostKey.ts";
import { complete, isRead, show } from "./place.ts";
import type { Draft, Place, Read } from "./place.ts";
import { isText, parsed, text, textBy, wholeNumber } from "./readers.ts";
import type { Kind } from "./readers.ts";
import { encrypted } from "./schema.ts";

const host = textBy(readHost, "name or address");
const port = wholeNumber(1, 65535, "TCP port");
const userPattern = /^[a-z_][a-z0-9_.-]{0,31}$/;
const user = text({
  pattern: userPattern,
  shape: "name of a user there",
  rule: "must be the name of a user there",
  mend: "write it like root",
});
const hostKey = parsed(
  parseHostKey,
  "ssh-ed25519 AAAA..., without a comment",
  "get it with ssh-keyscan -t ed25519 HOST, and compare with ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there",
);
const identityFile = textBy(readIdentityFile, "path of a private key file");

const jump = record<JumpAccess>({
  host: required(host, {
    means: "The host to go through, from which the other one can be reached.",
    example: "gate.example.org",
  }),
  port: withDefault(port, { default: 22, means: "Where its sshd listens.", example: 2222 }),
  user: withDefault(user, { default: "root", means: "Who logs in there, with a key.", example: "admin" }),
  hostKey: optional(hostKey, {
    otherwise: "your own known_hosts decide, and strictly",
    means: "Its public host key.",
    example: "ssh-ed25519 AAAA...",
  }),
  identityFile: optional(identityFile, {
    otherwise: "what ssh itself uses",
    means: "The key that logs in there.",
    example: "~/.ssh/gate",
  }),
});

const password: Kind<Password> = {
  read: readPassword,
  shape: "secret, set with pulumi config set --secret --path",
  schema: encrypted,
  tables: [],
};

/** What says how a host is reached over SSH; see also `refuseSshConflicts`. */
export const sshFields: Fields<SshAccess> = {
  host: required(host, {
    means: "The machine as you would write it after ssh; aliases of your ssh_config count.",
    example: "192.168.1.10",
  }),
  port: withDefault(port, { default: 22, means: "Where its sshd listens.", example: 2222 }),
  user: withDefault(user, {
    default: "root",
    means: "Who logs in there: root, or a user whose sudo asks for no password.",
    example: "ops",
  }),
  hostKey: required(hostKey, {
    means: "The machine's public host key. No other is accepted.",
    example: "ssh-ed25519 AAAA...",
    mend: () => 'write it, for example: hostKey: "ssh-ed25519 AAAA...", from ssh-keyscan -t ed25519 HOST',
  }),
  identityFile: optional(identityFile, {
    otherwise: "what ssh itself uses",
    means: "The key that logs in there.",
    example: "~/.ssh/id_ed25519",
  }),
  password: optional(password, {
    otherwise: "none",
    means: "Logs in there in place of a key.",
    example: { secure: "AAABAD..." },
  }),
  jump: optional(
    {
      read: readJump,
      shape: "user@host:port, or mapping",
      schema: { anyOf: [{ type: "string" }, jump.schema] },
      tables: jump.tables,
    },
    {
      otherwise: "none",
      means:
        "A host to go through, where the machine can be reached from that one alone. It takes keys only.",
      example: "admin@gate.example.org:2222",
    },
  ),
};

const sshRecord = record<SshAccess>(sshFields);

/** The `ssh` section of a home. */
export const ssh: Kind<Draft<SshAccess>> = {
  ...sshRecord,
  read: (value, place, siblings) => {
    const draft = sshRecord.read(value, place, siblings);
    if (isRead(draft)) refuseSshConflicts(draft, place);
    return draft;
  },
};

/** What excludes each other among the fields of `sshFields`, wherever they stand. */
export function refuseSshConflicts(ssh: Draft<SshAccess>, place: Place): void {
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

/** `{ host, port, user, … }`, or as people write it: `user@host:port`. */
function readJump(value: unknown, place: Place): Read<JumpAccess> {
  if (!isText(value)) return complete<JumpAccess>(jump.read(value, place, {}));
  const { user, host, port } = splitDestination(value) ?? {};
  if (host === undefined || !isHost(host) || (user !== undefined && !isUser(user)))
    return place.refuse(
      `must be a host to go through; found ${show(value)}`,
      "write it like admin@gate.example.org:2222, or { host: gate.example.org, port: 2222, user: admin }",
    );
  return complete<JumpAccess>(
    jump.read(
      { host, ...(user === undefined ? {} : { user }), ...(port === undefined ? {} : { port }) },
      place,
      {},
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
  if (!place.isEncrypted)
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
  return userPattern.test(user);
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
