import type { CalledRelay } from "../network/calledRelay.ts";
import type { HomePlan } from "../network/homePlan.ts";
import { checkHomeSteps } from "../network/homeStep.ts";
import type { HomeStep } from "../network/homeStep.ts";
import type { PeerKeys } from "../network/keys.ts";
import { endDocument } from "../network/document.ts";
import { commandOf } from "../network/step.ts";
import { renderHomeScript } from "./homeScript.ts";
import type { ScriptStep } from "./homeScript.ts";
import { renderPlainWireguard } from "./plainWireguard.ts";
import { homeSteps } from "./steps.ts";

/** What the owner of a home gets who sets it up by hand. `Text`: a string, or the engine's promise of one. */
export interface HandOver<Text = string> {
  /** What to do with it. */
  readonly next: string;
  /** `sudo bash nas.sh install | remove | status`. */
  readonly script: Text;
  /** A plain WireGuard configuration, for what is no Debian. */
  readonly wireguard: Text;
}

/** What it is made of. */
export interface HandOverParts {
  readonly plan: HomePlan;
  readonly keys: PeerKeys;
  readonly relay: CalledRelay;
  /** Says, before anything is changed, why the machine cannot be set up, and fails then. */
  readonly preflight: ScriptStep;
  /** The first step, which puts our scripts in place, and the one that takes everything away again. */
  readonly prepare: ScriptStep;
  readonly uninstall: ScriptStep;
  /** Proves that the forwards work. */
  readonly proof: HomeStep;
  /** The last step, which removes what is no longer needed. */
  readonly leftovers: ScriptStep;
  /** The text of manual-home.sh. */
  readonly main: string;
}

/** The same questions and steps as a home gets that is reached. */
export function renderHandOver(parts: HandOverParts): HandOver {
  const { plan, keys, relay, preflight, prepare, uninstall, proof, leftovers, main } = parts;
  const steps = [...homeSteps, proof];
  checkHomeSteps(steps);
  const install = [preflight, prepare, ...steps.map((step) => writeStep(step, parts)), leftovers];
  return {
    next: describeNext(plan.name),
    script: renderHomeScript({ home: plan.name, install, uninstall, main }),
    wireguard: renderPlainWireguard(plan, keys, relay),
  };
}

/** Known before there is a stack, and so in every preview. */
export function describeNext(home: string): string {
  return (
    `${home} waits for its script, now and after each change: (umask 077; npm run -s home ${home} > ${home}.sh), ` +
    `and there: sudo bash ${home}.sh install`
  );
}

function writeStep(step: HomeStep, parts: HandOverParts): ScriptStep {
  const { name, script, timeoutSeconds } = step;
  const command = commandOf({
    script,
    arguments: step.arguments(parts.plan),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
  });
  return { name, command, document: endDocument(renderStepDocument(step, parts)) };
}

function renderStepDocument({ document }: HomeStep, { plan, keys, relay }: HandOverParts): string {
  switch (document.of) {
    case "plan":
      return document.render(plan);
    case "relay":
      return document.render(plan, relay);
    case "keys":
      return document.render(keys, plan, relay.publicKey);
  }
}
