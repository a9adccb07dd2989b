/**
 * Runs on the operator's machine once a host is set up. A host is the machine with its host key: when the settings name
 * another one, this takes our things off the machine before it, which has the same keys for the tunnel. Document and
 * secrets: cleaningDocument.ts. Its stdout is the note by which the next run knows where that was, and how it was opened.
 */
import { cleanHost } from "./cleanHost.ts";
import {
  parseCleaningDocument,
  parseCleaningNote,
  parseFormerSecrets,
  renderCleaningNote,
} from "./cleaningDocument.ts";
import type { CleaningDocument } from "./cleaningDocument.ts";
import { explainFormerMachine, isAnotherMachine } from "./explainCleaning.ts";
import { Problem, readDocument, readPreviousOutput, readSecrets, runProgram } from "./program.ts";

await runProgram(async () => {
  const document = readDocument(parseCleaningDocument);
  const secrets = await readSecrets(parseFormerSecrets);
  const text = readPreviousOutput();
  const note =
    text === undefined ? undefined : parseCleaningNote(text, "The note of the last run", secrets.noteSecret);
  // An older version has noted no password; then it may still be the same.
  if (note && isOther(note.access, document.access))
    await cleanFormer({ ...document, access: note.access }, note.password ?? secrets.password);
  console.log(renderCleaningNote(document.access, secrets));
});

function isOther(former: CleaningDocument["access"], now: CleaningDocument["access"]): boolean {
  const keys = (access: CleaningDocument["access"]) => (access.way === "here" ? [] : access.hostKeys);
  return keys(former).join("\n") !== keys(now).join("\n");
}

async function cleanFormer(former: CleaningDocument, password: string | undefined): Promise<void> {
  const { done, command, said } = await cleanHost(former, { password });
  if (done) console.error(`${former.title}: ${said}`);
  else if (former.access.way !== "here" && isAnotherMachine(said))
    console.error(
      `${former.title}: another machine is at ${former.access.host} by now, so nothing is cleaned there`,
    );
  else throw new Problem(explainFormerMachine(former, command, said));
}
