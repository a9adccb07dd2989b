import * as pulumi from "@pulumi/pulumi";
import { Host } from "../host/Host.ts";
import type { OperatorAccess, Owner } from "../host/Host.ts";
import { renderForward } from "../network/forward.ts";
import { joinCommand, renderGuardDocument, renderKeyDocument, renderTunnelDocument } from "./documents.ts";
import type { HomePlan } from "./documents.ts";

export interface HomeArgs extends HomePlan {
  /** What the user calls the home. */
  readonly name: string;
  /** `here`: it is the machine that runs this program. */
  readonly access: OperatorAccess | "here";
  readonly owner: Owner;
  readonly keys: { readonly privateKey: pulumi.Input<string>; readonly presharedKey: pulumi.Input<string> };
  readonly relay: {
    readonly publicKey: pulumi.Input<string>;
    /** The relay's public IPv4 address. */
    readonly ipv4Address: pulumi.Input<string>;
    /** A new server knows of no session, so the home has to call it anew. */
    readonly serverId: pulumi.Input<string>;
    /** The home calls the relay, so the relay has to listen first. */
    readonly listening: pulumi.Resource;
  };
  /** Cleans the home when the stack is gone. */
  readonly uninstall: pulumi.Resource;
}

/** A server at home: its end of the tunnel, the guard before it, and the routes for its replies. */
export class Home extends pulumi.ComponentResource {
  readonly host: Host;
  /** The forwarded ports are open, and the tunnel carries packets. */
  readonly ready: readonly pulumi.Resource[];

  constructor(name: string, args: HomeArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super(
      "homerelay:home:Home",
      name,
      { tunnelAddress: args.tunnelAddress, forwards: args.forwards.map(renderForward) },
      opts,
    );
    this.host = new Host(
      `${name}-host`,
      { title: args.name, role: "home", owner: args.owner, access: args.access },
      { parent: this, dependsOn: args.uninstall },
    );
    const { keys, relay } = args;
    const guard = this.host.step(
      `${name}-guard`,
      { run: "apply-guard.sh", document: renderGuardDocument(args) },
      { parent: this, dependsOn: this.host.prepared },
    );
    const stored = this.host.step(
      `${name}-keys`,
      { run: "store-keys.sh", document: pulumi.secret(pulumi.output(keys).apply(renderKeyDocument)) },
      { parent: this, dependsOn: this.host.prepared },
    );
    const document = pulumi
      .all([relay.publicKey, relay.ipv4Address])
      .apply(([publicKey, ipv4Address]) => renderTunnelDocument(args, { publicKey, ipv4Address }));
    const joined = this.host.step(
      `${name}-tunnel`,
      { run: joinCommand(args), document, triggers: [relay.serverId] },
      { parent: this, dependsOn: [guard, stored, relay.listening] },
    );
    this.ready = [guard, joined];
    this.registerOutputs({});
  }
}
