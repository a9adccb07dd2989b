/** What a check does on a host: looks, proves, watches, and runs a step of the stack once more. */
import type { Difference } from "../network/difference.ts";
import { parseDifferences } from "../network/difference.ts";
import { readScript } from "../host/scriptText.ts";
import { HostRunner } from "../host/stackHosts.ts";
import type { HostAnswer, StackHost } from "../host/stackHosts.ts";
import { contentOf, expectFiles, wishOfSettings } from "./expectedFiles.ts";
import { nameOverriders, readLook, renderQuestion, wishOfSshd } from "./hostLook.ts";
import type { HostLook } from "./hostLook.ts";
import type { HostStep } from "./hostSteps.ts";
import { relaySteps } from "./hostSteps.ts";

/** What was found on a host, or why nothing could be. */
export type HostState = { readonly look: HostLook; readonly looked: string } | { readonly problem: string };

/** The host's own look at what is live. */
const liveScript = "mend-host.sh";

export class CheckedHost {
  /** `relay`, or the home's name. */
  readonly where: string;
  readonly isRelay: boolean;
  readonly steps: readonly HostStep[];
  readonly #runner: HostRunner;

  constructor(host: StackHost, steps: readonly HostStep[]) {
    this.where = host.isRelay ? relaySteps : host.title;
    this.isRelay = host.isRelay;
    this.steps = steps;
    this.#runner = new HostRunner(host);
  }

  /** Its files and sshd against the stack, and what is live against its files. It changes nothing. */
  async look(): Promise<HostState> {
    const question = {
      files: expectFiles(this.steps),
      sshd: wishOfSshd(this.steps),
      settings: wishOfSettings(this.steps),
    };
    const answer = await this.#send("check/look-at-host.sh", [], renderQuestion(question));
    if (!("said" in answer)) return answer;
    const look = readLook(this.where, question, answer.said);
    if (look === undefined) return { problem: "its answer was cut off on its way; run this again" };
    const [id] = this.steps.find((step) => step.script === "prepare")?.arguments ?? [];
    if (id !== undefined && look.owner !== id)
      return {
        problem:
          look.owner === ""
            ? `it does not know that it belongs to this stack, and home-relay may have been taken off it. Set it up again:\n  pulumi up --replace '**${this.#prepareName()}'`
            : `it belongs to another stack now (${look.owner}); nothing was compared, and nothing is changed there`,
      };
    const live = await this.#lookAtLive(look.differences);
    const differences = nameOverriders([...look.differences, ...live], look.overrides);
    const looked = `${question.files.length} files${question.sshd === undefined ? "" : ", sshd"}, firewall, tunnel, routes, settings, units`;
    return { look: { ...look, differences }, looked };
  }

  async #lookAtLive(found: readonly Difference[]): Promise<readonly Difference[]> {
    // Without its own script it has to get that first.
    if (found.some(({ what, found: is }) => what.endsWith(`/${liveScript}`) && is === "missing")) return [];
    const answer = await this.#runner.run({ script: liveScript, arguments: ["look"], timeoutSeconds: 60 });
    if ("said" in answer) return parseDifferences(this.where, answer.said, { by: "host" });
    return [
      {
        where: this.where,
        kind: "script",
        what: liveScript,
        found: `not able to look (${answer.problem.replace(/\s+/g, " ")})`,
        wanted: "able to",
        repair: { by: "step", step: this.#prepareName() },
      },
    ];
  }

  #prepareName(): string {
    return this.steps.find((step) => step.script === "prepare")?.name ?? "-prepare";
  }

  /** Has the host put right what is live and not as its files say. */
  async mendLive(): Promise<HostAnswer> {
    return this.#runner.run({ script: liveScript, arguments: ["mend"], timeoutSeconds: 180 });
  }

  /** Runs a step of the stack once more, with the document that it had. */
  async repeat(step: HostStep): Promise<HostAnswer> {
    if (step.script === "prepare")
      return this.#runner.send({ ...step, script: "its preparation" }, step.document);
    const answer = await this.#runner.run(step, contentOf(step.document));
    if (step.script !== "apply-firewall.sh" || !("said" in answer)) return answer;
    // New rules are on trial until somebody has come in by them.
    await this.#runner.leave();
    const confirm = this.steps.find(({ script }) => script === "confirm-firewall.sh");
    return confirm === undefined ? answer : this.#runner.run(confirm, contentOf(confirm.document));
  }

  /** Tries forwards from outside, through the home's own line; `only`: those, by `443/tcp`. */
  async prove(only?: readonly string[]): Promise<HostAnswer> {
    const step = this.steps.find(({ script }) => script === "prove-forwards.sh");
    if (step === undefined) return { said: "" };
    const document = contentOf(step.document);
    const asked = only === undefined ? document : keepProbes(document, only);
    return this.#runner.run({ ...step, arguments: [...step.arguments, "findings"] }, asked);
  }

  /** On the relay: notes from now on how far knocks at these ports get, for a minute at most. */
  async beginWatch(ports: readonly string[]): Promise<HostAnswer> {
    const lines = ports.map((port) => `${port.split("/").reverse().join(" ")}\n`).join("");
    return this.#send("check/watch-knocks.sh", ["begin"], lines);
  }

  async endWatch(): Promise<HostAnswer> {
    return this.#send("check/watch-knocks.sh", ["end"], "");
  }

  /** `source`: a script below components/, which is on no host. */
  #send(source: string, words: readonly string[], input: string): Promise<HostAnswer> {
    const script = source.slice(source.lastIndexOf("/") + 1);
    return this.#runner.send({ script, arguments: words, timeoutSeconds: 60 }, readScript(source) + input);
  }
}

/** The proof's document with these ports alone. */
function keepProbes(document: string, only: readonly string[]): string {
  return document
    .split("\n")
    .filter((line) => {
      const [protocol = "", published = ""] = line.split(" ");
      return (protocol !== "tcp" && protocol !== "udp") || only.includes(`${published}/${protocol}`);
    })
    .join("\n");
}
