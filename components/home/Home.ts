import * as pulumi from "@pulumi/pulumi";
import { renderDocument } from "../host/document.ts";
import { Host } from "../host/Host.ts";
import type { OperatorAccess } from "../host/Host.ts";
import type { TunnelAddress } from "../network/addressPlan.ts";
import type { Forward } from "../network/forward.ts";
import { renderForward } from "../network/forward.ts";
import type { Prefix } from "../network/prefix.ts";
import { renderWireguardConfig } from "../tunnel/wireguardConfig.ts";
import { renderGuard } from "./guard.ts";
import { renderReservedPorts, renderRules } from "./routes.ts";

export interface HomeArgs {
  /** What the user calls the home. */
  readonly title: string;
  readonly access: OperatorAccess;
  readonly address: TunnelAddress;
  readonly relay: HomeRelay;
  readonly prefix4: Prefix;
  readonly prefix6: Prefix;
  /** Bytes. */
  readonly mtu: number;
  readonly keepaliveSeconds: number;
  readonly forwards: readonly Forward[];
  readonly privateKey: pulumi.Input<string>;
  readonly presharedKey: pulumi.Input<string>;
  /** The home calls the relay, so the relay has to listen first. */
  readonly relayListening: pulumi.Resource;
  /** Cleans the home when the stack is gone. */
  readonly uninstall: pulumi.Resource;
}

/** The other end of the tunnel, as a home sees it. */
export interface HomeRelay {
  readonly tunnelAddress: TunnelAddress;
  readonly publicKey: pulumi.Input<string>;
  /** The relay's public IPv4 address. */
  readonly publicAddress: pulumi.Input<string>;
  /** UDP port of WireGuard there. */
  readonly listenPort: number;
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
      { title: args.title, address: args.address, forwards: args.forwards.map(renderForward) },
      opts,
    );
    this.host = new Host(
      `${name}-host`,
      { title: args.title, role: "home", access: args.access },
      { parent: this, dependsOn: args.uninstall },
    );
    const guard = this.host.step(
      `${name}-guard`,
      { run: "apply-guard.sh", document: guardDocument(args) },
      { parent: this, dependsOn: this.host.prepared },
    );
    const keys = this.host.step(
      `${name}-keys`,
      { run: "store-keys.sh", document: keyDocument(args) },
      { parent: this, dependsOn: this.host.prepared },
    );
    const joined = this.host.step(
      `${name}-tunnel`,
      { run: `join-relay.sh ${args.relay.tunnelAddress.ipv4}`, document: tunnelDocument(args) },
      { parent: this, dependsOn: [guard, keys, args.relayListening] },
    );
    this.ready = [guard, joined];
    this.registerOutputs({});
  }
}

function keyDocument(args: HomeArgs): pulumi.Output<string> {
  return pulumi.secret(
    pulumi.all([args.privateKey, args.presharedKey]).apply(([privateKey, presharedKey]) =>
      renderDocument([
        { name: "private", mode: "0600", text: privateKey },
        { name: "preshared-relay", mode: "0600", text: presharedKey },
      ]),
    ),
  );
}

/** No unknown piece is in it, so that a preview shows its lines even for a stack that is not there yet. */
function guardDocument({ address, relay, forwards }: HomeArgs): string {
  return renderDocument([
    { name: "guard", text: renderGuard({ home: address, relay: relay.tunnelAddress, forwards }) },
    { name: "rules", text: renderRules(address, forwards) },
    { name: "reserved-ports", text: renderReservedPorts(forwards) },
  ]);
}

function tunnelDocument(args: HomeArgs): pulumi.Output<string> {
  const { relay, address } = args;
  return pulumi.all([relay.publicKey, relay.publicAddress]).apply(([publicKey, publicAddress]) =>
    renderWireguardConfig({
      addresses: [`${address.ipv4}/${args.prefix4.length}`, `${address.ipv6}/${args.prefix6.length}`],
      listenPort: undefined,
      mtu: args.mtu,
      postUp: ["/usr/local/lib/homerelay/sync-routes.sh"],
      preDown: ["/usr/local/lib/homerelay/sync-routes.sh remove"],
      peers: [
        {
          name: "relay",
          publicKey,
          allowedIps: ["0.0.0.0/0", "::/0"],
          endpoint: `${publicAddress}:${relay.listenPort}`,
          keepaliveSeconds: args.keepaliveSeconds,
        },
      ],
    }),
  );
}
