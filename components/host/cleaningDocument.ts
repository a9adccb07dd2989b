import { parseHostAccess } from "./operatorAccess.ts";
import type { HostAccess } from "./operatorAccess.ts";
import { Fields } from "../network/programDocument.ts";

/** What uninstall-host.ts and clean-former.ts go by. */
export interface CleaningDocument {
  /** What the user calls the host. */
  readonly title: string;
  /** What it knows it is to the stack, in one word. One that is something else by now is left alone. */
  readonly nameOnHost: string;
  readonly access: HostAccess;
  /** By which the host knows this stack. */
  readonly stackId: string;
  /** What the state calls this act. */
  readonly urn: string;
  /** The script that runs there, below components/. */
  readonly script: string;
}

/** What they read from stdin. */
export interface CleaningSecrets {
  /** `undefined`: a key opens the host. */
  readonly password: string | undefined;
}

export function parseCleaningDocument(text: string | undefined, source: string): CleaningDocument {
  const fields = Fields.parse(text, source);
  return {
    title: fields.text("title"),
    nameOnHost: fields.text("nameOnHost"),
    access: parseHostAccess(fields.fields("access")),
    stackId: fields.text("stackId"),
    urn: fields.text("urn"),
    script: fields.text("script"),
  };
}

export function parseCleaningSecrets(text: string, source: string): CleaningSecrets {
  return { password: Fields.parse(text, source).optionalText("password") };
}

/** What clean-former.ts noted: how the machine was reached. */
export function parseCleaningNote(text: string, source: string): HostAccess {
  return parseHostAccess(Fields.parse(text, source));
}
