/**
 * Runs on the operator's machine, before the provider's firewall and before every step of the relay, when
 * relay.sshPort, relay.sshVia or relay.sshPeers change: comes in where SSH is open, and has the relay open the wanted
 * endpoint beside it. Later steps use the new endpoint, and then close the old one. Document and secrets:
 * sshEndpointDocument.ts. Its stdout is the note of the endpoints known from now on. Without such a note of an earlier
 * run the relay is not there yet.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Connection } from "../host/connection.ts";
import { Problem, readDocument, readPreviousOutput, readSecrets, runProgram } from "../host/program.ts";
import { sshEndpointParts } from "./sshEndpointParts.ts";
import { readScript } from "../host/scriptText.ts";
import { judgeSshComplaint, lastLine } from "../host/sshComplaint.ts";
import {
  isOlderPort,
  isSame,
  noteEndpoints,
  parseEndpoints,
  parseSshEndpointDocument,
  parseSshEndpointSecrets,
  renderEndpoint,
} from "./sshEndpointDocument.ts";
import type { SshEndpoint, SshEndpointDocument } from "./sshEndpointDocument.ts";

const rounds = 3;

class Relay {
  readonly #document: SshEndpointDocument;
  readonly #known: readonly SshEndpoint[];
  readonly #connection: Connection;
  /** What the known endpoints answered in the last round, a line each. */
  #answers: readonly string[] = [];
  /** Whether one of them showed a host key that is not pinned. */
  #isAnother = false;

  constructor(document: SshEndpointDocument, known: readonly SshEndpoint[], loginKey: string) {
    this.#document = document;
    this.#known = known;
    const { wanted, user, hostKeys } = document;
    const access = {
      way: "ssh",
      ...wanted,
      user,
      hostKeys,
      identityFile: undefined,
      jump: undefined,
    } as const;
    this.#connection = Connection.open(access, { loginKey });
  }

  async move(): Promise<void> {
    const { title, wanted, lostMend } = this.#document;
    const open = await this.#waitForOpenEndpoint();
    if (open) return this.#openWanted(open);
    if (this.#isAnother)
      throw new Problem(`${title} shows another host key than it should, so nothing has changed, and nothing was sent to it:
${this.#answers.join("\n")}
A new server that no pulumi up has reached yet? Then run it with relay.sshPort, sshVia and sshPeers as they were, and
change them after. Otherwise this is another machine, or somebody stands between you and it. ${lostMend}`);
    if (!isOlderPort(wanted, this.#known))
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
    for (const endpoint of this.#known) {
      const { code, said } = await this.#connection.at(endpoint.host, endpoint.port).run("true");
      if (code === 0) return endpoint;
      if (judgeSshComplaint(said).kind === "wrongHostKey") this.#isAnother = true;
      this.#answers = [...this.#answers, `  ${endpoint.host} port ${endpoint.port}: ${lastLine(said)}`];
    }
    return undefined;
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

await runProgram(async () => {
  const document = readDocument(parseSshEndpointDocument);
  const known = parseEndpoints(readPreviousOutput() ?? "");
  if (known.length > 0) {
    const { loginKey } = await readSecrets(parseSshEndpointSecrets);
    await new Relay(document, known, loginKey).move();
  } else if (document.sshVia !== "public") {
    throw new Problem(`${document.title} is not in the tunnel yet, so SSH cannot go through it: first run up with
sshVia: public, then change it to tunnel.`);
  }
  for (const endpoint of noteEndpoints(document, known)) console.log(renderEndpoint(endpoint));
});
