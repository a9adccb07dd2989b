/**
 * Runs on the operator's machine, before the first step of a host: waits until the host lets us in, says at once what is
 * wrong when waiting cannot help, and then, in one message, all that keeps the host from being set up. Document and
 * secrets: reachDocument.ts. The last lines of its stdout are the note by which the next run knows which server has
 * which lasting host key.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { askHost } from "./askHost.ts";
import { Connection } from "./connection.ts";
import {
  explainAnswer,
  explainNoAnswer,
  explainOwnWay,
  explainProblems,
  explainRefusal,
  explainSilence,
  where,
} from "./explainReach.ts";
import { isFoundByPasswordClient } from "./findName.ts";
import type { SshWay } from "./operatorAccess.ts";
import { Patience } from "./patience.ts";
import type { HostAnswers } from "./preflight.ts";
import { Problem, readDocument, readPreviousOutput, readSecrets, runProgram } from "./program.ts";
import { acceptHostKeys, parseReachDocument, parseReachSecrets, renderReached } from "./reachDocument.ts";
import type { ReachDocument } from "./reachDocument.ts";
import { judgeAbsence, lastLine, separateComplaints } from "./sshComplaint.ts";

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
    const patience = new Patience(this.#document);
    for (;;) {
      // The last dials are shorter, so that the wait ends when it should.
      const dialSeconds = Math.min(Math.max(waitSeconds - patience.waitedSeconds, 2), 10);
      const { code, said } = await this.#connection.reach(dialSeconds);
      // With any other exit code than ssh's own the host has answered.
      if (code !== 255) {
        tell(explainAnswer(title, access, code, said));
        if (access.way === "password") await this.#checkWay(access);
        return;
      }
      tell(explainRefusal(this.#document, access, said));
      const pause = patience.next(judgeAbsence(said) === "refused");
      const waited = patience.waitedSeconds;
      if (pause === undefined) throw new Problem(explainSilence(this.#document, access, waited, said));
      const complaint = lastLine(separateComplaints(said).jump || said);
      console.log(`waiting for ${where(title, access)}: ${complaint} (${waited} s, next try in ${pause} s)`);
      await sleep(pause * 1000);
    }
  }

  /** With a password the steps have a client of their own, which does not go by the operator's ~/.ssh/config. */
  async #checkWay(access: SshWay): Promise<void> {
    const way = await this.#connection.way();
    const { hostname = access.host, through } = way;
    const isOther = hostname.toLowerCase() !== access.host.toLowerCase();
    if (through !== undefined || isOther || !(await isFoundByPasswordClient(access.host)))
      throw new Problem(explainOwnWay(this.#document, access, way));
  }

  /** All that is asked of it before anything is changed there. */
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

  /** Its sshd reads the new one a moment after it was told to. */
  async proveHostKey(hostKey: string, loginKey: string | undefined): Promise<void> {
    const { title, access } = this.#document;
    if (access.way === "here") return;
    const connection = Connection.open({ ...access, hostKeys: [hostKey] }, { loginKey });
    for (let tries = 1; ; tries++) {
      const { code, said } = await connection.run("true");
      if (code === 0) return;
      if (tries === 10)
        throw new Problem(`${title} was given its new host key, and its sshd does not show it: ${lastLine(said)}
Run pulumi up again. The host key of before is accepted until then, and the number of before may be set again too.`);
      await sleep(500);
    }
  }

  /** A host that let us in may be away again, since a first boot ends with another start of its sshd. */
  async #ask(): Promise<HostAnswers> {
    const { title, access, needs, made } = this.#document;
    if (made) console.log(`${title} answers; waiting for its first boot to end`);
    for (let tries = 1; ; tries++) {
      const { answers, ran } = await askHost(this.#connection, needs, { isFirstBoot: made !== undefined });
      if (answers !== undefined) return answers;
      if (access.way === "here" || tries === 3 || ran.code !== 255)
        throw new Problem(explainNoAnswer(this.#document, this.#connection.user, ran));
      await this.waitUntilReached();
    }
  }
}

/**
 * A run that ended half-way may have left the file and not told sshd, so sshd is told in any case. The public file is away
 * for a moment: sshd does without it, but not with that of another key, which a power cut could leave.
 */
const installHostKey = `set -e; umask 077; cd /etc/ssh; cat >ssh_host_ed25519_key.next
ssh-keygen -yf ssh_host_ed25519_key.next >ssh_host_ed25519_key.pub.next; chmod 0644 ssh_host_ed25519_key.pub.next
sync ssh_host_ed25519_key.next ssh_host_ed25519_key.pub.next
rm -f ssh_host_ed25519_key.pub; sync .
mv ssh_host_ed25519_key.next ssh_host_ed25519_key; mv ssh_host_ed25519_key.pub.next ssh_host_ed25519_key.pub; sync .
systemctl reload ssh`;

/** Ends the program with what was found, if anything was. */
function tell(problem: string | undefined): void {
  if (problem !== undefined) throw new Problem(problem);
}

await runProgram(async () => {
  const note = readPreviousOutput();
  const wanted = readDocument(parseReachDocument);
  const document = acceptHostKeys(wanted, note);
  const { made, access } = document;
  const [hostKey = ""] = wanted.access.way === "here" ? [] : wanted.access.hostKeys;
  const secrets = await readSecrets(parseReachSecrets);
  const connection = Connection.share(document.access, secrets);
  const host = new Host(document, connection);
  try {
    await host.waitUntilReached();
    await host.check();
  } catch (error) {
    // Whoever is in stays there with the shell and the groups of before, whatever is mended meanwhile.
    await connection.endSharing();
    throw error;
  }
  const mayShow = access.way === "here" ? [] : access.hostKeys;
  if (made && secrets.hostKey !== undefined && mayShow.length > 1) {
    await host.installHostKey(secrets.hostKey);
    if (mayShow[0] === hostKey) await host.proveHostKey(hostKey, secrets.loginKey);
  }
  console.log(`${document.title} is reached`);
  if (made) console.log(renderReached(made, hostKey));
});
