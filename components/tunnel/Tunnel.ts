import * as pulumi from "@pulumi/pulumi";
import { renderDocument } from "../host/document.ts";
import type { Host } from "../host/Host.ts";
import type { TunnelAddress } from "../network/addressPlan.ts";
import type { Prefix } from "../network/prefix.ts";
import { renderWireguardConfig } from "./wireguardConfig.ts";

export interface TunnelArgs {
  /** UDP port. */
  readonly listenPort: number;
  /** Bytes. */
  readonly mtu: number;
  readonly prefix4: Prefix;
  readonly prefix6: Prefix;
  readonly relay: TunnelAddress;
  readonly privateKey: pulumi.Input<string>;
  readonly peers: readonly TunnelPeer[];
  /** The firewall that judges what comes through the tunnel. */
  readonly after: pulumi.Resource;
}

export interface TunnelPeer {
  readonly name: string;
  readonly address: TunnelAddress;
  readonly publicKey: pulumi.Input<string>;
  readonly presharedKey: pulumi.Input<string>;
}

/** WireGuard on the relay. */
export class Tunnel extends pulumi.ComponentResource {
  /** The relay listens, and knows its peers. */
  readonly listening: pulumi.Resource;

  constructor(name: string, host: Host, args: TunnelArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super(
      "homerelay:tunnel:Tunnel",
      name,
      { listenPort: args.listenPort, mtu: args.mtu, peers: args.peers.map((peer) => peer.name) },
      opts,
    );
    const keys = host.step(
      `${name}-keys`,
      { run: "store-keys.sh", document: keyDocument(args) },
      { parent: this, dependsOn: host.prepared },
    );
    this.listening = host.step(
      `${name}-interface`,
      { run: "apply-tunnel.sh", document: configuration(args) },
      { parent: this, dependsOn: [keys, args.after] },
    );
    this.registerOutputs({});
  }
}

function keyDocument(args: TunnelArgs): pulumi.Output<string> {
  return pulumi.secret(
    pulumi
      .all([
        args.privateKey,
        pulumi.all(args.peers.map(({ name, presharedKey }) => ({ name, presharedKey }))),
      ])
      .apply(([privateKey, peers]) =>
        renderDocument([
          { name: "private", mode: "0600", text: privateKey },
          ...peers.map((peer) => ({ name: `preshared-${peer.name}`, mode: "0600", text: peer.presharedKey })),
        ]),
      ),
  );
}

function configuration(args: TunnelArgs): pulumi.Output<string> {
  return pulumi.all(args.peers.map((peer) => peer.publicKey)).apply((publicKeys) =>
    renderWireguardConfig({
      addresses: [`${args.relay.ipv4}/${args.prefix4.length}`, `${args.relay.ipv6}/${args.prefix6.length}`],
      listenPort: args.listenPort,
      mtu: args.mtu,
      postUp: ["/usr/local/lib/homerelay/remember-endpoints.sh restore"],
      preDown: ["/usr/local/lib/homerelay/remember-endpoints.sh save"],
      peers: args.peers.map((peer, i) => ({
        name: peer.name,
        publicKey: publicKeys[i] ?? "",
        allowedIps: [`${peer.address.ipv4}/32`, `${peer.address.ipv6}/128`],
        endpoint: undefined,
        keepaliveSeconds: undefined,
      })),
    }),
  );
}
