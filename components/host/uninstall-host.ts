/**
 * Runs on the operator's machine, after all else of `pulumi destroy` or, for a home that was taken out of the settings,
 * of `pulumi up`: takes our things off a host that outlives the stack. Document and secrets: cleaningDocument.ts.
 */
import { cleanHost } from "./cleanHost.ts";
import { parseCleaningDocument, parseCleaningSecrets } from "./cleaningDocument.ts";
import { explainLeftHost } from "./explainCleaning.ts";
import { Problem, readDocument, readSecrets, runProgram } from "./program.ts";
import { tell } from "./tell.ts";

await runProgram(async () => {
  const document = readDocument(parseCleaningDocument);
  const { done, command, said } = await cleanHost(document, await readSecrets(parseCleaningSecrets));
  if (!done) throw new Problem(explainLeftHost(document, command, said));
  await tell([`${document.title}: ${said.trimEnd()}`, ...(document.leaves ?? [])].join("\n"));
});
