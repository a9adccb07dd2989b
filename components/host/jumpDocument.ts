import { parseJumpAccess } from "./operatorAccess.ts";
import type { JumpAccess } from "../network/sshAccess.ts";
import { Fields } from "../network/programDocument.ts";

/** What open-jump.ts goes by. */
export interface JumpDocument {
  readonly jump: JumpAccess;
  /** The file with the pinned host key. `undefined`: the operator's own known_hosts decide. */
  readonly knownHosts: string | undefined;
  /** How long the whole connection may take, up to the host behind this one. */
  readonly dialSeconds: number;
}

export function parseJumpDocument(text: string | undefined, source: string): JumpDocument {
  const fields = Fields.parse(text, source);
  return {
    jump: parseJumpAccess(fields.fields("jump")),
    knownHosts: fields.optionalText("knownHosts"),
    dialSeconds: fields.number("dialSeconds"),
  };
}
