import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { operatorEnvironment, operatorInput, ownerEnvironment } from "./Host.ts";
import type { OperatorAccess, Owner } from "./Host.ts";

export interface UninstallArgs {
  /** `here`: the host is the machine that runs this program. */
  readonly access: OperatorAccess | "here";
  /** What another stack owns, or what goes by another name by then, is left alone. */
  readonly owner: Owner;
  /** The script that runs there, below components/. */
  readonly script: string;
}

/**
 * Does nothing until it is deleted; then it takes our things off a host that outlives the stack.
 *
 * It has no edge to the relay, is made first and so is deleted last: an unreachable host never keeps a billed thing
 * alive. All else is gone in the same run, and the message about this host stands last.
 */
export class Uninstall extends pulumi.ComponentResource {
  /** What must be gone before the host is cleaned depends on this. */
  readonly command: pulumi.Resource;

  /** `name`: what the user calls the host. */
  constructor(name: string, args: UninstallArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("homerelay:host:Uninstall", name, { script: args.script }, opts);
    const commandName = `${name}-on-destroy`;
    this.command = new command.local.Command(
      commandName,
      {
        create: "true",
        delete: `sh components/host/uninstall-host.sh components/${args.script}`,
        ...cleaningInputs(name, args, `homerelay:host:Uninstall$command:local:Command::${commandName}`),
        addPreviousOutputInEnv: false,
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}

/** What uninstall-host.sh reads. `id`: the last two parts of the URN, written out, as a resource cannot be told its own. */
export function cleaningInputs(
  name: string,
  { access, owner }: UninstallArgs,
  id: string,
): Pick<command.local.CommandArgs, "environment" | "stdin"> {
  return {
    environment: {
      ...operatorEnvironment(access),
      ...ownerEnvironment(owner),
      NAME: name,
      URN: `urn:pulumi:${pulumi.getStack()}::${pulumi.getProject()}::${id}`,
    },
    ...operatorInput(access),
  };
}
