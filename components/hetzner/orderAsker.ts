import { Fields } from "../network/programDocument.ts";
import { parseHetznerAccess } from "./hetznerAccess.ts";
import type { HetznerAccess } from "./hetznerAccess.ts";

/** Who asks whether an order can be placed, and how: what check-order.ts reads from stdin. */
export interface OrderAsker<Text = string> extends HetznerAccess<Text> {
  /** Unknown before the first `up`, so it stands in no document. */
  readonly stackId: Text;
  /** The public key that the stack has put at Hetzner, if it has put one there. */
  readonly adminKey: Text;
  /** For people. @example home-relay/dev */
  readonly stack: string;
}

/** Throws an `Error` where a part is missing; `source` says in it where the text came from. */
export function parseOrderAsker(text: string, source: string): OrderAsker {
  const fields = Fields.parse(text, source);
  return {
    ...parseHetznerAccess(text, source),
    stackId: fields.text("stackId"),
    adminKey: fields.text("adminKey"),
    stack: fields.text("stack"),
  };
}
