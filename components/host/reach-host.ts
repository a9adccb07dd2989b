/**
 * Runs on the operator's machine, before the first step of a host: waits until the host lets us in, says at once what is
 * wrong when waiting cannot help, and then, in one message, all that keeps the host from being set up. Document and secrets: reachDocument.ts. The last line of its stdout is the note
 * by which the next run knows which server has its lasting host key.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { askHost } from "./askHost.ts";
import { Connection } from "./connection.ts";
import { explainNoAnswer, explainProblems, explainRefusal, explainSilence, where } from "./explainReach.ts";
import type { HostAnswers } from "./preflight.ts";
import { Problem, readDocument, readPreviousOutput, readSecrets, runProgram } from "./program.ts";
import {
  acceptHostKeys,
  parseReachDocument,
  parseReachSecrets,
  renderReached,
  wasReached,
} from "./reachDocument.ts";
import type { ReachDocument } from "./reachDocument.ts";
import { lastLine, separateComplaints } from "./sshComplaint.ts";

class Host {
  readonly #document: ReachDocument;
  readonly #connection: Connection;

  constructor(document: ReachDocument, connection: Connection) {
    this.#document = document;
    this.#connection = connection;
  }

  async waitUntilReached(): Promise<void> {
    const { title, access, waitSeconds } = this.#document;
    if (access.way === "here") return;
    const started = Date.now();
    for (let waited = 0; ;) {
      // The last dials are shorter, so that the wait ends when it should.
      const dialSeconds = Math.min(Math.max(waitSeconds - waited, 2), 10);
      const { code, said } = await this.#connection.run("true", { dialSeconds });
      if (code === 0) return;
      tell(explainRefusal(this.#document, access, said));
      waited = Math.floor((Date.now() - started) / 1000);
      if (waited >= waitSeconds) throw new Problem(explainSilence(this.#document, access, waited, said));
      const complaint = lastLine(separateComplaints(said).jump || said);
      console.log(`waiting for ${where(title, access)}: ${complaint} (${waited} s)`);
      await sleep(2000);
    }
  }

  /** An ordinary host is reached and asked over one connection. */
  async check(): Promise<void> {
    const { title } = this.#document;
    const answers = await this.#ask();
    for (const note of answers.notes) console.log(`${title}: ${note}`);
    tell(explainProblems(this.#document, this.#connection.user, answers));
  }

  /** From now on the server shows a host key that was never in its user data. */
  async installHostKey(hostKey: string): Promise<void> {
    const { code, said } = await this.#connection.run(installHostKey, { input: hostKey });
    if (said !== "") console.error(said);
    if (code !== 0) throw new Problem(`${this.#document.title}: could not give it its lasting host key`);
  }

  /**
   * A host that does not answer yet is waited for; one that let us in may be away again, since a first boot ends with
   * another start of its sshd.
   */
  async #ask(): Promise<HostAnswers> {
    const { title, access, needs, made, waitSeconds } = this.#document;
    // The first dial is a short one: what can be waited for is waited for afterwards.
    const dialSeconds = Math.min(waitSeconds, 5);
    for (let tries = 1; ; tries++) {
      const options = { isFirstBoot: made !== undefined, ...(tries === 1 ? { dialSeconds } : {}) };
      const { answers, ran } = await askHost(this.#connection, needs, options);
      if (answers !== undefined) return answers;
      if (access.way !== "here" && ran.code === 255) tell(explainRefusal(this.#document, access, ran.said));
      if (access.way === "here" || tries === 3 || (tries > 1 && ran.code !== 255))
        throw new Problem(explainNoAnswer(this.#document, this.#connection.user, ran));
      await this.waitUntilReached();
      if (made) console.log(`${title} answers; waiting for its first boot to end`);
    }
  }
}

const installHostKey = `set -e; umask 077; cd /etc/ssh; cat >ssh_host_ed25519_key.next
ssh-keygen -yf ssh_host_ed25519_key.next >ssh_host_ed25519_key.pub.next; chmod 0644 ssh_host_ed25519_key.pub.next
cmp -s ssh_host_ed25519_key.next ssh_host_ed25519_key && { rm ./*.next; exit 0; }
sync ssh_host_ed25519_key.next ssh_host_ed25519_key.pub.next
mv ssh_host_ed25519_key.next ssh_host_ed25519_key; mv ssh_host_ed25519_key.pub.next ssh_host_ed25519_key.pub; sync .
systemctl reload ssh`;

/** Ends the program with what was found, if anything was. */
function tell(problem: string | undefined): void {
  if (problem !== undefined) throw new Problem(problem);
}

await runProgram(async () => {
  const note = readPreviousOutput();
  const document = acceptHostKeys(readDocument(parseReachDocument), note);
  const { made } = document;
  const secrets = await readSecrets(parseReachSecrets);
  const host = new Host(document, Connection.open(document.access, secrets));
  await host.check();
  if (made && secrets.hostKey !== undefined && !wasReached(made, note))
    await host.installHostKey(secrets.hostKey);
  console.log(`${document.title} is reached`);
  if (made) console.log(renderReached(made));
});
