import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Installation } from "../network/installation.ts";
import type { SshKeyPair } from "../network/keys.ts";
import type { Owner } from "../network/owner.ts";
import type { SshAccess } from "../network/sshAccess.ts";
import { endDocument } from "../network/document.ts";
import { commandOf } from "../network/step.ts";
import type { Step } from "../network/step.ts";
import type { HostAccess, SshWay } from "./operatorAccess.ts";
import { operatorProgram, operatorSecrets } from "./OperatorProgram.ts";
import type { ProgramInputs } from "./OperatorProgram.ts";
import { fingerprintScript, renderManifest, renderPreparation } from "./preparation.ts";
import type { InstalledText } from "./preparation.ts";
import { askingCommand, listPackages } from "./preflight.ts";
import type { HostNeeds } from "./preflight.ts";
import type { ReachDocument, ReachSecrets } from "./reachDocument.ts";
import { askParts, prepareParts } from "./scriptParts.ts";
import { readScript } from "./scriptText.ts";
import type { StepConnection, StepDocument } from "./stepDocument.ts";

/** As root with a key that this stack made, on a server that this stack made. */
export interface StackKeyAccess {
  readonly host: pulumi.Input<string>;
  readonly port: number;
  readonly privateKey: pulumi.Input<string>;
  /** The host key that the server has from its first contact on. */
  readonly hostKey: SshKeyPair<pulumi.Input<string>>;
  /** The public ones that it may show until it has been reached, that of `hostKey` first. @default that one alone */
  readonly hostKeys?: pulumi.Input<readonly string[]>;
  /** The public host key that the server booted with: accepted from one that was never reached. */
  readonly firstHostKey: pulumi.Input<string>;
  /** Another text for another server, also for one at the same address. */
  readonly machine: pulumi.Input<string>;
  /** Seconds for which it may be silent: it boots. */
  readonly bootSeconds: pulumi.Input<number>;
  /** What to do when it is silent, and when it shows another key. */
  readonly silenceMend: string;
  readonly otherMachineMend: string;
}

/** How a host is reached that the user has. */
interface OwnHost {
  /** `here`: it is the machine that runs this program. */
  readonly access: SshAccess | "here";
  /** The setting in which the user wrote the host's key, for messages. */
  readonly hostKeySetting: string;
}

/** How a host is reached that this stack made. */
interface MadeHost {
  readonly access: StackKeyAccess;
}

export type HostArgs = (OwnHost | MadeHost) & {
  /** What the user calls the host. */
  readonly title: string;
  /** What the host knows it is to its stack, in one word: no other host of the stack is the same. */
  readonly nameOnHost: string;
  readonly owner: Owner<pulumi.Input<string>>;
  /** All that the host gets of ours, whichever rooms it comes from. */
  readonly installation: Installation;
  /** A UDP port that has to be free, or our own already. @default none */
  readonly listenPort?: number;
  /** The home that can have a plain WireGuard configuration instead of all this. @default none */
  readonly plainWireguard?: string;
  /** The host is waited for again when one of these changes: it has been restarted. @default none */
  readonly restarts?: readonly pulumi.Input<string>[];
  /** Every step runs again when one of these changes: it is another machine. @default none */
  readonly triggers?: readonly pulumi.Input<string>[];
};

export interface StepArgs extends Step {
  /** The script's standard input. A secret anywhere in it hides the whole of it in previews. */
  readonly document: pulumi.Input<string>;
  /** The step runs again when one of these changes, besides its document and its script. @default none */
  readonly triggers?: readonly pulumi.Input<string>[];
  /** Which connection it comes by, where the operator's own OpenSSH makes it. @default one that other steps share */
  readonly connection?: StepConnection;
}

/** A step as the engine runs it. */
export type RunStep = command.local.Command | command.remote.Command;

/** A parent for what is made, and what has to be there before the host is first contacted. */
export interface HostOptions {
  readonly parent: pulumi.Resource;
  readonly dependsOn?: readonly pulumi.Resource[];
}

/**
 * A machine that we configure: reached once, prepared once, then changed step by step. No component of its own, so that
 * a preview shows each step under what it belongs to.
 */
export class Host {
  /** The host is reachable, and our scripts and packages are on it. */
  readonly prepared: pulumi.Resource;
  /**
   * Another text each time that the host has been prepared. A step that some settings do not have follows it: while it
   * was out of the program, what it had done may have gone as a leftover, though the state still has it as done.
   */
  readonly lastPrepared: pulumi.Output<string>;
  readonly #access: HostArgs["access"];
  readonly #title: string;
  readonly #installation: Installation;
  readonly #files: readonly InstalledText[];
  /** A change of any of these makes every step run again: it is another machine. */
  readonly #again: readonly pulumi.Input<string>[];

