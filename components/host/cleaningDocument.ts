import { parseHostAccess } from "./operatorAccess.ts";
import type { HostAccess } from "./operatorAccess.ts";
import { Fields, renderProgramDocument } from "../network/programDocument.ts";
import { openText, sealText } from "./sealedText.ts";

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
  /** What stays elsewhere, and what to do about it, a line each: told when the host is left. */
  readonly leaves: readonly string[] | undefined;
}

/** What they read from stdin. */
export interface CleaningSecrets {
  /** `undefined`: a key opens the host. */
  readonly password: string | undefined;
}

/** What clean-former.ts reads from stdin. */
export interface FormerSecrets extends CleaningSecrets {
  /** With it a password is sealed in the note. */
  readonly noteSecret: string;
}

/** What clean-former.ts noted of the machine that it found set up. */
export interface CleaningNote {
  readonly access: HostAccess;
  /** The password that opened it. `undefined`: a key did, or an older version has noted this. */
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
    leaves: fields.optionalTexts("leaves"),
  };
}

export function parseCleaningSecrets(text: string, source: string): CleaningSecrets {
  return { password: Fields.parse(text, source).optionalText("password") };
}

export function parseFormerSecrets(text: string, source: string): FormerSecrets {
  const fields = Fields.parse(text, source);
  return { password: fields.optionalText("password"), noteSecret: fields.text("noteSecret") };
}

/** The note for the next run. It stands in the state, and in the environment of that run. */
export function renderCleaningNote(access: HostAccess, { password, noteSecret }: FormerSecrets): string {
  const sealed = password === undefined ? {} : { sealedPassword: sealText(password, noteSecret) };
  return renderProgramDocument({ ...access, ...sealed });
}

export function parseCleaningNote(text: string, source: string, noteSecret: string): CleaningNote {
  const fields = Fields.parse(text, source);
  const sealed = fields.optionalText("sealedPassword");
  const password = sealed === undefined ? undefined : openText(sealed, noteSecret);
  return { access: parseHostAccess(fields), password };
}
