import * as pulumi from "@pulumi/pulumi";
import { renderDocument } from "../network/document.ts";
import type { Host } from "../host/Host.ts";
import { relayAddress } from "../network/addressPlan.ts";
import type { Device, Peer } from "../network/device.ts";
import type { Prefix } from "../network/prefix.ts";
import { renderDeviceRoutes, tunnelPeers } from "./peers.ts";
import type { TunnelPeer } from "./peers.ts";
import { renderWireguardConfig } from "../network/wireguardConfig.ts";

export interface TunnelArgs {
  /** UDP port. */
  readonly listenPort: number;
  /** Bytes. */
  readonly mtu: number;
  readonly prefix4: Prefix;
  readonly prefix6: Prefix;
  readonly homes: readonly Peer[];
  readonly devices: readonly Device[];
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
      { listenPort: args.listenPort, mtu: args.mtu, peers: allPeers(args).map((peer) => peer.name) },
      opts,
    );
    const keys = host.step(
      `${name}-keys`,
      { run: "store-keys.sh", document: keyDocument(args) },
      { parent: this, dependsOn: host.prepared },
    );
    this.listening = host.step(
      `${name}-interface`,
      { run: "apply-tunnel.sh", document: tunnelDocument(args) },
      { parent: this, dependsOn: [keys, args.after] },
    );
    this.registerOutputs({});
  }
}

function allPeers({ homes, devices }: TunnelArgs): TunnelPeer[] {
  return tunnelPeers(homes, devices);
}

function keyDocument(args: TunnelArgs): pulumi.Output<string> {
  const [peers, { keys }] = [allPeers(args), args];
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

function tunnelDocument(args: TunnelArgs): pulumi.Output<string> {
  const routes = renderDeviceRoutes(args.devices, args);
  return configuration(args, routes !== "").apply((text) =>
    renderDocument([
      { name: "interface", text },
      ...(routes === "" ? [] : [{ name: "routes", text: routes }]),
    ]),
  );
}

function configuration(args: TunnelArgs, hasRoutes: boolean): pulumi.Output<string> {
  const { keys, prefix4, prefix6 } = args;
  const [peers, relay] = [allPeers(args), relayAddress(prefix4, prefix6)];
  return pulumi.all(peers.map(({ name }) => keys.peer(name).publicKey)).apply((publicKeys) =>
    renderWireguardConfig({
      addresses: [`${relay.ipv4}/${prefix4.length}`, `${relay.ipv6}/${prefix6.length}`],
      listenPort: args.listenPort,
      mtu: args.mtu,
      postUp: [
        "/usr/local/lib/homerelay/remember-endpoints.sh restore",
        ...(hasRoutes ? ["/usr/local/lib/homerelay/route-devices.sh"] : []),
      ],
      preDown: [
        ...(hasRoutes ? ["/usr/local/lib/homerelay/route-devices.sh remove"] : []),
        "/usr/local/lib/homerelay/remember-endpoints.sh save",
      ],
      peers: peers.map(({ name, allowedIps, isDevice }, i) => ({
        name,
        ...(isDevice ? { remark: "a device" } : {}),
        publicKey: publicKeys[i] ?? "",
        allowedIps,
        endpoint: undefined,
        keepaliveSeconds: undefined,
      })),
    }),
  );
}
