/**
 * Runs on the operator's machine, before the first step of a host: waits until the host lets us in, and says at once
 * what is wrong when waiting cannot help. Document and secrets: reachDocument.ts. The last line of its stdout is the note
 * by which the next run knows which server has its lasting host key.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Connection } from "./connection.ts";
import type { Ran } from "./connection.ts";
import {
  explainAnswer,
  explainOwner,
  explainOwnWay,
  explainPrivilege,
  explainRefusal,
  explainSilence,
  explainSystem,
  where,
} from "./explainReach.ts";
import { isFoundByPasswordClient } from "./findName.ts";
import type { SshWay } from "./operatorAccess.ts";
import { Patience } from "./patience.ts";
import { Problem, readDocument, readPreviousOutput, readSecrets, runProgram } from "./program.ts";
import {
  acceptHostKeys,
  parseReachDocument,
  parseReachSecrets,
  renderReached,
  wasReached,
} from "./reachDocument.ts";
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

  /** Our scripts need apt, systemd and Debian's paths. */
  async checkSystem(): Promise<void> {
    const { title, access } = this.#document;
    const release = '. /etc/os-release && printf "%s\\n" "$ID ${ID_LIKE-}" "$PRETTY_NAME"';
    const { stdout } = await this.#ask(release);
    tell(explainSystem(title, access, stdout));
  }

  async checkPrivilege(): Promise<void> {
    const { user } = this.#connection;
    if (user === "root") return;
    const { code, stderr } = await this.#ask("sudo -n true");
    if (code !== 0) throw new Problem(explainPrivilege(this.#document.title, user, stderr));
  }

  async checkOwner(): Promise<void> {
    const { stdout } = await this.#ask("cat /etc/homerelay/owner 2>/dev/null || :");
    tell(explainOwner(this.#document, this.#connection.user, stdout));
  }

  /** A fresh server is still setting itself up when its sshd first answers. */
  async waitForCloudInit(): Promise<void> {
    const { title } = this.#document;
    console.log(`${title} answers; waiting for its first boot to end`);
    // 2: it ended with a warning from which it recovered.
    const { code } = await this.#ask("timeout 300 cloud-init status --wait >/dev/null || test $? -eq 2");
    if (code !== 0)
      throw new Problem(`${title}: its first boot did not end well. See there: cloud-init status --long`);
  }

  /** From now on the server shows a host key that was never in its user data. */
  async installHostKey(hostKey: string): Promise<void> {
    const { code, said } = await this.#connection.run(installHostKey, { input: hostKey });
    if (said !== "") console.error(said);
    if (code !== 0) throw new Problem(`${this.#document.title}: could not give it its lasting host key`);
  }

  /**
   * A host that let us in may be away again, since a first boot ends with another start of its sshd. The words, without
   * single quotes, are for `sh`: the user's own shell may be one that reads them otherwise, such as fish.
   */
  async #ask(words: string): Promise<Ran> {
    const { title, access } = this.#document;
    const command = `sh -c '${words}'`;
    let ran = await this.#connection.run(command);
    for (let tries = 1; ran.code === 255 && access.way !== "here"; tries++) {
      await this.waitUntilReached();
      if (tries === 3)
        throw new Problem(`${where(title, access)} answers, and ends what is asked of it: ${ran.stderr}`);
      ran = await this.#connection.run(command);
    }
    return ran;
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
  const host = new Host(document, Connection.share(document.access, secrets));
  await host.waitUntilReached();
  await host.checkSystem();
  await host.checkPrivilege();
  await host.checkOwner();
  if (made) await host.waitForCloudInit();
  if (made && secrets.hostKey !== undefined && !wasReached(made, note))
    await host.installHostKey(secrets.hostKey);
  console.log(`${document.title} is reached`);
  if (made) console.log(renderReached(made));
});
