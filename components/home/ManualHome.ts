import * as pulumi from "@pulumi/pulumi";
import { leftoversStep, preflightByHand, preparation, preparationCommand } from "../host/Host.ts";
import { uninstallParts } from "../host/scriptParts.ts";
import { readScript } from "../host/scriptText.ts";
import type { CalledRelay } from "../network/calledRelay.ts";
import { renderForward } from "../network/forward.ts";
import { endDocument } from "../network/document.ts";
import type { HomePlan } from "../network/homePlan.ts";
import type { HomeStep } from "../network/homeStep.ts";
import type { Installation } from "../network/installation.ts";
import type { PeerKeys } from "../network/keys.ts";
import type { Owner } from "../network/owner.ts";
import { shownGeneration } from "../network/tunnelPlan.ts";
import { commandOf } from "../network/step.ts";
import { describeNext, renderHandOver } from "./handOver.ts";
import type { HandOver } from "./handOver.ts";

export interface ManualHomeArgs {
  readonly plan: HomePlan;
  readonly owner: Owner<pulumi.Input<string>>;
  /** All that the home gets of ours. */
  readonly installation: Installation;
  readonly keys: PeerKeys<pulumi.Input<string>>;
  readonly relay: CalledRelay<pulumi.Input<string>>;
  /** The last step, which proves that the forwards work. */
  readonly proof: HomeStep;
}

/** A home that nothing contacts: its owner runs a script there. */
export class ManualHome extends pulumi.ComponentResource {
  /** The stack's output for it; script and configuration are secret. */
  readonly handOver: HandOver<pulumi.Output<string>>;

  constructor(name: string, args: ManualHomeArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const { plan, installation, proof } = args;
    const forwards = plan.forwards.map(renderForward);
    const shown = { tunnelAddress: plan.tunnelAddress, forwards, ...shownGeneration(plan.tunnel) };
    super("homerelay:home:ManualHome", name, shown, opts);
    const leftovers = leftoversStep(installation);
    const { script, wireguard } = pulumi.secret(
      pulumi.all([args.keys, args.relay, args.owner]).apply(([keys, relay, owner]) =>
        renderHandOver({
          plan,
          keys,
          relay,
          preflight: { name: "preflight", ...preflightByHand(installation, plan.name) },
          prepare: {
            name: "prepare",
            command: preparationCommand(owner, plan.name),
            document: preparation(installation),
          },
          uninstall: {
            name: "uninstall",
            command: `timeout 300 bash -s ${owner.id} ${plan.name}`,
            document: [...uninstallParts, "home/uninstall-home.sh"].map(readScript).join(""),
          },
          proof,
          leftovers: {
            name: "leftovers",
            command: commandOf(leftovers),
            document: endDocument(leftovers.document),
          },
          main: readScript("home/manual-home.sh"),
        }),
      ),
    );
    this.handOver = { next: describeNext(plan.name), script, wireguard };
    this.registerOutputs({});
  }
}
