/**
 * How the operator's own OpenSSH reaches a host: agent, ~/.ssh and all. None of the operator's keys gets into the
 * state; a password does, encrypted.
 */
export interface SshAccess {
  /** Name or address. */
  readonly host: string;
  /** @default 22 */
  readonly port: number;
  /** root, or a user whose sudo asks for no password. @default root */
  readonly user: string;
  /** The machine's public host key, `ssh-ed25519 AAAA…`, without a comment. No other is accepted. */
  readonly hostKey: string;
  /** A private key file on the operator's machine. @default whatever `ssh` itself would use: agent, ~/.ssh */
  readonly identityFile: string | undefined;
  /** Instead of a key. @default none */
  readonly password: Password | undefined;
  /** A host on the way, from which alone the other can be reached. @default none */
  readonly jump: JumpAccess | undefined;
}

/** A secret that the user set, and its key in the stack file, for messages that ask to set it anew. */
export interface Password {
  readonly text: string;
  /** As `pulumi config set --secret --path` takes it: `home-relay:homes[0].ssh.password`. */
  readonly key: string;
}

/** A host that passes connections on. The operator's own OpenSSH logs in to it, with a key. */
export interface JumpAccess {
  /** Name or address. */
  readonly host: string;
  /** @default 22 */
  readonly port: number;
  /** @default root */
  readonly user: string;
  /** Its public host key. @default the operator's own known_hosts decide, and strictly */
  readonly hostKey: string | undefined;
  /** A private key file on the operator's machine. @default whatever `ssh` itself would use: agent, ~/.ssh */
  readonly identityFile: string | undefined;
}
