import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { renderDocument } from "../network/document.ts";
import type { DocumentFile } from "../network/document.ts";
import { installedFiles } from "./installedFiles.ts";
import type { Role } from "./installedFiles.ts";
import { commandOf } from "./step.ts";
import type { Step } from "./step.ts";

/** How a host is reached; `here`: it is the machine that runs this program. */
export type Access = OperatorAccess | StackKeyAccess | "here";

/**
 * By the operator's own OpenSSH: agent, ~/.ssh and all. None of the operator's keys gets into the state; a password
 * does, encrypted.
 */
export interface OperatorAccess {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The pinned public host key, `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
  /** A private key file on the operator's machine. @default what `ssh` itself would use */
  readonly identityFile: string | undefined;
  /** Instead of a key; `key` is where the user set it. @default none */
  readonly password: { readonly text: string; readonly key: string } | undefined;
  /** A host to go through. @default none */
  readonly jump: JumpAccess | undefined;
}

/** By the operator's own OpenSSH as well, and never with a password. */
export interface JumpAccess {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The pinned public host key. @default the operator's known_hosts decide */
  readonly hostKey: string | undefined;
  /** @default what `ssh` itself would use */
  readonly identityFile: string | undefined;
}

/** As root with a key that this stack made, on a server that this stack made. */
export interface StackKeyAccess {
  readonly host: pulumi.Input<string>;
  readonly port: number;
  readonly privateKey: pulumi.Input<string>;
  /** The host key that the server has from its first contact on. */
  readonly hostKey: SshKeyPair;
  /** The public host key that the server booted with. */
  readonly firstHostKey: pulumi.Input<string>;
}

export interface SshKeyPair {
  /** `ssh-ed25519 AAAA…` */
  readonly publicKey: pulumi.Input<string>;
  /** OpenSSH format. */
  readonly privateKey: pulumi.Input<string>;
}

/** The stack that sets a host up; no other may. */
export interface Owner {
  /** Unknown before the first `up`, so it stands in no document. */
  readonly id: pulumi.Input<string>;
  /** For people: `home-relay/dev`. */
  readonly stack: string;
}

export interface HostArgs {
  /** What the user calls the host. */
  readonly title: string;
  readonly role: Role;
  readonly owner: Owner;
  readonly access: Access;
  /** Further files to put in place, by absolute path. @default none */
  readonly files?: readonly DocumentFile[];
  /** The host is waited for again when one of these changes: it has been restarted. @default none */
  readonly restarts?: readonly pulumi.Input<string>[];
  /** Seconds for which a host may be silent: it boots. @default 300 where this stack made it, else 15 */
  readonly bootSeconds?: pulumi.Input<number>;
  /** Every step runs again when one of these changes. @default none */
  readonly triggers?: readonly pulumi.Input<string>[];
  /** What to do when the host is silent. @default what helps with most */
  readonly silenceMend?: string;
}

export interface StepArgs extends Omit<Step, "document"> {
  /** Further words of the command, of characters that no shell reads otherwise. @default none */
  readonly words?: readonly pulumi.Input<string>[];
  /** The script's standard input. A secret anywhere in it hides the whole of it in previews. */
  readonly document: pulumi.Input<string>;
  /** The step runs again when one of these changes, besides its document. @default none */
  readonly triggers?: readonly pulumi.Input<string>[];
}

/** A machine that we configure: reached once, prepared once, then changed step by step. */
export class Host extends pulumi.ComponentResource {
  /** The host is reachable, and our scripts and packages are on it. */
  readonly prepared: pulumi.Resource;
  readonly #access: Access;
  readonly #title: string;
  readonly #owner: Owner;
  /** A change of any of these makes every step run again: another machine, other scripts of ours. */
  readonly #triggers: pulumi.Input<string>[];

  /** `machine`: the resource that the host is; when it is another one, by whatever way, every step runs again. */
  constructor(
    name: string,
    args: HostArgs,
    opts: pulumi.ComponentResourceOptions & { readonly machine?: pulumi.CustomResource } = {},
  ) {
    const { machine, ...rest } = opts;
    super("homerelay:host:Host", name, { title: args.title, role: args.role }, rest);
    this.#access = args.access;
    this.#title = args.title;
    this.#owner = args.owner;
    const document = preparation(args.role, args.files);
    const scripts = createHash("sha256").update(document).digest("hex").slice(0, 12);
    const again = [...(machine ? [machine.id] : []), ...(args.triggers ?? [])];
    this.#triggers = [scripts, ...again];

    const reached = this.#createReach(name, args, again);
    this.prepared = this.step(
      `${name}-prepare`,
      { run: "bash -s", words: ownerWords(args.owner, args.title), document, timeoutSeconds: 900 },
      { parent: this, dependsOn: reached },
    );
    this.registerOutputs({});
  }

  /** Runs a script on the host whenever its document changes. It has no undo: see `Uninstall`. */
  step(name: string, args: StepArgs, opts: pulumi.CustomResourceOptions): pulumi.Resource {
    const there = joinWords([commandOf(args), ...(args.words ?? [])]);
    const common: Omit<command.local.CommandArgs, "create" | "environment"> = {
      stdin: args.document,
      triggers: [...this.#triggers, ...(args.triggers ?? [])],
      logging: "stdoutAndStderr",
      addPreviousOutputInEnv: false,
    };
    const access = this.#access;
    if (hasStackKey(access) || hasPassword(access)) {
      const connection = hasStackKey(access) ? stackKeyConnection(access) : passwordConnection(access);
      // sudo would forget where the connection comes from, and apply-firewall.sh has to know whom not to lock out.
      const asRoot = pulumi.interpolate`sudo -n env SSH_CONNECTION="$SSH_CONNECTION" ${there}`;
      const create = connection.user === "root" ? there : asRoot;
      return new command.remote.Command(name, { ...common, connection, create }, opts);
    }
    const create = pulumi.interpolate`sh components/host/run-step.sh ${there}`;
    return new command.local.Command(
      name,
      {
        ...common,
        create,
        environment: { ...operatorEnvironment(access), NAME: this.#title, WAIT_SECONDS: "25" },
      },
      opts,
    );
  }

  #createReach(
    name: string,
    { role, restarts = [], bootSeconds, silenceMend }: HostArgs,
    again: readonly pulumi.Input<string>[],
  ): pulumi.Resource {
    const access = this.#access;
    const shared = { NAME: this.#title, ...ownerEnvironment(this.#owner) };
    const triggers = [...again, ...restarts];
    const create = "sh components/host/reach-host.sh";
    if (!hasStackKey(access)) {
      const environment = {
        ...operatorEnvironment(access),
        ...shared,
        // With the last dial and all that comes before, an error within half a minute.
        WAIT_SECONDS: pulumi.output(bootSeconds ?? 15).apply(String),
        HOST_KEY_MEND:
          "Was the machine set up anew? Then compare, on its own console,\n" +
          "  ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\n" +
          `and put its new line into ${role === "home" ? "ssh.hostKey" : "hostKey"} of ${this.#title}. Otherwise somebody stands between you and it.`,
      };
      return new command.local.Command(
        `${name}-reach`,
        { create, environment, triggers, ...operatorInput(access), addPreviousOutputInEnv: false },
        { parent: this },
      );
    }
    const environment = {
      WAY: "ssh",
      JUMP_HOST: "",
      HOST: access.host,
      PORT: String(access.port),
      LOGIN: "root",
      HOST_KEYS: pulumi.interpolate`${access.firstHostKey}\n${access.hostKey.publicKey}`,
      ...shared,
      WAIT_SECONDS: pulumi.output(bootSeconds ?? 300).apply(String),
      HOST_KEY_MEND:
        "This stack gave the server its key, so this is another machine, or one set up anew by hand. To begin with\n" +
        "a new server at the same address:  pulumi up --replace '**hcloud:index/server:Server**'",
      SILENCE_MEND:
        silenceMend ??
        "Look at it in the provider's console. Is it off? Then switch it on. Did it never come up? Then take a new one\n" +
          "at the same address:  pulumi up --replace '**hcloud:index/server:Server**'",
    };
    const stdin = pulumi.secret(pulumi.interpolate`${access.privateKey}${access.hostKey.privateKey}`);
    return new command.local.Command(
      `${name}-reach`,
      { create, environment, stdin, triggers, addPreviousOutputInEnv: false },
      { parent: this },
    );
  }
}

