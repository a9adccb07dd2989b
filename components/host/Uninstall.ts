import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Owner } from "../network/owner.ts";
import type { SshAccess } from "../network/sshAccess.ts";
import { doNothing } from "../network/programDocument.ts";
import type { CleaningDocument } from "./cleaningDocument.ts";
import { describeAccess, passwordInput } from "./Host.ts";
import { operatorProgram } from "./OperatorProgram.ts";
import type { ProgramInputs } from "./OperatorProgram.ts";

/** How our things are taken off a host. */
export interface CleaningArgs {
  /** What the user calls the host. */
  readonly title: string;
  /** What the host knows it is to its stack, in one word. */
  readonly nameOnHost: string;
  /** `here`: the host is the machine that runs this program. */
  readonly access: SshAccess | "here";
  /** What another stack owns, or what goes by another name by then, is left alone. */
  readonly owner: Owner<pulumi.Input<string>>;
  /** The script that runs there, below components/. */
  readonly script: string;
  /** What stays elsewhere when the host is left, and what to do about it, a line each. @default nothing */
  readonly leaves?: readonly string[];
}

/**
 * Does nothing until it is deleted; then it takes our things off a host that outlives the stack.
 *
 * It has no edge to the relay, is made first and so is deleted last: an unreachable host never keeps a billed thing
 * alive. All else is gone in the same run, and the message about this host stands last.
 */
export class Uninstall extends command.local.Command {
  constructor(name: string, args: CleaningArgs, opts: pulumi.CustomResourceOptions = {}) {
    const { run, environment } = cleaningProgram("host/uninstall-host.ts", name, args, opts.parent);
    super(
      name,
      {
        create: doNothing,
        delete: run,
        environment,
        ...passwordInput(args.access),
        addPreviousOutputInEnv: false,
      },
      opts,
    );
  }
}

/** `name` and `parent` are those of the resource that runs the program. */
export function cleaningProgram(
  program: string,
  name: string,
  { title, nameOnHost, access, owner, script, leaves = [] }: CleaningArgs,
  parent: pulumi.Resource | undefined,
): ProgramInputs {
  return operatorProgram<CleaningDocument>(program, {
    title,
    nameOnHost,
    access: describeAccess(access),
    stackId: owner.id,
    urn: urnOf(name, parent),
    script,
    leaves: leaves.length === 0 ? undefined : leaves,
  });
}

/**
 * What the state will call a command. By a promise: an output of the parent would make the command wait for everything
 * else that has this parent.
 */
function urnOf(name: string, parent: pulumi.Resource | undefined): Promise<string> {
  const urn = pulumi.createUrn(name, "command:local:Command", parent);
  return new Promise((resolve) => {
    urn.apply(resolve);
  });
}
