import * as pulumi from "@pulumi/pulumi";
import { FormerMachine } from "../host/FormerMachine.ts";
import { Host } from "../host/Host.ts";
import type { StepArgs } from "../host/Host.ts";
import type { CleaningArgs } from "../host/Uninstall.ts";
import type { CalledRelay } from "../network/calledRelay.ts";
import { renderForward } from "../network/forward.ts";
import type { HomePlan } from "../network/homePlan.ts";
import type { HomeStep } from "../network/homeStep.ts";
import { checkHomeSteps, neededBy } from "../network/homeStep.ts";
import type { Installation } from "../network/installation.ts";
import type { PeerKeys } from "../network/keys.ts";
import { homeSteps } from "./steps.ts";

export interface HomeArgs {
  readonly plan: HomePlan;
  /** How the home is reached, whose it is, and how our things are taken off it. */
  readonly cleaning: CleaningArgs;
  /** A secret of the stack's that never changes: with it is sealed what a later run has to know of this machine. */
  readonly noteSecret: pulumi.Input<string>;
  /** All that the home gets of ours. */
  readonly installation: Installation;
  readonly keys: PeerKeys<pulumi.Input<string>>;
  readonly relay: CalledRelay<pulumi.Input<string>>;
  /** Another text for another machine as the relay. */
  readonly relayMachineId: pulumi.Input<string>;
  /** The relay listens for the home, and strangers' packets reach its firewall, once these are there. */
  readonly relayReady: readonly pulumi.Resource[];
  /** The last step, which proves that the forwards work. */
  readonly proof: HomeStep;
  /** Cleans the home when the stack is gone, and so has to be there before anything is done to it. */
  readonly uninstall: pulumi.Resource;
}

/** A server at home: its end of the tunnel, the guard before it, the routes for its replies, and the proof of it all. */
export class Home extends pulumi.ComponentResource {
  /** What the user calls the home. */
  readonly name: string;
  /** Every forward was tried from outside. */
  readonly proven: pulumi.Resource;
  /** What the proof printed; it holds no secret, whatever the home is reached by. */
  readonly proofSaid: pulumi.Output<string>;

  constructor(name: string, args: HomeArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const { plan, cleaning, installation, proof } = args;
    const forwards = plan.forwards.map(renderForward);
    super("homerelay:home:Home", name, { tunnelAddress: plan.tunnelAddress, forwards }, opts);
    checkHomeSteps([...homeSteps, proof]);
    const host = new Host(
      name,
      {
        title: plan.name,
        nameOnHost: cleaning.nameOnHost,
        owner: cleaning.owner,
        access: cleaning.access,
        installation,
        hostKeySetting: "ssh.hostKey",
        plainWireguard: plan.name,
      },
      { parent: this, dependsOn: [args.uninstall] },
    );
    const done = new Map<string, readonly pulumi.Resource[]>([["relay", args.relayReady]]);
    const run = (step: HomeStep, after: readonly pulumi.Resource[]) =>
      host.step(`${name}-${step.name}`, stepArgs(step, args), {
        parent: this,
        dependsOn: [host.prepared, ...after],
      });
    const before = (step: HomeStep) => neededBy(step, done.keys()).flatMap((name) => done.get(name) ?? []);
    for (const step of homeSteps) done.set(step.name, [run(step, before(step))]);
    const formerCleaned = this.#cleanFormerMachine(name, args, before(proof));
    const proven = run(proof, [...before(proof), ...formerCleaned]);
    this.name = plan.name;
    this.proven = proven;
    this.proofSaid = pulumi.unsecret(proven.stdout);
    host.removeLeftovers(`${name}-leftovers`, { parent: this, dependsOn: this.proven });
    this.registerOutputs({});
  }

  /** No other machine has the home's keys afterwards. The machine that runs this program shows no host key. */
  #cleanFormerMachine(
    name: string,
    { cleaning, noteSecret }: HomeArgs,
    after: readonly pulumi.Resource[],
  ): readonly pulumi.Resource[] {
    if (cleaning.access === "here") return [];
    const former = { ...cleaning, noteSecret };
    return [new FormerMachine(`${name}-former-machine`, former, { parent: this, dependsOn: [...after] })];
  }
}

function stepArgs(step: HomeStep, args: HomeArgs): StepArgs {
  const { script, timeoutSeconds } = step;
  return {
    script,
    arguments: step.arguments(args.plan),
    document: renderStepDocument(step, args),
    triggers: [...(step.followsRelay ? [args.relayMachineId] : []), ...(step.follows?.(args.plan) ?? [])],
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
  };
}

function renderStepDocument({ document }: HomeStep, { plan, keys, relay }: HomeArgs): pulumi.Input<string> {
  switch (document.of) {
    case "plan":
      return document.render(plan);
    case "relay":
      return pulumi
        .all([relay.publicKey, relay.ipv4Address, relay.ipv6Address, relay.calledAt])
        .apply(([publicKey, ipv4Address, ipv6Address, calledAt]) =>
          document.render(plan, { publicKey, ipv4Address, ipv6Address, calledAt }),
        );
    case "keys":
      return pulumi.secret(
        pulumi
          .all([keys.privateKey, keys.publicKey, keys.presharedKey, relay.publicKey])
          .apply(([privateKey, publicKey, presharedKey, relayPublicKey]) =>
            document.render({ privateKey, publicKey, presharedKey }, plan, relayPublicKey),
          ),
      );
  }
}