type PasswordAccess = OperatorAccess & { readonly password: object };

function hasStackKey(access: Access): access is StackKeyAccess {
  return access !== "here" && "privateKey" in access;
}

function hasPassword(access: OperatorAccess | "here"): access is PasswordAccess {
  return access !== "here" && access.password !== undefined;
}

function stackKeyConnection(access: StackKeyAccess) {
  return {
    host: access.host,
    port: access.port,
    user: "root",
    privateKey: access.privateKey,
    hostKey: access.hostKey.publicKey,
    dialErrorLimit: 3,
    perDialTimeout: 10,
  };
}

function passwordConnection(access: PasswordAccess) {
  return {
    host: access.host,
    port: access.port,
    user: access.user,
    password: pulumi.secret(access.password.text),
    hostKey: access.hostKey,
    // A wrong password is not tried again: hosts lock out those who guess.
    dialErrorLimit: 0,
    perDialTimeout: 10,
  };
}

/** What connect-host.sh reads from the environment. Every variable is set, so that the operator's own have no say. */
export function operatorEnvironment(access: OperatorAccess | "here"): Record<string, string> {
  if (access === "here") return { WAY: "here", JUMP_HOST: "" };
  const { password, jump } = access;
  return {
    WAY: password === undefined ? "ssh" : "password",
    HOST: access.host,
    PORT: String(access.port),
    LOGIN: access.user,
    HOST_KEYS: access.hostKey,
    IDENTITY: access.identityFile ?? "",
    JUMP_HOST: jump?.host ?? "",
    ...(jump === undefined ? {} : jumpEnvironment(jump)),
    ...(password === undefined ? {} : { PASSWORD_KEY: password.key }),
  };
}

