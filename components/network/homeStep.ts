import type { CalledRelay } from "./calledRelay.ts";
import type { HomePlan } from "./homePlan.ts";
import type { PeerKeys } from "./keys.ts";

/**
 * One step of setting up a home, whoever runs it: this program at a home that it reaches, or the owner by a script. A
 * step that is written here is done at both.
 */
export interface HomeStep {
  /** Names the resource, and the script's function. @example guard */
  readonly name: string;
  /** By its file name, as it is installed at home. */
  readonly script: string;
  /** Words for it, of characters that no shell reads otherwise. */
  readonly arguments: (plan: HomePlan) => readonly string[];
  /** Its standard input. */
  readonly document: HomeDocument;
  /** The steps that have to be done first, and `relay`: it has to listen, and to be open to strangers. */
  readonly needs: readonly string[] | "all before";
  /** It runs again for another machine as the relay, which knows of no session. */
  readonly followsRelay: boolean;
  /** It runs again when one of these texts changes, besides its document and its script. @default none */
  readonly follows?: (plan: HomePlan) => readonly string[];
  /** Seconds until it is ended. @default 300 */
  readonly timeoutSeconds?: number;
}

/** What a document is made of decides when it is known, and whether a preview shows it. */
export type HomeDocument =
  /** Plain and known before there is a stack. */
  | { readonly of: "plan"; readonly render: (plan: HomePlan) => string }
  /** Plain, and known once the relay has its address. */
  | { readonly of: "relay"; readonly render: (plan: HomePlan, relay: CalledRelay) => string }
  /** Secret. */
  | {
      readonly of: "keys";
      readonly render: (keys: PeerKeys, plan: HomePlan, relayPublicKey: string) => string;
    };

/** What a step needs of all that is there before it: the relay and the steps. */
export function neededBy({ needs }: Pick<HomeStep, "needs">, before: Iterable<string>): readonly string[] {
  return needs === "all before" ? [...before] : needs;
}

/** Throws an `Error` when a step needs one that does not come before it, or two have one name. */
export function checkHomeSteps(steps: readonly HomeStep[]): void {
  const before = new Set(["relay"]);
  for (const step of steps) {
    const { name } = step;
    if (before.has(name)) throw new Error(`two steps of a home are named ${name}`);
    for (const need of neededBy(step, before))
      if (!before.has(need)) throw new Error(`the step ${name} needs ${need}, which does not come before it`);
    before.add(name);
  }
}
