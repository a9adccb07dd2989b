/**
 * Runs a step on a host, as root. Document: stepDocument.ts. Arguments: the command there. stdin is the host's own
 * document and goes through untouched.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Connection, tidy } from "./connection.ts";
import { explainAbsence, explainCut } from "./explainReach.ts";
import { rootPrefix } from "./operatorAccess.ts";
import { Patience } from "./patience.ts";
import { Problem, readDocument, runProgram } from "./program.ts";
import { judgeAbsence } from "./sshComplaint.ts";
import { parseStepDocument } from "./stepDocument.ts";

await runProgram(async () => {
  const document = readDocument(parseStepDocument);
  const connection = Connection.share(document.access);
  // sudo would forget where the connection comes from, and apply-firewall.sh has to know whom not to lock out.
  const command = `${rootPrefix(connection.user)}env SSH_CONNECTION="$SSH_CONNECTION" ${process.argv.slice(2).join(" ")}`;
  const isNew = document.connection === "new" || document.connection === "alone";
  const isLast = document.connection === "last" || document.connection === "alone";
  const patience = new Patience(document);
  if (isNew) await connection.endSharing();
  for (;;) {
    const { code, complaint, isBegun } = await passOnce(connection, command);
    // Where there was no connection nothing of stdin has been read.
    const absence = code === 255 ? judgeAbsence(complaint) : undefined;
    if (absence === undefined) {
      const cut = code === 255 && isBegun ? explainCut(document, tidy(complaint)) : undefined;
      if (cut !== undefined) throw new Problem(cut);
      process.stderr.write(complaint);
      process.exitCode = code;
      break;
    }
    const pause = patience.next(absence === "refused");
    const waited = patience.waitedSeconds;
    if (pause === undefined) throw new Problem(explainAbsence(document, waited, tidy(complaint)));
    console.log(`waiting for ${document.title} (${waited} s, next try in ${pause} s)`);
    await sleep(pause * 1000);
  }
  if (isLast) await connection.endSharing();
});

/** A connection that is shared is there, and known to work, before the command uses it. `isBegun`: it may have. */
async function passOnce(connection: Connection, command: string) {
  if (connection.isShared) {
    const { code, said } = await connection.reach();
    if (code === 255) return { code, complaint: `${said}\n`, isBegun: false };
  }
  return { ...(await connection.pass(command)), isBegun: true };
}
