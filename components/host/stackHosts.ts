/**
 * How a program that a person starts, `npm run status` for one, gets to the stack's hosts and runs there what `pulumi up`
 * has installed. It goes the way of the stack's own steps: each host's *reach* step has, in the state, the document by
 * which it was reached, and its secrets. So no output has to carry them, and a stack whose last `up` ended half-way has
 * its hosts as well. Keys go into files that are gone when the program ends.
 */
import { endDocument } from "../network/document.ts";
import { documentVariable, programCommand } from "../network/programDocument.ts";
import { commandOf } from "../network/step.ts";
import type { Step } from "../network/step.ts";
import { Connection } from "./connection.ts";
import type { Ran, Secrets } from "./connection.ts";
import { explainRefusal, explainSilence, where } from "./explainReach.ts";
import { loginCommand, rootPrefix } from "./operatorAccess.ts";
import { Patience } from "./patience.ts";
import type { Wait } from "./patience.ts";
import { acceptHostKeys, parseReachDocument, parseReachSecrets } from "./reachDocument.ts";
import type { ReachDocument } from "./reachDocument.ts";
import { judgeAbsence } from "./sshComplaint.ts";
import type { StackState, StateResource } from "./stackState.ts";

/** A host of the stack, and how it is reached; secret. */
export interface StackHost {
  /** What the user calls it: a home's name, or `the relay`. */
  readonly title: string;
  readonly isRelay: boolean;
  readonly reach: ReachDocument;
  readonly secrets: Secrets;
}

/** What a script on a host printed, or why it did not run to its end: what was found, where, and how to mend it. */
export type HostAnswer =
  | { readonly said: string }
  | { readonly problem: string; /** Whether the host let us in. */ readonly reached: boolean };

/**
 * The relay and each home that `pulumi up` sets up, as it last reached them. A home that its owner sets up is none of
 * them. Throws where an older version of this program has written of a host what this one cannot read.
 */
export function stackHosts({ resources }: StackState): StackHost[] {
  return resources.filter(isReach).map(({ types, inputs, outputs }) => {
    const { environment, stdin } = inputs as {
      readonly environment?: Readonly<Record<string, string>>;
      readonly stdin?: string;
    };
    const source = "The state";
    const document = parseReachDocument(environment?.[documentVariable], source);
    // One that was its host key before a change of keys is not any more.
    const { stdout } = outputs;
    const reach = acceptHostKeys(document, typeof stdout === "string" ? stdout : undefined);
    const { password, loginKey } = parseReachSecrets(stdin || "{}", source);
    const isRelay = !types.includes("homerelay:home:Home$");
    return { title: reach.title, isRelay, reach, secrets: { password, loginKey } };
  });
}

const reachProgram = programCommand("host/reach-host.ts");

function isReach({ types, inputs }: StateResource): boolean {
  return types.endsWith("command:local:Command") && inputs["create"] === reachProgram;
}

/** One that is away is told of at once. */
const noPatience: Wait = { waitSeconds: 0, limitSeconds: undefined };

/** Seconds that a host has to answer the connection. */
const dialSeconds = 8;

/** Runs scripts on one host, one after another, as root. */
export class HostRunner {
  readonly #host: StackHost;
  readonly #connection: Connection;
  readonly #wait: Wait;

  /** `wait`: for how long it may be away. @default not at all */
  constructor(host: StackHost, wait: Wait = noPatience) {
    this.#host = host;
    this.#connection = Connection.share(host.reach.access, host.secrets);
    this.#wait = wait;
  }

  /** Runs an installed script. `document`: for its stdin. @default none */
  async run(step: Step, document?: string): Promise<HostAnswer> {
    return this.#insist(step, commandOf(step), document === undefined ? undefined : endDocument(document));
  }

