import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { renderDocument } from "./document.ts";
import type { DocumentFile } from "./document.ts";
import { installedFiles, libraryFolder } from "./installedFiles.ts";
import type { Role } from "./installedFiles.ts";

/** How a host is reached. */
export type Access = OperatorAccess | StackKeyAccess;

/** By the operator's own OpenSSH: agent, ~/.ssh and all. None of the operator's keys gets into the state. */
export interface OperatorAccess {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The pinned public host key, `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
  /** A private key file on the operator's machine. @default what `ssh` itself would use */
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
}

export interface StepArgs {
  /** An installed script by its file name, with its arguments, or a shell command. */
  readonly run: string;
  /** Further words of the command, of characters that no shell reads otherwise. @default none */
  readonly words?: readonly pulumi.Input<string>[];
  /** The script's standard input. A secret anywhere in it hides the whole of it in previews. */
  readonly document: pulumi.Input<string>;
  /** Seconds until the step is ended on the host. @default 300 */
  readonly timeoutSeconds?: number;
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
    const document = preparation(args);
    const scripts = createHash("sha256").update(document).digest("hex").slice(0, 12);
    this.#triggers = [scripts, ...(machine ? [machine.id] : [])];

    const reached = this.#createReach(name, args.role, machine);
    this.prepared = this.step(
      `${name}-prepare`,
      { run: "bash -s", words: ownerWords(args.owner, args.title), document, timeoutSeconds: 900 },
      { parent: this, dependsOn: reached },
    );
    this.registerOutputs({});
  }

  /** Runs a script on the host whenever its document changes. It has no undo: see `Uninstall`. */
  step(name: string, args: StepArgs, opts: pulumi.CustomResourceOptions): pulumi.Resource {
    const run = /^[a-z-]+\.sh\b/.test(args.run) ? `${libraryFolder}/${args.run}` : args.run;
    const there = joinWords([`timeout ${args.timeoutSeconds ?? 300} ${run}`, ...(args.words ?? [])]);
    const common: Omit<command.local.CommandArgs, "create" | "environment"> = {
      stdin: args.document,
      triggers: [...this.#triggers, ...(args.triggers ?? [])],
      logging: "stdoutAndStderr",
      addPreviousOutputInEnv: false,
    };
    if (hasStackKey(this.#access)) {
      const connection = {
        host: this.#access.host,
        port: this.#access.port,
        user: "root",
        privateKey: this.#access.privateKey,
        hostKey: this.#access.hostKey.publicKey,
        dialErrorLimit: 3,
        perDialTimeout: 10,
      };
      return new command.remote.Command(name, { ...common, connection, create: there }, opts);
    }
    return new command.local.Command(
      name,
      {
        ...common,
        create: joinWords(["sh components/host/run-step.sh", there]),
        environment: operatorEnvironment(this.#access),
      },
      opts,
    );
  }

  #createReach(name: string, role: Role, machine: pulumi.CustomResource | undefined): pulumi.Resource {
    const access = this.#access;
    const shared = { NAME: this.#title, ...ownerEnvironment(this.#owner) };
    const triggers = machine ? [machine.id] : [];
    const create = "sh components/host/reach-host.sh";
    if (!hasStackKey(access)) {
      const environment = {
        ...operatorEnvironment(access),
        ...shared,
        // Two tries of ten seconds each, where a host is silent.
        WAIT_SECONDS: "20",
        HOST_KEY_MEND:
          "Was the machine set up anew? Then compare, on its own console,\n" +
          "  ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\n" +
          `and put its new line into ${role === "home" ? "ssh.hostKey" : "hostKey"} of ${this.#title}. Otherwise somebody stands between you and it.`,
      };
      return new command.local.Command(
        `${name}-reach`,
        { create, environment, triggers, addPreviousOutputInEnv: false },
        { parent: this },
      );
    }
    const environment = {
      HOST: access.host,
      PORT: String(access.port),
      LOGIN: "root",
      HOST_KEYS: pulumi.interpolate`${access.firstHostKey}\n${access.hostKey.publicKey}`,
      ...shared,
      WAIT_SECONDS: "300",
      HOST_KEY_MEND:
        "This stack gave the server its key, so this is another machine, or one set up anew by hand. To begin with\n" +
        "a new server at the same address:  pulumi up --replace '**hcloud:index/server:Server**'",
    };
    const stdin = pulumi.secret(pulumi.interpolate`${access.privateKey}${access.hostKey.privateKey}`);
    return new command.local.Command(
      `${name}-reach`,
      { create, environment, stdin, triggers, addPreviousOutputInEnv: false },
      { parent: this },
    );
  }
}

function hasStackKey(access: Access): access is StackKeyAccess {
  return "privateKey" in access;
}

/** What connect-host.sh reads. */
export function operatorEnvironment(access: OperatorAccess): Record<string, string> {
  return {
    HOST: access.host,
    PORT: String(access.port),
    LOGIN: access.user,
    HOST_KEYS: access.hostKey,
    IDENTITY: access.identityFile ?? "",
  };
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

function preparation(args: HostArgs): string {
  const read = (path: string) => readFileSync(`${import.meta.dirname}/../${path}`, "utf8");
  const files = installedFiles[args.role].map(({ source, path, mode }) => ({
    name: path,
    mode,
    text: read(source),
  }));
  return read("host/unpack-scripts.sh") + renderDocument([...files, ...(args.files ?? [])]);
}
