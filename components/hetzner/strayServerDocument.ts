import { Fields } from "../network/programDocument.ts";
import { parseHetznerAccess } from "./hetznerAccess.ts";
import type { HetznerAccess } from "./hetznerAccess.ts";

/** What find-stray-server.ts goes by. */
export interface StrayServerDocument {
  /** The server's name at Hetzner. */
  readonly server: string;
  /** Numbers of the addresses that the stack knows of. @default none is looked for */
  readonly addresses: readonly string[] | undefined;
  /** What stays elsewhere when the relay is gone, and what to do about it, a line each. @default nothing */
  readonly leaves: readonly string[] | undefined;
}

/** Who looks for it: what find-stray-server.ts reads from stdin. */
export interface StrayServerAsker<Text = string> extends HetznerAccess<Text> {
  /** By which a server is known that was made under a former name. @default by its name alone, as versions before did */
  readonly stackId?: Text | undefined;
}

export function parseStrayServerDocument(text: string | undefined, source: string): StrayServerDocument {
  const fields = Fields.parse(text, source);
  return {
    server: fields.text("server"),
    addresses: fields.optionalTexts("addresses"),
    leaves: fields.optionalTexts("leaves"),
  };
}

/** Throws an `Error` where a part is missing; `source` says in it where the text came from. */
export function parseStrayServerAsker(text: string, source: string): StrayServerAsker {
  const stackId = Fields.parse(text, source).optionalText("stackId");
  return { ...parseHetznerAccess(text, source), stackId };
}
