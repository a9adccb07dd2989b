import { parseAddress } from "../network/prefix.ts";
import { defaults } from "./defaults.ts";
import { parseHostKey } from "./hostKey.ts";
import { show } from "./place.ts";
import type { Place, Read } from "./place.ts";
import { fields, isText, optional, parsed, required, text, wholeNumber } from "./readers.ts";
import type { Fields } from "./readers.ts";
import type { SshSettings } from "./settings.ts";

/** A reader for each key that says how a machine is reached. */
export const sshFields: Fields<SshSettings> = {
  host: required(readHost, "host: 192.168.1.10"),
  port: optional(wholeNumber(1, 65535), defaults.ssh.port),
  user: optional(
    text(
      (user) => /^[a-z_][a-z0-9_.-]{0,31}$/.test(user),
      "must be the name of a user there",
      "write it like root",
    ),
    defaults.ssh.user,
  ),
  hostKey: required(
    parsed(
      parseHostKey,
      "get it with ssh-keyscan -t ed25519 HOST, and compare with ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there",
    ),
    'hostKey: "ssh-ed25519 AAAA...", from ssh-keyscan -t ed25519 HOST',
  ),
  identityFile: optional(readIdentityFile, defaults.ssh.identityFile),
};

/** The `ssh` section of a home. */
export const readSsh = fields<SshSettings>(sshFields);

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

/** What people write from habit: `root@nas`, `nas:2222`, `[fd00::1]`. */
function hostHint(host: string): string | undefined {
  const match = /^(?:ssh:\/\/)?(?:([^@]*)@)?(?:\[([^\]]+)\]|([^:@/]+))(?::(\d+))?\/?$/.exec(host);
  const name = match?.[2] ?? match?.[3];
  if (match === null || name === undefined || !isHost(name)) return undefined;
  const user = match[1] === undefined ? "" : `, user: ${match[1]}`;
  const port = match[4] === undefined ? "" : `, port: ${match[4]}`;
  return `write host: ${name.includes(":") ? `"${name}"` : name}${user}${port}`;
}