  constructor(name: string, args: HostArgs, opts: HostOptions) {
    this.#access = args.access;
    this.#title = args.title;
    this.#installation = args.installation;
    this.#files = readInstalled(args.installation);
    this.#again = args.triggers ?? [];
    const reached = this.#createReach(name, args, opts);
    const prepare = this.#run(
      `${name}-prepare`,
      pulumi.output(args.owner).apply((owner) => preparationCommand(owner, args.nameOnHost)),
      preparation(args.installation),
      this.#again,
      undefined,
      { parent: opts.parent, dependsOn: reached },
    );
    this.prepared = prepare;
    this.lastPrepared = prepare.stdout;
  }

  /** Runs a script on the host whenever its document or the script itself changes. It has no undo: see `Uninstall`. */
  step(name: string, args: StepArgs, opts: pulumi.CustomResourceOptions): RunStep {
    const script = fingerprintScript(args.script, this.#files);
    const triggers = [script, ...this.#again, ...(args.triggers ?? [])];
    return this.#run(name, commandOf(args), wholeDocument(args.document), triggers, args.connection, opts);
  }

  /**
   * The last step: what an older version or other settings put on the host goes, and no longer works for anybody. That it
   * gets there shows that the host still lets in, after all that was done to it.
   */
  removeLeftovers(name: string, opts: pulumi.CustomResourceOptions): pulumi.Resource {
    return this.step(name, { ...leftoversStep(this.#installation), connection: "alone" }, opts);
  }

  #run(
    name: string,
    there: pulumi.Input<string>,
    document: pulumi.Input<string>,
    triggers: readonly pulumi.Input<string>[],
    connection: StepConnection | undefined,
    opts: pulumi.CustomResourceOptions,
  ): RunStep {
    const common: Omit<command.local.CommandArgs, "create" | "environment"> = {
      stdin: document,
      triggers: [...triggers],
      logging: "stdoutAndStderr",
      addPreviousOutputInEnv: false,
    };
    const access = this.#access;
    if (hasStackKey(access) || hasPassword(access)) {
      const way = hasStackKey(access) ? stackKeyConnection(access) : passwordConnection(access);
      // sudo would forget where the connection comes from, and apply-firewall.sh has to know whom not to lock out.
      const asRoot = pulumi.interpolate`sudo -n env SSH_CONNECTION="$SSH_CONNECTION" ${there}`;
      const create = way.user === "root" ? there : asRoot;
      return new command.remote.Command(name, { ...common, connection: way, create }, opts);
    }
    const { run, environment } = operatorProgram<StepDocument>("host/run-step.ts", {
      title: this.#title,
      access: describeAccess(access),
      waitSeconds: 25,
      limitSeconds,
      connection,
    });
    const create = pulumi.interpolate`${run} ${there}`;
    return new command.local.Command(name, { ...common, create, environment }, opts);
  }

  #createReach(name: string, args: HostArgs, { parent, dependsOn = [] }: HostOptions): pulumi.Resource {
    const again = [...this.#again, ...(args.restarts ?? [])];
    const inputs =
      "hostKeySetting" in args
        ? { ...askOwnHost(args), triggers: again, addPreviousOutputInEnv: false }
        : // A trigger would make another resource of it, which knows nothing of what was reached before.
          { ...askMadeHost(args, again), triggers: [], addPreviousOutputInEnv: true };
    const { run, environment, stdin, triggers, addPreviousOutputInEnv } = inputs;
    return new command.local.Command(
      `${name}-reach`,
      { create: run, environment, triggers, ...stdin, addPreviousOutputInEnv },
      { parent, dependsOn: [...dependsOn] },
    );
  }
}

/** Longer than the 30 s for which `ufw limit` remembers who knocked. */
const limitSeconds = 35;

type Reach = ProgramInputs & { readonly stdin: { readonly stdin?: pulumi.Output<string> } };

function askOwnHost(args: HostArgs & OwnHost): Reach {
  const { title, owner, access, hostKeySetting } = args;
  const program = operatorProgram<ReachDocument>("host/reach-host.ts", {
    title,
    stackId: owner.id,
    stack: owner.stack,
    access: describeAccess(access),
    // With the last dial and all that comes before, an error within half a minute.
    waitSeconds: 15,
    limitSeconds,
    hostKeyMend:
      "Was the machine set up anew? Then compare, on its own console,\n" +
      "  ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\n" +
      `and put its new line into ${hostKeySetting} of ${title}. Otherwise somebody stands between you and it.`,
    silenceMend: undefined,
    passwordKey: hasPassword(access) ? access.password.key : undefined,
    needs: needsOf(args),
    made: undefined,
  });
  return { ...program, stdin: passwordInput(access) };
}

/** `again`: it is asked again when one of these changes. */
function askMadeHost(args: HostArgs & MadeHost, again: readonly pulumi.Input<string>[]): Reach {
  const { title, owner, access } = args;
  const program = operatorProgram<ReachDocument>("host/reach-host.ts", {
    title,
    stackId: owner.id,
    stack: owner.stack,
    access: {
      way: "ssh",
      host: access.host,
      port: access.port,
      user: "root",
      hostKeys: access.hostKeys ?? pulumi.all([access.hostKey.publicKey]),
      identityFile: undefined,
      jump: undefined,
    },
    waitSeconds: access.bootSeconds,
    limitSeconds: undefined,
    hostKeyMend: access.otherMachineMend,
    silenceMend: access.silenceMend,
    passwordKey: undefined,
    needs: needsOf(args),
    made: { machine: access.machine, firstHostKey: access.firstHostKey, again: pulumi.all([...again]) },
  });
  const secrets = { password: undefined, loginKey: access.privateKey, hostKey: access.hostKey.privateKey };
  return { ...program, stdin: { stdin: operatorSecrets<ReachSecrets>(secrets) } };
}

function needsOf({ installation, listenPort, plainWireguard }: HostArgs): HostNeeds {
  return { packages: listPackages(installation.packages), listenPort, plainWireguard };
}

type PasswordAccess = SshAccess & { readonly password: object };

function hasStackKey(access: HostArgs["access"]): access is StackKeyAccess {
  return access !== "here" && "privateKey" in access;
}

export function hasPassword(access: SshAccess | "here"): access is PasswordAccess {
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

/** The way to a host as a program's document tells it. */
export function describeAccess(access: SshAccess | "here"): HostAccess {
  if (access === "here") return { way: "here" };
  const { host, port, user, hostKey, identityFile, jump } = access;
  const way: SshWay["way"] = access.password === undefined ? "ssh" : "password";
  return { way, host, port, user, hostKeys: [hostKey], identityFile, jump };
}

/** What a program on the operator's machine reads from stdin to log in: a password, where that is the way in. */
export function passwordInput(access: SshAccess | "here"): { readonly stdin?: pulumi.Output<string> } {
  return hasPassword(access) ? { stdin: operatorSecrets({ password: access.password.text }) } : {};
}

/** What a host is asked before its first step, where a person reads the answers: what to run, and its stdin. */
export function preflightByHand(
  installation: Installation,
  plainWireguard: string,
): { readonly command: string; readonly document: string } {
  const needs = { packages: listPackages(installation.packages), listenPort: undefined, plainWireguard };
  return { command: askingCommand(needs, { mark: "-" }), document: askParts.map(readScript).join("") };
}

/** The first step, which puts our scripts in place, and tells the host whose it is and what it is to that stack. */
export function preparationCommand({ id, stack }: Owner, nameOnHost: string): string {
  return `timeout 900 bash -s ${id} ${stack} ${nameOnHost}`;
}

/** The document of the first step: our scripts, units and the list of them, behind the script that unpacks them. */
export function preparation(installation: Installation): string {
  const script = prepareParts.map(readScript).join("");
  return script + renderPreparation(installation, readInstalled(installation));
}

/** Plain where it is plain, so that a preview shows it. */
function wholeDocument(document: pulumi.Input<string>): pulumi.Input<string> {
  return typeof document === "string" ? endDocument(document) : pulumi.output(document).apply(endDocument);
}

/** The last step of a host, at a home that is set up by hand as well. */
export function leftoversStep(installation: Installation): Step & { readonly document: string } {
  const document = renderManifest(installation, readInstalled(installation));
  return { script: "remove-leftovers.sh", arguments: [], document };
}

function readInstalled({ files }: Installation): InstalledText[] {
  return files.map((file) => ({
    name: file.path,
    mode: file.mode,
    text: "text" in file ? file.text : readScript(file.source),
  }));
}
