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
  const connection = Connection.open(document.access, secrets);
  const command = `${rootPrefix(connection.user)}bash -s ${document.stackId} ${document.nameOnHost}`;
  const input = cleaningScripts(document).map(readScript).join("");
  const { code, said } = await connection.run(cleanWhereNeeded(command), { input });
  return { done: code === 0, command, said };
}
