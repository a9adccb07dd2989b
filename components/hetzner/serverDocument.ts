import { Fields } from "../network/programDocument.ts";

/** What ask-server.ts goes by; what it reads from stdin is `HetznerAccess`. */
export interface ServerDocument {
  /** The server's number at Hetzner. */
  readonly id: string;
}

/** What Hetzner says of a server, as ask-server.ts prints it. */
export interface ServerAnswer {
  /** The current month's, in bytes; `null`: not counted yet. */
  readonly sentBytes: number | null;
  readonly receivedBytes: number | null;
  /** What may be sent in a month at no further cost. */
  readonly includedBytes: number | null;
  /** A month's, VAT included; `null`: Hetzner names no price. */
  readonly price: { readonly currency: string; readonly server: number; readonly ipv4: number } | null;
}

export function parseServerDocument(text: string | undefined, source: string): ServerDocument {
  return { id: Fields.parse(text, source).text("id") };
}
