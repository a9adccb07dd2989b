import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import { renderForward } from "../network/forward.ts";
import { renderProviderRules } from "./providerRules.ts";
import type { RelayFirewall } from "../firewall/ruleset.ts";

/** Hetzner's wall before the relay, with the same openings as the relay's own. */
export class ProviderFirewall extends pulumi.ComponentResource {
  /** Hetzner's id. */
  readonly firewallId: pulumi.Output<number>;

  /** `label`: its name in the Hetzner project. `after`: what `pulumi destroy` removes only after it. */
  constructor(
    name: string,
    args: {
      readonly label: string;
      readonly openings: RelayFirewall;
      readonly after: readonly pulumi.Resource[];
    },
    opts: pulumi.ComponentResourceOptions = {},
  ) {
    const forwards = args.openings.forwards.map(({ forward }) => renderForward(forward));
    super("homerelay:firewall:ProviderFirewall", name, { forwards }, opts);
    const firewall = new hcloud.Firewall(
      `${name}-rules`,
      {
        name: args.label,
        rules: renderProviderRules(args.openings).map(({ port, sourceIps, ...rule }) => ({
          ...rule,
          sourceIps: [...sourceIps],
          ...(port === undefined ? {} : { port }),
        })),
      },
      { parent: this, dependsOn: [...args.after] },
    );
    this.firewallId = firewall.id.apply(Number);
    this.registerOutputs({ firewallId: this.firewallId });
  }
}
