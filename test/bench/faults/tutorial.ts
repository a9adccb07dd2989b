/**
 * What most guides to a public address behind CGNAT come to: wg-quick at both ends, at the relay a translation for each
 * port and a masquerade in PostUp and PreDown, at home a keepalive. It filters nothing.
 */

export interface TutorialKeys {
  readonly relay: { readonly privateKey: string; readonly publicKey: string };
  readonly home: { readonly privateKey: string; readonly publicKey: string };
  readonly preshared: string;
}

export const tunnelEnds = { relay: "10.8.0.1", home: "10.8.0.2" } as const;
const listenPort = 51820;

/** The two files `wg0.conf`. `ports`: published over TCP and UDP, each as it is. */
export function renderTutorial(
  keys: TutorialKeys,
  relayAddress: string,
  ports: readonly number[],
): { readonly relay: string; readonly home: string } {
  return {
    relay: [
      "[Interface]",
      `Address = ${tunnelEnds.relay}/24`,
      `ListenPort = ${listenPort}`,
      `PrivateKey = ${keys.relay.privateKey}`,
      ...["Up", "Down"].flatMap((when) =>
        rules(ports).map(
          (rule) => `${when === "Up" ? "PostUp" : "PreDown"} = ${rule(when === "Up" ? "-A" : "-D")}`,
        ),
      ),
      "",
      "[Peer]",
      `PublicKey = ${keys.home.publicKey}`,
      `PresharedKey = ${keys.preshared}`,
      `AllowedIPs = ${tunnelEnds.home}/32`,
      "",
    ].join("\n"),
    home: [
      "[Interface]",
      `Address = ${tunnelEnds.home}/24`,
      `PrivateKey = ${keys.home.privateKey}`,
      "",
      "[Peer]",
      `PublicKey = ${keys.relay.publicKey}`,
      `PresharedKey = ${keys.preshared}`,
      `Endpoint = ${relayAddress}:${listenPort}`,
      `AllowedIPs = ${tunnelEnds.relay}/32`,
      "PersistentKeepalive = 25",
      "",
    ].join("\n"),
  };
}

const rules = (ports: readonly number[]): ((verb: "-A" | "-D") => string)[] => [
  ...ports.flatMap((port) =>
    ["tcp", "udp"].map(
      (protocol) => (verb: string) =>
        `iptables -t nat ${verb} PREROUTING -i eth0 -p ${protocol} --dport ${port} -j DNAT --to-destination ${tunnelEnds.home}:${port}`,
    ),
  ),
  (verb) => `iptables -t nat ${verb} POSTROUTING -o %i -j MASQUERADE`,
  (verb) => `iptables ${verb} FORWARD -i %i -j ACCEPT`,
  (verb) => `iptables ${verb} FORWARD -o %i -j ACCEPT`,
];
