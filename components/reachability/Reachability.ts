import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../host/Host.ts";
import type { Forward } from "../network/forward.ts";
import { renderForward } from "../network/forward.ts";
import type { Prefix } from "../network/prefix.ts";
import { listProbes, renderProbes } from "./probes.ts";

export interface ReachabilityArgs {
  /** The relay's public IPv4 address. */
  readonly publicAddress: pulumi.Input<string>;
  readonly forwards: readonly Forward[];
  /** The proof is given again for another server, */
  readonly serverId: pulumi.Input<string>;
  /** and for another tunnel. */
  readonly tunnel: {
    /** UDP port on the relay. */
    readonly listenPort: number;
    /** Bytes. */
    readonly mtu: number;
    readonly prefix4: Prefix;
    readonly prefix6: Prefix;
    readonly keyGeneration: number;
  };
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
        triggers: [args.serverId, renderTunnel(args.tunnel)],
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

function renderTunnel(tunnel: ReachabilityArgs["tunnel"]): string {
  const { listenPort, mtu, prefix4, prefix6, keyGeneration } = tunnel;
  return `port ${listenPort}, MTU ${mtu}, ${prefix4.text}, ${prefix6.text}, keys ${keyGeneration}`;
}
