import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../host/Host.ts";
import { relayAddress } from "../network/addressPlan.ts";
import type { TunnelAddress } from "../network/addressPlan.ts";
import type { Device } from "../network/device.ts";
import { renderDocument } from "../network/document.ts";
import { renderForward } from "../network/forward.ts";
import type { PublishedForward } from "../network/publishedForward.ts";
import type { SshAdmission } from "../network/sshAdmission.ts";
import type { TunnelPlan } from "../network/tunnelPlan.ts";
import { renderPublishedPorts } from "./publishedPorts.ts";
import { renderRelayRuleset } from "./ruleset.ts";

export interface FirewallArgs {
  /** The relay. */
  readonly host: Host;
  readonly ssh: SshAdmission;
  /** Whether the machine has an owner who runs other things on it: what is none of the tunnel's business is let pass. */
  readonly isShared: boolean;
  readonly tunnel: TunnelPlan;
  readonly forwards: readonly PublishedForward[];
  readonly devices: readonly Device[];
  /** Who may read the relay's metrics, and what these call peers and forwards (print-metrics.sh). @default nobody */
  readonly metrics?: { readonly peers: readonly TunnelAddress[]; readonly names: string } | undefined;
}

/** nftables on the relay: loaded on trial, kept when a new SSH connection came through. */
export class Firewall extends pulumi.ComponentResource {
  /** The rules are in force and proven. */
  readonly confirmed: pulumi.Resource;

  constructor(name: string, args: FirewallArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const { host, ssh, isShared, tunnel, forwards, devices, metrics } = args;
    super(
      "homerelay:firewall:Firewall",
      name,
      { forwards: forwards.map(({ forward }) => renderForward(forward)) },
      opts,
    );
    const ruleset = renderRelayRuleset({
      sshPort: ssh.port,
      adminCidrs: ssh.adminCidrs,
      sshVia: ssh.via,
      sshPeers: ssh.peers,
      metrics: metrics && { address: relayAddress(tunnel.prefix4, tunnel.prefix6), peers: metrics.peers },
      listenPort: tunnel.listenPort,
      forwards,
      shared: isShared,
      peerTraffic: { devices, prefix4: tunnel.prefix4, prefix6: tunnel.prefix6 },
    });
    const rules = host.step(
      `${name}-rules`,
      {
        script: "apply-firewall.sh",
        arguments: [ssh.via, ...(isShared ? ["shared", `${tunnel.listenPort}`] : [])],
        document: renderDocument([
          { name: "ruleset", text: ruleset },
          ...(metrics === undefined ? [] : [{ name: "metrics", text: metrics.names }]),
          ...(isShared ? [{ name: "published", text: renderPublishedPorts(forwards) }] : []),
        ]),
      },
      { parent: this, dependsOn: host.prepared },
    );
    this.confirmed = host.step(
      `${name}-confirm`,
      {
        script: "confirm-firewall.sh",
        arguments: [],
        document: `${createHash("sha256").update(ruleset).digest("hex")}\n`,
        connection: "new",
      },
      { parent: this, dependsOn: rules },
    );
    this.registerOutputs({});
  }
}