  /**
   * Runs a script that need not be there: `text` goes to bash, and reads what stands behind it. `step`: what it is called,
   * its words, and how long it may take.
   */
  async send(step: Step, text: string): Promise<HostAnswer> {
    const { arguments: words, timeoutSeconds = 300 } = step;
    return this.#insist(step, ["timeout", timeoutSeconds, "bash -s --", ...words].join(" "), text);
  }

  /** The next command comes by another connection, which shows that the host still lets in. */
  async leave(): Promise<void> {
    await this.#connection.endSharing();
  }

  async #insist(step: Step, there: string, input: string | undefined): Promise<HostAnswer> {
    const { access } = this.#host.reach;
    // sudo would forget where the connection comes from, and some scripts have to know whom not to lock out.
    const command = `${rootPrefix(this.#connection.user)}env SSH_CONNECTION="$SSH_CONNECTION" ${there}`;
    const patience = new Patience(this.#wait);
    for (;;) {
      const ran = await this.#runOnce(command, step, input);
      if (ran.code === 0) return { said: ran.stdout };
      // Where there was no connection nothing of stdin has been read.
      const absence = ran.code === 255 && access.way !== "here" ? judgeAbsence(ran.stderr) : undefined;
      const pause = absence === undefined ? undefined : patience.next(absence === "refused");
      if (pause !== undefined) {
        await new Promise((resolve) => setTimeout(resolve, pause * 1000));
        continue;
      }
      // Whoever is in stays there with the shell and the groups of before, whatever is mended meanwhile.
      await this.#connection.endSharing();
      return this.#explain(step, ran, patience.waitedSeconds);
    }
  }

  /** A connection that is shared is there, and known to work, before the command uses it. */
  async #runOnce(command: string, step: Step, input: string | undefined): Promise<Ran> {
    if (this.#connection.isShared) {
      const reached = await this.#connection.reach(dialSeconds);
      if (reached.code === 255) return reached;
    }
    // The host ends it by itself, unless it hangs.
    const signal = AbortSignal.timeout(((step.timeoutSeconds ?? 300) + dialSeconds + 5) * 1000);
    const ran = await this.#connection.run(command, {
      dialSeconds,
      signal,
      ...(input === undefined ? {} : { input }),
    });
    return signal.aborted ? { ...ran, code: timedOut } : ran;
  }

  #explain(step: Step, { code, stderr, said }: Ran, waitedSeconds: number): HostAnswer {
    const { reach, title } = this.#host;
    const { access } = reach;
    const place = where(title, access);
    const { user } = this.#connection;
    if (code === 255 && access.way !== "here") {
      const isAbsent = judgeAbsence(stderr) !== undefined;
      const problem =
        explainRefusal(reach, access, stderr) ?? explainSilence(reach, access, waitedSeconds, stderr, "");
      return { problem, reached: !isAbsent };
    }
    if (code === timedOut)
      return {
        problem: `${place} lets ${user} in, and was not done with ${step.script} after ${step.timeoutSeconds ?? 300} s. Is it overloaded, or its disk?
  ${look(access, "uptime; df -h /")}`,
        reached: true,
      };
    if (/^sudo: /m.test(stderr))
      return {
        problem: `${place} lets ${user} in, and sudo does not let it become root without a question: ${said}
Allow it there:
  echo '${user} ALL=(ALL) NOPASSWD: ALL' | sudo tee -a /etc/sudoers.d/home-relay`,
        reached: true,
      };
    if (code === 126 || code === 127)
      return {
        problem: `${place} has no ${step.script}: its scripts are of another version of this program, or were removed. Put them there:
  pulumi up --replace '**-prepare'`,
        reached: true,
      };
    return {
      problem: `${place}: ${step.script} ended with exit code ${code}: ${said || "it said nothing"}`,
      reached: true,
    };
  }
}

/** With it `timeout` ends what took too long. */
const timedOut = 124;

function look(access: ReachDocument["access"], command: string): string {
  return access.way === "here" ? command : `${loginCommand(access)} '${command}'`;
}
