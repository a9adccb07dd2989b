/**
 * Runs on the operator's machine, before the provider's firewall and before every step of the relay, when
 * relay.sshPort, relay.sshVia, relay.sshPeers or relay.sshKeyGeneration change: comes in where SSH is open, has the relay
 * open the wanted endpoint beside it, and has it admit the wanted key beside the one before. Later steps use the new
 * endpoint and the new key, and then close the old ones. Document and secrets: sshEndpointDocument.ts. Its stdout is the
 * note of the endpoints and keys known from now on. Without such a note of an earlier run the relay is not there yet.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Connection } from "../host/connection.ts";
import { Problem, readDocument, readPreviousOutput, readSecrets, runProgram } from "../host/program.ts";
import { openText, sealText } from "../host/sealedText.ts";
import type { SshWay } from "../host/operatorAccess.ts";
import { readScript } from "../host/scriptText.ts";
import { judgeSshComplaint, lastLine } from "../host/sshComplaint.ts";
import {
  isOlderPort,
  isSame,
  noteEndpoints,
  noteHostKeys,
  parseNote,
  parseSshEndpointDocument,
  parseSshEndpointSecrets,
  renderEndpoint,
  renderNote,
} from "./sshEndpointDocument.ts";
import type { SshEndpoint, SshEndpointDocument, SshEndpointSecrets, SshNote } from "./sshEndpointDocument.ts";
import { sshEndpointParts } from "./sshEndpointParts.ts";

const rounds = 3;

class Relay {
  readonly #document: SshEndpointDocument;
  readonly #known: SshNote;
  readonly #access: SshWay;
  readonly #wantedLoginKey: string;
  /** What may open the relay, the likeliest first. */
  readonly #loginKeys: readonly string[];
  /** By the key that opened the relay last. */
  #connection: Connection;
  /** What the known endpoints answered in the last round, a line each. */
  #answers: readonly string[] = [];
  /** Whether one of them showed a host key that is not pinned. */
  #isAnother = false;

  constructor(document: SshEndpointDocument, known: SshNote, { loginKey, ...secrets }: SshEndpointSecrets) {
    this.#document = document;
    this.#known = known;
    const { wanted, user, keys, firstKeys } = document;
    this.#access = {
      way: "ssh",
      ...wanted,
      user,
      // One that was the relay's long ago is accepted here too: nothing that is sent from here is secret.
      hostKeys: [...new Set([keys.host, ...(known.hostKeys.length > 0 ? known.hostKeys : [firstKeys.host])])],
      identityFile: undefined,
      jump: undefined,
    };
    this.#wantedLoginKey = loginKey;
    const noted = known.login && openText(known.login.sealed, secrets.noteSecret);
    // The one that is noted opens it, unless the note tells of a server that has gone.
    this.#loginKeys = [...new Set([noted ?? secrets.firstLoginKey, loginKey, secrets.firstLoginKey])];
    this.#connection = Connection.open(this.#access, { loginKey });
  }

  async move(): Promise<void> {
    const { title, wanted, lostMend } = this.#document;
    const open = await this.#waitForOpenEndpoint();
    if (open) {
      if (!this.#hasWantedKeys) await this.#admitWantedKey(open);
      return this.#openWanted(open);
    }
    if (this.#isAnother)
      throw new Problem(`${title} shows another host key than it should, so nothing has changed, and nothing was sent to it:
${this.#answers.join("\n")}
A new server that no pulumi up has reached yet? Then run it with relay.sshPort, sshVia and sshPeers as they were, and
sshKeyGeneration too, and change them after. Otherwise this is another machine, or somebody stands between you and it. ${lostMend}`);
    if (!isOlderPort(wanted, this.#known.endpoints) || !this.#hasWantedKeys)
      throw new Problem(`${title} lets nobody in by SSH where it did before, so nothing has changed:
${this.#answers.join("\n")}
Is it switched on, and does a firewall let you through? A relay whose SSH goes through the tunnel opens it to the
outside five minutes after the last peer was heard. ${lostMend}`);
    // Where this network stops the newer one, this one may stand open behind the provider's firewall, which moves next.
    console.error(
      `no known SSH endpoint of ${title} lets us in; ${renderEndpoint(wanted)} was one before, and is tried next`,
    );
  }

  /** The relay may be rebooting. */
  async #waitForOpenEndpoint(): Promise<SshEndpoint | undefined> {
    for (let round = 1; ; round++) {
      const open = await this.#findOpenEndpoint();
      if (open || this.#isAnother || round === rounds) return open;
      console.error(`no known SSH endpoint of ${this.#document.title} lets us in; trying again`);
      await sleep(5000);
    }
  }

  async #findOpenEndpoint(): Promise<SshEndpoint | undefined> {
    this.#answers = [];
    for (const endpoint of this.#known.endpoints) {
      const said = await this.#tryKeys(endpoint);
      if (said === undefined) return endpoint;
      if (judgeSshComplaint(said).kind === "wrongHostKey") this.#isAnother = true;
      this.#answers = [...this.#answers, `  ${endpoint.host} port ${endpoint.port}: ${lastLine(said)}`];
    }
    return undefined;
  }

  /** `undefined`: one of the keys opens the relay there. */
  async #tryKeys({ host, port }: SshEndpoint): Promise<string | undefined> {
    let complaint = "";
    for (const loginKey of this.#loginKeys) {
      this.#connection = Connection.open(this.#access, { loginKey });
      const { code, said } = await this.#connection.at(host, port).run("true");
      if (code === 0) return undefined;
      complaint = said;
      if (judgeSshComplaint(said).kind !== "refusedLogin") break;
    }
    return complaint;
  }

  /** Whether the relay has admitted the wanted key before, as the last that it admitted. */
  get #hasWantedKeys(): boolean {
    const { keys, firstKeys } = this.#document;
    return keys.admin === (this.#known.login?.publicKey ?? firstKeys.admin);
  }

  /** Beside those before it, which the sshd step removes when this one has brought it there. */
  async #admitWantedKey(open: SshEndpoint): Promise<void> {
    const { title, keys, firstKeys } = this.#document;
    // A relay that was put back as it once was is opened by an older one.
    const before = [this.#known.login?.publicKey ?? firstKeys.admin, firstKeys.admin].map(keyText);
    const command = ["bash -s admit", keyText(keys.admin), ...new Set(before)].join(" ");
    const there = this.#connection.at(open.host, open.port);
    if ((await there.show(command, sshEndpointParts.map(readScript).join(""))) !== 0)
      throw new Problem(`${title} did not take its new SSH key. The one of before opens it as it did.`);
    const { code, said } = await Connection.open(this.#access, { loginKey: this.#wantedLoginKey })
      .at(open.host, open.port)
      .run("true");
    if (code !== 0)
      throw new Problem(`${title} does not let the new SSH key in: ${lastLine(said)}
The one of before opens it as it did. Does sshd there read another file than /root/.ssh/authorized_keys?`);
  }

  async #openWanted(open: SshEndpoint): Promise<void> {
    const { title, wanted, sshVia } = this.#document;
    if (!(await this.#runOnRelay(open, "open")))
      throw new Problem(
        `${title} could not open the new way for SSH, ${renderEndpoint(wanted)}. The old one is open: ${open.host} port ${open.port}`,
      );
    // From outside, the provider's firewall may still stand before the new port.
    if (sshVia !== "tunnel" || isSame(open, wanted)) return;
    const { code, said } = await this.#connection.run("true");
    if (code === 0) return;
    if (!(await this.#runOnRelay(open, "close")))
      console.error("what was opened for SSH through the tunnel is still open; the next up tries again");
    throw new Problem(`${title} does not answer through the tunnel at ${renderEndpoint(wanted)}: ${said}
With relay.sshVia: tunnel, the machine that runs pulumi has to be in the tunnel, as one of relay.sshPeers. Nothing has
changed: SSH is open at ${open.host} port ${open.port} as before.`);
  }

  /** Whether it went well; the relay's own words are shown. */
  async #runOnRelay(open: SshEndpoint, verb: "open" | "close"): Promise<boolean> {
    const { wanted, sshVia, sshPeers } = this.#document;
    const command = ["bash -s", verb, wanted.port, sshVia, ...sshPeers].join(" ");
    const there = this.#connection.at(open.host, open.port);
    return (await there.show(command, sshEndpointParts.map(readScript).join(""))) === 0;
  }
}

/** What is between the type and the comment. */
function keyText(publicKey: string): string {
  return publicKey.split(" ")[1] ?? "";
}

function noteLogin(
  { keys, firstKeys }: SshEndpointDocument,
  known: SshNote,
  { loginKey, noteSecret }: SshEndpointSecrets,
): SshNote["login"] {
  if (keys.admin === firstKeys.admin) return undefined;
  if (keys.admin === known.login?.publicKey) return known.login;
  return { publicKey: keys.admin, sealed: sealText(loginKey, noteSecret) };
}

await runProgram(async () => {
  const document = readDocument(parseSshEndpointDocument);
  const secrets = await readSecrets(parseSshEndpointSecrets);
  const known = parseNote(readPreviousOutput() ?? "");
  if (known.endpoints.length > 0) {
    await new Relay(document, known, secrets).move();
  } else if (document.sshVia !== "public") {
    throw new Problem(`${document.title} is not in the tunnel yet, so SSH cannot go through it: first run up with
sshVia: public, then change it to tunnel.`);
  }
  const note = {
    endpoints: noteEndpoints(document, known.endpoints),
    login: noteLogin(document, known, secrets),
    hostKeys: noteHostKeys(document.keys.host, document.firstKeys.host, known),
  };
  console.log(renderNote(note));
});
