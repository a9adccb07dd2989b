import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { renderOrder } from "./order.ts";
import type { DnsOrder, RelayOrder } from "./order.ts";

export interface OrderCheckArgs {
  /** The server's name, and the owner that the stack's records name, for example `home-relay-dev`. */
  readonly label: string;
  /** `undefined`: the relay is not Hetzner's. */
  readonly relay: RelayOrder | undefined;
  /** `undefined`: no names, or not at Hetzner. */
  readonly dns: DnsOrder | undefined;
  readonly hetzner: HetznerAccess;
}

/** How Hetzner's API is reached. */
export interface HetznerAccess {
  /** For example `https://api.hetzner.cloud/v1`. */
  readonly endpoint: string;
  /** Secret. */
  readonly token: pulumi.Input<string>;
}

/**
 * Asks Hetzner before anything is made, changed or deleted there: a server is deleted before its replacement is made,
 * and neither the engine nor the provider looks first whether that replacement can be had.
 *
 * It asks when the order changes, and never in a preview. A new token alone is no new order.
 */
export class OrderCheck extends pulumi.ComponentResource {
  /** Whatever is ordered waits for these; none where nothing is ordered at Hetzner. */
  readonly passed: readonly pulumi.Resource[];

  constructor(name: string, args: OrderCheckArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("homerelay:order:OrderCheck", name, { label: args.label }, opts);
    this.passed = args.relay || args.dns ? [this.#createCheck(name, args)] : [];
    this.registerOutputs({});
  }

  #createCheck(name: string, { hetzner, ...order }: OrderCheckArgs): pulumi.Resource {
    return new command.local.Command(
      `${name}-check`,
      {
        create: "node --disable-warning=ExperimentalWarning components/hetzner/check-order.ts",
        // Through the proxy, if there is one that the provider would use.
        environment: { ...renderOrder(order), NODE_USE_ENV_PROXY: "1" },
        stdin: pulumi.secret(pulumi.jsonStringify(hetzner)),
        logging: "stdoutAndStderr",
        addPreviousOutputInEnv: false,
      },
      // Replaced, not updated: a replacement gets the token of today although a change of it is ignored.
      { parent: this, ignoreChanges: ["stdin"], replaceOnChanges: ["environment"] },
    );
  }
}
