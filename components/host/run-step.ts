/**
 * Runs a step on a host, as root. Document: stepDocument.ts. Arguments: the command there. stdin is the host's own
 * document and goes through untouched.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Connection, tidy } from "./connection.ts";
import { rootPrefix } from "./operatorAccess.ts";
import { Problem, readDocument, runProgram } from "./program.ts";
import { judgeSshComplaint } from "./sshComplaint.ts";
import { parseStepDocument } from "./stepDocument.ts";

await runProgram(async () => {
  const { title, access, waitSeconds } = readDocument(parseStepDocument);
  const connection = Connection.open(access);
  // sudo would forget where the connection comes from, and apply-firewall.sh has to know whom not to lock out.
  const command = `${rootPrefix(connection.user)}env SSH_CONNECTION="$SSH_CONNECTION" ${process.argv.slice(2).join(" ")}`;
  const started = Date.now();
  for (;;) {
    const { code, complaint } = await connection.pass(command);
    if (!isAway(code, complaint)) {
      process.stderr.write(complaint);
      process.exitCode = code;
      return;
    }
    const waited = Math.floor((Date.now() - started) / 1000);
    if (waited >= waitSeconds)
      throw new Problem(`${title} was away for ${waited} s: ${tidy(complaint)}
Switch it on, then run the same command again. To do meanwhile what does not need it:
  pulumi up --continue-on-error`);
    console.log(`waiting for ${title} (${waited} s)`);
    await sleep(2000);
  }
});

/** There was no connection, so nothing of stdin has been read. */
function isAway(code: number, complaint: string): boolean {
  return code === 255 && judgeSshComplaint(complaint).kind === "notConnected";
}
