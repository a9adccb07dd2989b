import * as command from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import { operatorProgram, operatorSecrets } from "../host/OperatorProgram.ts";
import { doNothing } from "../network/programDocument.ts";
import type { ReceiptAsker, ReceiptDocument } from "./receiptDocument.ts";

/**
 * Does nothing until it is deleted, when all is gone that the stack had at Hetzner: then it asks whether that is so, and
 * says what is billed no more.
 *
 * A resource of its own, since no other one is left by then that may ask: the order check has the token of the last order
 * and is replaced with each, and what looks for a server that is left comes before the addresses.
 */
export class Receipt extends command.local.Command {
  constructor(
    name: string,
    {
      document,
      asker,
    }: { readonly document: ReceiptDocument; readonly asker: ReceiptAsker<pulumi.Input<string>> },
    opts: pulumi.CustomResourceOptions = {},
  ) {
    const { run, environment } = operatorProgram<ReceiptDocument>("hetzner/write-receipt.ts", document);
    super(
      name,
      {
        create: doNothing,
        delete: run,
        // Through the proxy, if there is one that the provider would use.
        environment: { ...environment, NODE_USE_ENV_PROXY: "1" },
        stdin: operatorSecrets<ReceiptAsker>(asker),
        addPreviousOutputInEnv: false,
      },
      opts,
    );
  }
}
