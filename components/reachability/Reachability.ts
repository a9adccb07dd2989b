import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../host/Host.ts";
import type { Forward } from "../network/forward.ts";
import { renderForward } from "../network/forward.ts";
import { listProbes, renderProbes } from "./probes.ts";

export interface ReachabilityArgs {
  /** The relay's public IPv4 address. */
  readonly publicAddress: pulumi.Input<string>;
  readonly forwards: readonly Forward[];
  /** The proof is given again for another server. */
  readonly serverId: pulumi.Input<string>;
  /** When all of these are there, the forwards have to answer. */
  readonly after: readonly pulumi.Resource[];
}

/**
 * The proof that a stranger gets through: from the home, whose own traffic takes the ordinary way out through its
 * NATs, every forward is tried at the relay's public address.
 */
export class Reachability extends pulumi.ComponentResource {
  constructor(name: string, home: Host, args: ReachabilityArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("homerelay:reachability:Reachability", name, { forwards: args.forwards.map(renderForward) }, opts);
    home.step(
      `${name}-proof`,
      {
        run: "prove-forwards.sh",
        triggers: [args.serverId],
        // Most of it only for hundreds of forwards that all are silent.
        timeoutSeconds: 1800,
        document: pulumi
          .output(args.publicAddress)
          .apply((publicAddress) => renderProbes(publicAddress, listProbes(args.forwards))),
      },
      { parent: this, dependsOn: [...args.after] },
    );
    this.registerOutputs({});
  }
}
