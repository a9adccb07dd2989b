import type { Fields } from "../network/programDocument.ts";
import type { JumpAccess, SshAccess } from "../network/sshAccess.ts";

/** How a program on the operator's machine gets to a host; `here`: the host is that very machine. */
export type HostAccess = { readonly way: "here" } | SshWay;

/** With the operator's own OpenSSH. */
export interface SshWay extends Omit<SshAccess, "hostKey" | "password"> {
  /** `ssh`: with a key; `password`: with a password, which comes on stdin. */
  readonly way: "ssh" | "password";
  /** Its public host keys, `ssh-ed25519 AAAA…`: no other key is accepted, and none is ever learned. */
  readonly hostKeys: readonly string[];
}

export function parseHostAccess(fields: Fields): HostAccess {
  const way = fields.word("way", ["here", "ssh", "password"]);
  if (way === "here") return { way };
  const jump = fields.optionalFields("jump");
  return {
    way,
    host: fields.text("host"),
    port: fields.number("port"),
    user: fields.text("user"),
    hostKeys: fields.texts("hostKeys"),
    identityFile: fields.optionalText("identityFile"),
    jump: jump && parseJumpAccess(jump),
  };
}

export function parseJumpAccess(fields: Fields): JumpAccess {
  return {
    host: fields.text("host"),
    port: fields.number("port"),
    user: fields.text("user"),
    hostKey: fields.optionalText("hostKey"),
    identityFile: fields.optionalText("identityFile"),
  };
}

/** What goes before a command that has to run as root there: sudo, and only if it asks nothing. */
export function rootPrefix(user: string): string {
  return user === "root" ? "" : "sudo -n ";
}

/** What a person would type to log in. */
export function loginCommand({ host, port, user, jump }: SshWay): string {
  const through = jump ? ` -J ${jump.user}@${jump.host}:${jump.port}` : "";
  return `ssh${through} -p ${port} ${user}@${host}`;
}
