import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../host/Host.ts";
import { renderSshdConfig } from "./sshdConfig.ts";

export interface SshdArgs {
  /** TCP port; afterwards the only one. */
  readonly sshPort: number;
  /** The firewall lets SSH in at this port, which is proven. */
  readonly after: pulumi.Resource;
}

/** sshd on the relay. Last in a change of its port: until here it listens on the port before as well. */
export class Sshd extends pulumi.ComponentResource {
  constructor(name: string, host: Host, args: SshdArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("homerelay:relay:Sshd", name, { sshPort: args.sshPort }, opts);
    host.step(
      `${name}-config`,
      { run: "apply-sshd.sh", document: renderSshdConfig(args.sshPort) },
      { parent: this, dependsOn: args.after },
    );
    this.registerOutputs({});
  }
}
