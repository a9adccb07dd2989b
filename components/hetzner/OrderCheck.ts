import * as command from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import { operatorProgram, operatorSecrets } from "../host/OperatorProgram.ts";
import type { Order } from "./order.ts";
import type { OrderAsker } from "./orderAsker.ts";

export interface OrderCheckArgs {
  readonly order: Order;
  readonly asker: OrderAsker<pulumi.Input<string>>;
}

/**
 * Asks Hetzner before anything is made, changed or deleted there: a server is deleted before its replacement is made,
 * and neither the engine nor the provider looks first whether that replacement can be had.
 *
 * It asks when the order changes, and never in a preview. A new token alone is no new order.
 */
export class OrderCheck extends command.local.Command {
  constructor(name: string, { order, asker }: OrderCheckArgs, opts: pulumi.CustomResourceOptions = {}) {
    const { run, environment } = operatorProgram<Order>("hetzner/check-order.ts", order);
    super(
      name,
      {
        create: run,
        // Through the proxy, if there is one that the provider would use.
        environment: { ...environment, NODE_USE_ENV_PROXY: "1" },
        stdin: operatorSecrets<OrderAsker>(asker),
        logging: "stdoutAndStderr",
        addPreviousOutputInEnv: false,
      },
      // Replaced, not updated: a replacement gets the token of today although a change of it is ignored.
      { ...opts, ignoreChanges: ["stdin"], replaceOnChanges: ["environment"] },
    );
  }
}
