import * as pulumi from "@pulumi/pulumi";
import { renderDocument } from "../host/document.ts";
import { Host } from "../host/Host.ts";
import type { OperatorAccess } from "../host/Host.ts";
import { relayAddress } from "../network/addressPlan.ts";
import type { TunnelAddress } from "../network/addressPlan.ts";
import type { Device } from "../network/device.ts";
import type { Forward } from "../network/forward.ts";
import { renderForward } from "../network/forward.ts";
import type { Prefix } from "../network/prefix.ts";
import { renderWireguardConfig } from "../tunnel/wireguardConfig.ts";
import { renderGuard } from "./guard.ts";
import { guestsOf } from "./guests.ts";
import { renderRules, renderSysctls } from "./routes.ts";

export interface HomeArgs {
  /** What the user calls the home. */
  readonly name: string;
  readonly ssh: OperatorAccess;
  readonly tunnelAddress: TunnelAddress;
  readonly forwards: readonly Forward[];
  readonly devices: readonly Device[];
  readonly tunnel: {
    readonly prefix4: Prefix;
    readonly prefix6: Prefix;
    /** UDP port on the relay. */
    readonly listenPort: number;
    /** Bytes. */
    readonly mtu: number;
    readonly keepaliveSeconds: number;
  };
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
      { title: args.name, role: "home", access: args.ssh },
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
      {
        run: `join-relay.sh ${relayAddress(args.tunnel.prefix4, args.tunnel.prefix6).ipv4}`,
        document: tunnelDocument(args),
        triggers: [args.relay.serverId],
      },
      { parent: this, dependsOn: [guard, keys, args.relay.listening] },
    );
    this.ready = [guard, joined];
    this.registerOutputs({});
  }
}

function keyDocument({ keys }: HomeArgs): pulumi.Output<string> {
  return pulumi.secret(
    pulumi.all([keys.privateKey, keys.presharedKey]).apply(([privateKey, presharedKey]) =>
      renderDocument([
        { name: "private", mode: "0600", text: privateKey },
        { name: "preshared-relay", mode: "0600", text: presharedKey },
      ]),
    ),
  );
}

/** No unknown piece is in it, so that a preview shows its lines even for a stack that is not there yet. */
function guardDocument({ name, tunnelAddress, tunnel, forwards, devices }: HomeArgs): string {
  const relay = relayAddress(tunnel.prefix4, tunnel.prefix6);
  const guests = guestsOf(name, devices);
  return renderDocument([
    { name: "guard", text: renderGuard({ home: tunnelAddress, relay, forwards, guests }) },
    { name: "rules", text: renderRules(tunnelAddress, forwards) },
    { name: "sysctls", text: renderSysctls(forwards, guests) },
  ]);
}

function tunnelDocument({ relay, tunnel, tunnelAddress }: HomeArgs): pulumi.Output<string> {
  return pulumi.all([relay.publicKey, relay.ipv4Address]).apply(([publicKey, ipv4Address]) =>
    renderWireguardConfig({
      addresses: [
        `${tunnelAddress.ipv4}/${tunnel.prefix4.length}`,
        `${tunnelAddress.ipv6}/${tunnel.prefix6.length}`,
      ],
      listenPort: undefined,
      mtu: tunnel.mtu,
      postUp: ["/usr/local/lib/homerelay/sync-routes.sh"],
      preDown: ["/usr/local/lib/homerelay/sync-routes.sh remove"],
      peers: [
        {
          name: "relay",
          publicKey,
          allowedIps: ["0.0.0.0/0", "::/0"],
          endpoint: `${ipv4Address}:${tunnel.listenPort}`,
          keepaliveSeconds: tunnel.keepaliveSeconds,
        },
      ],
    }),
  );
}
