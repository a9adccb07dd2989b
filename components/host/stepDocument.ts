import { parseHostAccess } from "./operatorAccess.ts";
import type { HostAccess } from "./operatorAccess.ts";
import { Fields } from "../network/programDocument.ts";

/** What run-step.ts goes by. Its stdin is the host's own document. */
export interface StepDocument {
  /** What the user calls the host. */
  readonly title: string;
  readonly access: HostAccess;
  /**
   * How long the host may be away, because it boots. The engine begins nothing more after a failure, so this is also
   * the time in which a change is finished on all other hosts.
   */
  readonly waitSeconds: number;
  /** For how long a limit of new connections may shut us out. */
  readonly limitSeconds: number | undefined;
  /** @default one that other steps of the host share */
  readonly connection: StepConnection | undefined;
}

/**
 * By which connection a step comes to its host. `new`: that it gets there proves that the host lets in as it is now.
 * `last`: it may change how the host lets in, so no later step uses its connection. `alone`: both.
 */
export type StepConnection = "new" | "last" | "alone";

export function parseStepDocument(text: string | undefined, source: string): StepDocument {
  const fields = Fields.parse(text, source);
  return {
    title: fields.text("title"),
    access: parseHostAccess(fields.fields("access")),
    waitSeconds: fields.number("waitSeconds"),
    limitSeconds: fields.optionalNumber("limitSeconds"),
    connection: fields.has("connection")
      ? fields.word<StepConnection>("connection", ["new", "last", "alone"])
      : undefined,
  };
}
