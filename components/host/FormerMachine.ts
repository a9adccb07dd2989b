import * as command from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import { passwordInput } from "./Host.ts";
import { cleaningProgram } from "./Uninstall.ts";
import type { CleaningArgs } from "./Uninstall.ts";

/**
 * Remembers which machine a host is, by its host key. When the settings name another one, the machine before it is
 * cleaned: it would go on with the same keys for the tunnel, and `pulumi destroy` would know nothing of it.
 *
 * It comes when the machine that the settings name now has taken over. One that cannot be reached fails `pulumi up`,
 * which names it. Where another machine has its address by now, there is nothing to clean.
 */
export class FormerMachine extends command.local.Command {
  constructor(name: string, args: CleaningArgs, opts: pulumi.CustomResourceOptions = {}) {
    const { run, environment } = cleaningProgram("host/clean-former.ts", name, args, opts.parent);
    super(
      name,
      { create: run, environment, ...passwordInput(args.access), addPreviousOutputInEnv: true },
      opts,
    );
  }
}
