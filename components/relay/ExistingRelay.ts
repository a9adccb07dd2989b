import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { Host } from "../host/Host.ts";
import type { StepArgs } from "../host/Host.ts";
import { Uninstall } from "../host/Uninstall.ts";
import { joinInstallations } from "../network/installation.ts";
import type { Prefix } from "../network/prefix.ts";
import type { SshAccess } from "../network/sshAccess.ts";
import type { SshAdmission } from "../network/sshAdmission.ts";
import { renderMachineSettings, renderSshdSettings } from "./hardening.ts";
import { existingRelayInstallation } from "./installation.ts";
import type { OutlivingMachine, Relay, RelayPlan } from "./Relay.ts";
import { relayNameOnHost, relayTitle } from "./relayName.ts";

export interface ExistingRelayArgs {
  readonly plan: RelayPlan;
  /** How the operator's own OpenSSH reaches the machine. */
  readonly access: SshAccess;
  /** Its public addresses; without IPv6 the forwards answer over IPv4 alone. */
  readonly ipv4: string;
  readonly ipv6: string | undefined;
  /** UDP port at which WireGuard is to listen. */
  readonly listenPort: number;
  /** Who may open an SSH connection to it. */
  readonly adminCidrs: readonly Prefix[];
}

/** A VPS that the user already has, and on which other things may run: they stay. */
export class ExistingRelay extends pulumi.ComponentResource implements Relay {
  readonly ipv4Address: pulumi.Output<string>;
  readonly ipv6Address: pulumi.Output<string> | undefined;
  readonly host: Host;
  readonly machineId: pulumi.Output<string>;
  readonly ssh: SshAdmission;
  readonly isShared = true;
  readonly open: readonly pulumi.Resource[];
  readonly sshd: StepArgs;
  readonly outlives: OutlivingMachine;

  constructor(name: string, args: ExistingRelayArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const { plan, access, ipv4, ipv6, listenPort, adminCidrs } = args;
    const shown = { host: access.host, ipv4, ipv6, adminCidrs: adminCidrs.map(({ text }) => text) };
    super("homerelay:relay:ExistingRelay", name, shown, opts);
    this.ipv4Address = pulumi.output(ipv4);
    this.ipv6Address = ipv6 === undefined ? undefined : pulumi.output(ipv6);
    // A machine is the one with its host key, at whatever address.
    this.machineId = pulumi.output(createHash("sha256").update(access.hostKey).digest("hex").slice(0, 12));
    // Its owner comes in as before, and moves sshd where he likes.
    this.ssh = { port: access.port, via: "public", adminCidrs, peers: [] };
    const cleaning = {
      title: relayTitle,
      nameOnHost: relayNameOnHost,
      access,
      owner: plan.owner,
      script: "relay/uninstall-relay.sh",
    };
    const uninstall = new Uninstall(
      `${name}-uninstall`,
      { ...cleaning, leaves: plan.leaves },
      { parent: this },
    );
    this.outlives = { uninstall, cleaning };
    this.host = new Host(
      name,
      {
        title: relayTitle,
        nameOnHost: relayNameOnHost,
        owner: plan.owner,
        access,
        installation: joinInstallations([plan.installation, existingRelayInstallation]),
        hostKeySetting: "hostKey",
        listenPort,
      },
      { parent: this, dependsOn: [...plan.after, uninstall] },
    );
    this.open = [
      this.host.step(
        `${name}-system`,
        { script: "harden-relay.sh", arguments: [], document: renderMachineSettings() },
        { parent: this, dependsOn: this.host.prepared },
      ),
    ];
    this.sshd = {
      script: "harden-sshd.sh",
      arguments: [],
      document: renderSshdSettings({ byPassword: access.password !== undefined }),
      connection: "last",
    };
    this.registerOutputs({ ipv4Address: this.ipv4Address, ipv6Address: this.ipv6Address });
  }
}