function jumpEnvironment(jump: JumpAccess): Record<string, string> {
  return {
    JUMP_PORT: String(jump.port),
    JUMP_LOGIN: jump.user,
    JUMP_HOST_KEYS: jump.hostKey ?? "",
    JUMP_IDENTITY: jump.identityFile ?? "",
  };
}

/** What reach-host.sh and uninstall-host.sh read from stdin. */
export function operatorInput(access: OperatorAccess | "here"): { readonly stdin?: pulumi.Output<string> } {
  return hasPassword(access) ? { stdin: pulumi.secret(access.password.text) } : {};
}

/** What reach-host.sh and uninstall-host.sh read to know who may change a host. */
export function ownerEnvironment(owner: Owner): Record<string, pulumi.Input<string>> {
  return { STACK_ID: owner.id, STACK: owner.stack };
}

/** The host's name comes last, since it may be of two words. */
function ownerWords(owner: Owner, title: string): pulumi.Input<string>[] {
  return [owner.id, owner.stack, title];
}

function joinWords(words: readonly pulumi.Input<string>[]): pulumi.Output<string> {
  return pulumi.all([...words]).apply((all) => all.join(" "));
}

/** The document of the first step: our scripts, units and settings, behind the script that unpacks them. */
export function preparation(role: Role, extra: readonly DocumentFile[] = []): string {
  const read = (path: string) => readFileSync(`${import.meta.dirname}/../${path}`, "utf8");
  const files = installedFiles[role].map(({ source, path, mode }) => ({
    name: path,
    mode,
    text: read(source),
  }));
  return read("host/unpack-scripts.sh") + renderDocument([...files, ...extra]);
}
