import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { Host } from "../host/Host.ts";
import type { OperatorAccess, Owner } from "../host/Host.ts";
import { renderHardening } from "./hardening.ts";

export interface ExistingRelayArgs {
  /** How the operator's own OpenSSH reaches the machine. */
  readonly access: OperatorAccess;
  readonly owner: Owner;
  /** Its public addresses; without IPv6 the forwards answer over IPv4 alone. */
  readonly ipv4: string;
  readonly ipv6: string | undefined;
  /** What `pulumi destroy` removes only after it: what cleans the machine, most of all. */
  readonly after: readonly pulumi.Resource[];
}

/** A VPS that the user already has, and on which other things may run: they stay. */
export class ExistingRelay extends pulumi.ComponentResource {
  readonly ipv4Address: pulumi.Output<string>;
  readonly ipv6Address: pulumi.Output<string> | undefined;
  /** Its provider is not asked to lead the addresses back to a name. */
  readonly primaryIps: undefined;
  readonly host: Host;
  /** Another one for another machine, also at the same address. */
  readonly serverId: pulumi.Output<string>;
  /** The machine passes packets on, and is hardened. */
  readonly open: pulumi.Resource;

  constructor(name: string, args: ExistingRelayArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const { ipv4, ipv6, access } = args;
    super("homerelay:relay:ExistingRelay", name, { host: access.host, ipv4, ipv6 }, opts);
    this.ipv4Address = pulumi.output(ipv4);
    this.ipv6Address = ipv6 === undefined ? undefined : pulumi.output(ipv6);
    this.primaryIps = undefined;
    this.serverId = pulumi.output(createHash("sha256").update(access.hostKey).digest("hex").slice(0, 12));
    this.host = new Host(
      `${name}-host`,
      { title: "the relay", role: "relay", owner: args.owner, access },
      { parent: this, dependsOn: [...args.after] },
    );
    this.open = this.host.step(
      `${name}-system`,
      { run: "harden-relay.sh", document: renderHardening({ byPassword: comesByPassword(access) }) },
      { parent: this, dependsOn: this.host.prepared },
    );
    this.registerOutputs({ ipv4Address: this.ipv4Address, ipv6Address: this.ipv6Address });
  }
}

function comesByPassword(access: OperatorAccess): boolean {
  return access.password !== undefined;
}
