/**
 * Runs on the operator's machine once a host is set up. A host is the machine with its host key: when the settings name
 * another one, this takes our things off the machine before it, which has the same keys for the tunnel. Document and
 * secrets: cleaningDocument.ts. Its stdout is the note by which the next run knows where that was: the document's
 * `access`.
 */
import { cleanHost } from "./cleanHost.ts";
import { parseCleaningDocument, parseCleaningNote, parseCleaningSecrets } from "./cleaningDocument.ts";
import type { CleaningDocument } from "./cleaningDocument.ts";
import { explainFormerMachine, isAnotherMachine } from "./explainCleaning.ts";
import { Problem, readDocument, readPreviousOutput, readSecrets, runProgram } from "./program.ts";
import { renderProgramDocument } from "../network/programDocument.ts";

await runProgram(async () => {
  const document = readDocument(parseCleaningDocument);
  const note = readPreviousOutput();
  const access = note === undefined ? undefined : parseCleaningNote(note, "The note of the last run");
  if (access && isOther(access, document.access)) await cleanFormer({ ...document, access });
  console.log(renderProgramDocument(document.access));
});

function isOther(former: CleaningDocument["access"], now: CleaningDocument["access"]): boolean {
  const keys = (access: CleaningDocument["access"]) => (access.way === "here" ? [] : access.hostKeys);
  return keys(former).join("\n") !== keys(now).join("\n");
}

async function cleanFormer(former: CleaningDocument): Promise<void> {
  const { done, command, said } = await cleanHost(former, await readSecrets(parseCleaningSecrets));
  if (done) console.error(`${former.title}: ${said}`);
  else if (former.access.way !== "here" && isAnotherMachine(said))
    console.error(
      `${former.title}: another machine is at ${former.access.host} by now, so nothing is cleaned there`,
    );
  else throw new Problem(explainFormerMachine(former, command, said));
}
