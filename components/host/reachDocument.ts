import { parseHostAccess } from "./operatorAccess.ts";
import type { HostAccess } from "./operatorAccess.ts";
import { parseHostNeeds } from "./preflight.ts";
import type { HostNeeds } from "./preflight.ts";
import { Fields } from "../network/programDocument.ts";

/** What reach-host.ts goes by. */
export interface ReachDocument {
  /** What the user calls the host. */
  readonly title: string;
  readonly access: HostAccess;
  /** By which a host knows this stack. */
  readonly stackId: string;
  /** What people call it. */
  readonly stack: string;
  /** How long a host may be silent: a new server boots. */
  readonly waitSeconds: number;
  /** For how long a limit of new connections may shut us out. `undefined`: the host has none. */
  readonly limitSeconds: number | undefined;
  /** What to do about a host key that is not the pinned one. */
  readonly hostKeyMend: string;
  /** What to do about a host that does not answer. `undefined`: what helps with any host. */
  readonly silenceMend: string | undefined;
  /** Where the user set the password. `undefined`: there is none. */
  readonly passwordKey: string | undefined;
  readonly needs: HostNeeds;
  /** For a server that this stack made. */
  readonly made: MadeServer | undefined;
}

/** A server that boots with one host key, and gets another one, which lasts, when it is first reached. */
export interface MadeServer {
  /** Another text for another server. */
  readonly machine: string;
  /**
   * The public host key that it boots with. It stands in the server's user data for ever, so whoever has read that can
   * show it later: it is accepted from a server that was never reached, and from no other.
   */
  readonly firstHostKey: string;
  /** It is reached again when one of these changes. */
  readonly again: readonly string[];
}

/** What it reads from stdin: nothing for the operator's own key. */
export interface ReachSecrets {
  readonly password: string | undefined;
  /** Private key to log in with, OpenSSH format. */
  readonly loginKey: string | undefined;
  /**
   * The private host key that a server of ours is to have from its first contact on, OpenSSH format. The one that it
   * booted with was in its user data, where others than us can read it.
   */
  readonly hostKey: string | undefined;
}

export function parseReachDocument(text: string | undefined, source: string): ReachDocument {
  const fields = Fields.parse(text, source);
  const made = fields.optionalFields("made");
  return {
    title: fields.text("title"),
    access: parseHostAccess(fields.fields("access")),
    stackId: fields.text("stackId"),
    stack: fields.text("stack"),
    waitSeconds: fields.number("waitSeconds"),
    limitSeconds: fields.optionalNumber("limitSeconds"),
    hostKeyMend: fields.text("hostKeyMend"),
    silenceMend: fields.optionalText("silenceMend"),
    passwordKey: fields.optionalText("passwordKey"),
    needs: parseHostNeeds(fields.fields("needs")),
    made: made && {
      machine: made.text("machine"),
      firstHostKey: made.text("firstHostKey"),
      again: made.texts("again"),
    },
  };
}

/** The lines of the output by which the next run knows that this server has its lasting host key, and which. */
export function renderReached(made: MadeServer, hostKey: string): string {
  return `${reachedLine(made)}\n${hostKeyMark}${hostKey}`;
}

const hostKeyMark = "host key: ";

function reachedLine({ machine }: MadeServer): string {
  return `reached: ${machine}`;
}

/**
 * The document for this run. What the last run said tells whether the server may show its first host key, and which of
 * the lasting ones it had then: it may have a newer one by now, and no older one.
 */
export function acceptHostKeys(document: ReachDocument, previousOutput: string | undefined): ReachDocument {
  const { access, made } = document;
  if (!made || access.way === "here") return document;
  const said = (previousOutput ?? "").split(/\r?\n/);
  const had = access.hostKeys.findIndex((key) => said.includes(`${hostKeyMark}${key}`));
  const lasting = had < 0 ? access.hostKeys : access.hostKeys.slice(0, had + 1);
  const hostKeys = said.includes(reachedLine(made)) ? lasting : [made.firstHostKey, ...lasting];
  return { ...document, access: { ...access, hostKeys } };
}

export function parseReachSecrets(text: string, source: string): ReachSecrets {
  const fields = Fields.parse(text, source);
  return {
    password: fields.optionalText("password"),
    loginKey: fields.optionalText("loginKey"),
    hostKey: fields.optionalText("hostKey"),
  };
}
