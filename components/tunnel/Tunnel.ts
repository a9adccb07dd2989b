import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../host/Host.ts";
import type { Device } from "../network/device.ts";
import type { KeyPair, PeerKeys } from "../network/keys.ts";
import type { Peer } from "../network/peer.ts";
import type { TunnelPlan } from "../network/tunnelPlan.ts";
import { renderKeyDocument, renderTunnelDocument } from "./documents.ts";
import { tunnelPeers } from "./peers.ts";
import type { TunnelPeer } from "./peers.ts";

export interface TunnelArgs {
  /** The relay. */
  readonly host: Host;
  readonly plan: TunnelPlan;
  readonly homes: readonly Peer[];
  readonly devices: readonly Device[];
  /** Names of the homes that this program reaches: they change their keys together with the relay. */
  readonly reached: readonly string[];
  readonly keys: {
    readonly relay: KeyPair<pulumi.Input<string>>;
    /** The keys of a home or a device, by its name. */
    readonly peer: (name: string) => PeerKeys<pulumi.Input<string>>;
  };
  /** The firewall that judges what comes through the tunnel. */
  readonly after: pulumi.Resource;
}

/** WireGuard on the relay. */
export class Tunnel extends pulumi.ComponentResource {
  /** The relay listens, and knows its peers. */
  readonly listening: pulumi.Resource;

  constructor(name: string, args: TunnelArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const { host, plan, homes, devices } = args;
    const peers = tunnelPeers(homes, devices);
    super(
      "homerelay:tunnel:Tunnel",
      name,
      { listenPort: plan.listenPort, mtu: plan.mtu, peers: peers.map((peer) => peer.name) },
      opts,
    );
    const keys = host.step(
      `${name}-keys`,
      { script: "store-keys.sh", arguments: [], document: keyDocument(peers, args) },
      { parent: this, dependsOn: host.prepared },
    );
    this.listening = host.step(
      `${name}-interface`,
      { script: "apply-tunnel.sh", arguments: [], document: tunnelDocument(peers, args) },
      { parent: this, dependsOn: [keys, args.after] },
    );
    this.registerOutputs({});
  }
}

function keyDocument(peers: readonly TunnelPeer[], { keys }: TunnelArgs): pulumi.Output<string> {
  const presharedKeys = peers.map(({ name }) =>
    pulumi.output(keys.peer(name).presharedKey).apply((presharedKey) => ({ name, presharedKey })),
  );
  return pulumi.secret(
    pulumi
      .all([keys.relay.privateKey, pulumi.all(presharedKeys)])
      .apply(([privateKey, known]) => renderKeyDocument(privateKey, known)),
  );
}

function tunnelDocument(
  peers: readonly TunnelPeer[],
  { plan, devices, reached, keys }: TunnelArgs,
): pulumi.Output<string> {
  const knownPeers = peers.map((peer) =>
    pulumi.output(keys.peer(peer.name).publicKey).apply((publicKey) => ({ ...peer, publicKey })),
  );
  return pulumi.all(knownPeers).apply((known) => renderTunnelDocument(plan, known, devices, reached));
}
