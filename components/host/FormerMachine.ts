import * as command from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { FormerSecrets } from "./cleaningDocument.ts";
import { hasPassword } from "./Host.ts";
import { operatorSecrets } from "./OperatorProgram.ts";
import { cleaningProgram } from "./Uninstall.ts";
import type { CleaningArgs } from "./Uninstall.ts";

export interface FormerMachineArgs extends CleaningArgs {
  /** A secret of the stack's that never changes. */
  readonly noteSecret: pulumi.Input<string>;
}

/**
 * Remembers which machine a host is, by its host key. When the settings name another one, the machine before it is
 * cleaned: it would go on with the same keys for the tunnel, and `pulumi destroy` would know nothing of it.
 *
 * It comes when the machine that the settings name now has taken over. One that cannot be reached fails `pulumi up`,
 * which names it. Where another machine has its address by now, there is nothing to clean. Each machine is opened as it
 * was: a password that opened it stays in the note, sealed.
 */
export class FormerMachine extends command.local.Command {
  constructor(name: string, args: FormerMachineArgs, opts: pulumi.CustomResourceOptions = {}) {
    const { run, environment } = cleaningProgram("host/clean-former.ts", name, args, opts.parent);
    const { access, noteSecret } = args;
    const stdin = operatorSecrets<FormerSecrets>({
      password: hasPassword(access) ? access.password.text : undefined,
      noteSecret,
    });
    super(name, { create: run, environment, stdin, addPreviousOutputInEnv: true }, opts);
  }
}
