import { Fields } from "../network/programDocument.ts";
import { parseHetznerAccess } from "./hetznerAccess.ts";
import type { HetznerAccess } from "./hetznerAccess.ts";

/** What write-receipt.ts goes by. */
export interface ReceiptDocument {
  /** The zone with the stack's names, for example `example.org`. `undefined`: none at Hetzner. */
  readonly zone: string | undefined;
  /** Whether the stack made it. */
  readonly createdZone: boolean | undefined;
}

/** Who asks, and how: what write-receipt.ts reads from stdin. */
export interface ReceiptAsker<Text = string> extends HetznerAccess<Text> {
  /** By which Hetzner's things say whose they are. */
  readonly stackId: Text;
}

export function parseReceiptDocument(text: string | undefined, source: string): ReceiptDocument {
  const fields = Fields.parse(text, source);
  return {
    zone: fields.optionalText("zone"),
    createdZone: fields.has("createdZone") ? fields.flag("createdZone") : undefined,
  };
}

/** Throws an `Error` where a part is missing; `source` says in it where the text came from. */
export function parseReceiptAsker(text: string, source: string): ReceiptAsker {
  return { ...parseHetznerAccess(text, source), stackId: Fields.parse(text, source).text("stackId") };
}
