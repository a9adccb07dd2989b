import { Fields } from "../network/programDocument.ts";

/**
 * How Hetzner's API is reached, and what the programs that ask it read from stdin. `Text`: a string, or the engine's
 * promise of one.
 */
export interface HetznerAccess<Text = string> {
  /**
   * Empty: it is in the environment, as HCLOUD_ENDPOINT, or is Hetzner's own.
   * @example https://api.hetzner.cloud/v1
   */
  readonly endpoint: string;
  /** A secret. Empty: it is in the environment, as HCLOUD_TOKEN, and gets into no state. */
  readonly token: Text;
}

/** Throws an `Error` where a part is missing; `source` says in it where the text came from. */
export function parseHetznerAccess(text: string, source: string): HetznerAccess {
  const fields = Fields.parse(text, source);
  return { endpoint: fields.text("endpoint"), token: fields.text("token") };
}
