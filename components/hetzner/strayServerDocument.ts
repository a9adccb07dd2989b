import { Fields } from "../network/programDocument.ts";

/** What find-stray-server.ts goes by. */
export interface StrayServerDocument {
  /** The server's name at Hetzner. */
  readonly server: string;
}

export function parseStrayServerDocument(text: string | undefined, source: string): StrayServerDocument {
  return { server: Fields.parse(text, source).text("server") };
}
