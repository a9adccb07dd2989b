/** What a user would set up in place of home-relay, and home-relay itself: the documents of both ends. */
import { renderRelayRuleset } from "../../components/firewall/ruleset.ts";
import { renderGuard } from "../../components/home/guard.ts";
import { renderRelayAddresses } from "../../components/home/ownCalls.ts";
import { renderRoutes } from "../../components/home/routes.ts";
import { renderSysctls } from "../../components/home/sysctls.ts";
import { parseForward } from "../../components/network/forward.ts";
import type { Forward } from "../../components/network/forward.ts";
import { parsePrefix } from "../../components/network/prefix.ts";
import { renderRelaySysctls } from "../../components/relay/sysctls.ts";

/** What carries the packets: all but home-relay are rivals. */
export type WayName = "tutorial" | "home-relay" | "frp" | "rathole";

/** Published at the relay, and where the service listens at home. */
export const services = {
  bytes: { published: 8000, target: 9000, protocol: "tcp" },
  streams: { published: 8100, target: 9100, protocol: "tcp" },
  echoes: { published: 8200, target: 9200, protocol: "udp" },
} as const;

/** The two ends of the tunnel. */
export const tunnelEnds = { relay: "10.77.0.1", home: "10.77.3.4" } as const;
const [relay, home] = [
  { ipv4: tunnelEnds.relay, ipv6: "fd77::1" },
  { ipv4: tunnelEnds.home, ipv6: "fd77::304" },
];

/** UDP port of the tunnel. */
export const listenPort = 51820;

const all = Object.entries(services);

export const forwards: readonly Forward[] = all.map(([, { published, target, protocol }]) =>
  parseForward(`${published}:${target}/${protocol}`),
);

/** home-relay's own, as it puts them onto the two machines. `publicAddress`: the relay's. */
export function renderHomeRelay(publicAddress: string): {
  readonly relay: { readonly ruleset: string; readonly sysctls: string };
  readonly home: { readonly guard: string; readonly routes: string; readonly sysctls: string };
} {
  const ruleset = renderRelayRuleset({
    sshPort: 22,
    sshVia: "public",
    sshPeers: [],
    adminCidrs: ["0.0.0.0/0", "::/0"].map(parsePrefix),
    listenPort,
    shared: false,
    forwards: forwards.map((forward) => ({ forward, address: home, ipv6: true })),
  });
  const called = { publicKey: "", ipv4Address: publicAddress };
  return {
    relay: { ruleset, sysctls: renderRelaySysctls({ isShared: false }) },
    home: {
      guard: renderGuard({ home, relay, forwards }) + renderRelayAddresses(called),
      routes: renderRoutes(home, forwards),
      sysctls: renderSysctls(forwards),
    },
  };
}

/**
 * The tutorials', for `iptables-restore` at the relay: a translation for each port, and a masquerade, by which the
 * answers find their way without anything at home. They filter nothing.
 */
export function renderTutorial(): string {
  return [
    "*nat",
    ...all.map(
      ([, { published, target, protocol }]) =>
        `-A PREROUTING -i eth0 -p ${protocol} -m ${protocol} --dport ${published} -j DNAT --to-destination ${tunnelEnds.home}:${target}`,
    ),
    "-A POSTROUTING -o wg0 -j MASQUERADE",
    "COMMIT",
    "",
  ].join("\n");
}

/** What a proxy reads at the relay and at home. `relayAddress`: where the home calls it. */
export interface ProxyConfig {
  readonly relay: string;
  readonly home: (relayAddress: string) => string;
}

const frpPort = 7000;

/** Without TLS, since the tunnel that it is compared with has no encryption either. */
export const frpConfig: ProxyConfig = {
  relay: ['bindAddr = "0.0.0.0"', `bindPort = ${frpPort}`, 'log.level = "error"', ""].join("\n"),
  home: (relayAddress) =>
    [
      `serverAddr = "${relayAddress}"`,
      `serverPort = ${frpPort}`,
      "loginFailExit = false",
      "transport.tls.enable = false",
      'log.level = "error"',
      ...all.flatMap(([name, { published, target, protocol }]) => [
        "",
        "[[proxies]]",
        `name = "${name}"`,
        `type = "${protocol}"`,
        'localIP = "127.0.0.1"',
        `localPort = ${target}`,
        `remotePort = ${published}`,
      ]),
      "",
    ].join("\n"),
};

const ratholePort = 2333;

/** Plain TCP, likewise. */
export const ratholeConfig: ProxyConfig = {
  relay: [
    "[server]",
    `bind_addr = "0.0.0.0:${ratholePort}"`,
    'default_token = "benchmark"',
    ...all.flatMap(([name, { published, protocol }]) => [
      "",
      `[server.services.${name}]`,
      `type = "${protocol}"`,
      `bind_addr = "0.0.0.0:${published}"`,
    ]),
    "",
  ].join("\n"),
  home: (relayAddress) =>
    [
      "[client]",
      `remote_addr = "${relayAddress}:${ratholePort}"`,
      'default_token = "benchmark"',
      ...all.flatMap(([name, { target, protocol }]) => [
        "",
        `[client.services.${name}]`,
        `type = "${protocol}"`,
        `local_addr = "127.0.0.1:${target}"`,
      ]),
      "",
    ].join("\n"),
};
