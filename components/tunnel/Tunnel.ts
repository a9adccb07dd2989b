import * as pulumi from "@pulumi/pulumi";
import { renderDocument } from "../host/document.ts";
import type { Host } from "../host/Host.ts";
import { relayAddress } from "../network/addressPlan.ts";
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
  readonly peers: readonly { readonly name: string; readonly tunnelAddress: TunnelAddress }[];
  readonly keys: {
    readonly relay: { readonly privateKey: pulumi.Input<string> };
    readonly peer: (name: string) => PublicPeerKeys;
  };
  /** The firewall that judges what comes through the tunnel. */
  readonly after: pulumi.Resource;
}

/** What the relay has to know of a peer. */
export interface PublicPeerKeys {
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

function keyDocument({ keys, peers }: TunnelArgs): pulumi.Output<string> {
  const presharedKeys = pulumi.all(peers.map(({ name }) => keys.peer(name).presharedKey));
  return pulumi.secret(
    pulumi
      .all([keys.relay.privateKey, presharedKeys])
      .apply(([privateKey, texts]) =>
        renderDocument([
          { name: "private", mode: "0600", text: privateKey },
          ...peers.map(({ name }, i) => ({ name: `preshared-${name}`, mode: "0600", text: texts[i] ?? "" })),
        ]),
      ),
  );
}

function configuration({ keys, peers, prefix4, prefix6, ...args }: TunnelArgs): pulumi.Output<string> {
  const relay = relayAddress(prefix4, prefix6);
  return pulumi.all(peers.map(({ name }) => keys.peer(name).publicKey)).apply((publicKeys) =>
    renderWireguardConfig({
      addresses: [`${relay.ipv4}/${prefix4.length}`, `${relay.ipv6}/${prefix6.length}`],
      listenPort: args.listenPort,
      mtu: args.mtu,
      postUp: ["/usr/local/lib/homerelay/remember-endpoints.sh restore"],
      preDown: ["/usr/local/lib/homerelay/remember-endpoints.sh save"],
      peers: peers.map(({ name, tunnelAddress }, i) => ({
        name,
        publicKey: publicKeys[i] ?? "",
        allowedIps: [`${tunnelAddress.ipv4}/32`, `${tunnelAddress.ipv6}/128`],
        endpoint: undefined,
        keepaliveSeconds: undefined,
      })),
    }),
  );
}
