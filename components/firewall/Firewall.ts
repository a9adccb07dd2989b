import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../host/Host.ts";
import { renderForward } from "../network/forward.ts";
import { renderRelayRuleset } from "./ruleset.ts";
import type { RelayFirewall } from "./ruleset.ts";

/** nftables on the relay: loaded on trial, kept when a new SSH connection came through. */
export class Firewall extends pulumi.ComponentResource {
  /** The rules are in force and proven. */
  readonly confirmed: pulumi.Resource;

  constructor(name: string, host: Host, openings: RelayFirewall, opts: pulumi.ComponentResourceOptions = {}) {
    super(
      "homerelay:firewall:Firewall",
      name,
      { forwards: openings.forwards.map(({ forward }) => renderForward(forward)) },
      opts,
    );
    const ruleset = renderRelayRuleset(openings);
    const rules = host.step(
      `${name}-rules`,
      {
        run: `apply-firewall.sh ${openings.sshVia}${openings.shared ? ` shared ${openings.listenPort}` : ""}`,
        document: ruleset,
      },
      { parent: this, dependsOn: host.prepared },
    );
    this.confirmed = host.step(
      `${name}-confirm`,
      { run: "confirm-firewall.sh", document: `${createHash("sha256").update(ruleset).digest("hex")}\n` },
      { parent: this, dependsOn: rules },
    );
    this.registerOutputs({});
  }
}
