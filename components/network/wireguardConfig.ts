/**
 * A WireGuard interface and its peers as wg-quick reads them, in the order in which `wg showconf` prints them.
 *
 * Keys are named, not written: `PrivateKey = key:private` is joined with the key file of that name on the host. So
 * the text has no secret, and a preview shows its lines.
 */
export interface WireguardInterface {
  /** With the tunnel's prefix length: `10.77.0.1/16`. */
  readonly addresses: readonly string[];
  /** UDP port; `undefined` where the kernel may choose (a home). */
  readonly listenPort: number | undefined;
  /** Bytes. */
  readonly mtu: number;
  /** What WireGuard's own packets are marked with on this machine. @default none */
  readonly mark?: string;
  /** Resolvers while the interface is up. @default those of the machine */
  readonly dns?: readonly string[];
  /** Who sets the routes to the peers: steps of ours, or whatever program reads this. @default ours */
  readonly routes?: "ours" | "reader's";
  readonly peers: readonly WireguardPeer[];
}

export interface WireguardPeer {
  /** For a reader, in a comment. Also names the preshared key's file: `key:preshared-<name>`. */
  readonly name: string;
  /** Goes into the comment after the name. @default nothing */
  readonly remark?: string;
  /** Base64. */
  readonly publicKey: string;
  readonly allowedIps: readonly string[];
  /** `203.0.113.5:51820`, `[2001:db8::5]:51820`; `undefined` where the peer calls first. */
  readonly endpoint: string | undefined;
  /** `undefined`: sends nothing by itself. */
  readonly keepaliveSeconds: number | undefined;
}

/**
 * wg-quick's text. On our hosts routes are ours to set (`Table = off`): a tunnel must never take the default route. There
 * is no hook (PostUp and the like): Ubuntu's AppArmor profile lets wg-quick run nothing of ours and set nothing of the
 * kernel's, so what else a tunnel needs its unit runs, in wg-quick-homerelay.conf.
 * https://gitlab.com/apparmor/apparmor/-/blob/master/profiles/apparmor.d/wg-quick
 */
export function renderWireguardConfig(config: WireguardInterface): string {
  const head = [
    "[Interface]",
    `Address = ${config.addresses.join(", ")}`,
    ...(config.listenPort === undefined ? [] : [`ListenPort = ${config.listenPort}`]),
    "PrivateKey = key:private",
    ...(config.mark === undefined ? [] : [`FwMark = ${config.mark}`]),
    `MTU = ${config.mtu}`,
    ...(config.dns === undefined || config.dns.length === 0 ? [] : [`DNS = ${config.dns.join(", ")}`]),
    ...(config.routes === "reader's" ? [] : ["Table = off"]),
  ];
  const peers = config.peers.map((peer) => [
    "",
    `# ${peer.name}${peer.remark === undefined ? "" : `, ${peer.remark}`}`,
    "[Peer]",
    `PublicKey = ${peer.publicKey}`,
    `PresharedKey = key:preshared-${peer.name}`,
    `AllowedIPs = ${peer.allowedIps.join(", ")}`,
    ...(peer.endpoint === undefined ? [] : [`Endpoint = ${peer.endpoint}`]),
    ...(peer.keepaliveSeconds === undefined ? [] : [`PersistentKeepalive = ${peer.keepaliveSeconds}`]),
  ]);
  return [head, ...peers].flat().join("\n") + "\n";
}
