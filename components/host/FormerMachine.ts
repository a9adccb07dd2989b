import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { cleaningInputs } from "./Uninstall.ts";
import type { UninstallArgs } from "./Uninstall.ts";

export interface FormerMachineArgs extends UninstallArgs {
  /** When all of these are there, the machine that the settings name now has taken over. */
  readonly after: readonly pulumi.Resource[];
}

/**
 * Remembers which machine a host is, by its host key. When the settings name another one, the machine before it is
 * cleaned: it would go on with the same keys for the tunnel, and `pulumi destroy` would know nothing of it.
 *
 * One that cannot be reached fails `pulumi up`, which names it. Where another machine has its address by now, there is
 * nothing to clean.
 */
export class FormerMachine extends pulumi.ComponentResource {
  /** No other machine has this host's keys; none for the machine that runs this program, which shows no host key. */
  readonly cleaned: readonly pulumi.Resource[];

  /** `name`: what the user calls the host. */
  constructor(name: string, args: FormerMachineArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("homerelay:host:FormerMachine", name, { script: args.script }, opts);
    this.cleaned = args.access === "here" ? [] : [this.#createCommand(`${name}-former-machine`, name, args)];
    this.registerOutputs({});
  }

  #createCommand(commandName: string, name: string, args: FormerMachineArgs): pulumi.Resource {
    return new command.local.Command(
      commandName,
      {
        create: `sh components/host/clean-former.sh components/${args.script}`,
        ...cleaningInputs(name, args, `homerelay:host:FormerMachine$command:local:Command::${commandName}`),
        addPreviousOutputInEnv: true,
      },
      { parent: this, dependsOn: [...args.after] },
    );
  }
}
