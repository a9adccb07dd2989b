import { userInfo } from "node:os";
import { Connection } from "./connection.ts";
import type { CleaningDocument, CleaningSecrets } from "./cleaningDocument.ts";
import { cleaningScripts, cleanWhereNeeded } from "./explainCleaning.ts";
import { rootPrefix } from "./operatorAccess.ts";
import { readScript } from "./scriptText.ts";

/** How taking our things off a host ended. */
export interface Cleaned {
  readonly done: boolean;
  /** What ran there. */
  readonly command: string;
  /** What the host said, or why it said nothing. */
  readonly said: string;
}

export async function cleanHost(document: CleaningDocument, secrets: CleaningSecrets): Promise<Cleaned> {
  const { access } = document;
  const user = access.way === "here" ? userInfo().username : access.user;
  const command = `${rootPrefix(user)}bash -s ${document.stackId} ${document.nameOnHost}`;
  if (access.way === "password" && secrets.password === undefined)
    return { done: false, command, said: "it is opened by a password, which nobody knows any more" };
  const connection = Connection.open(access, secrets);
  const input = cleaningScripts(document).map(readScript).join("");
  const { code, said } = await connection.run(cleanWhereNeeded(command), { input });
  return { done: code === 0, command, said };
}
