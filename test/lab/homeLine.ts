/**
 * The home's line and its LAN, and how they may differ from the usual ones: what `ip` and `nft` are told of it in the
 * namespaces of the internet, the carrier, the home's router and the LAN's machines.
 */
import { addresses, bridges, namespaces, prefixes } from "./addresses.ts";

/** A machine in the LAN that its router may let strangers reach. */
export type LanMachine = "home" | "operator" | "printer";

/** What a router lets in of its own: to its outside address over IPv4, to the machine's own address over IPv6. */
export interface RouterForward {
  readonly protocol: "tcp" | "udp";
  readonly port: number;
  readonly to: LanMachine;
}

export interface HomeRouter {
  /** Whether it has a public IPv4 address, and the CGNAT no part in the line. @default false */
  readonly publicAddress?: boolean;
  /** Whether the LAN reaches its forwards at its outside address, too. @default false */
  readonly hairpin?: boolean;
  /** @default none */
  readonly forwards?: readonly RouterForward[];
}

/** How a home's line and its LAN differ from the usual ones. */
export interface HomeNetwork {
  /** Whether the provider routes a /64 to the LAN, whose machines have an address of it each. @default false */
  readonly nativeIpv6?: boolean;
  /** @default one that lets nothing in */
  readonly router?: HomeRouter;
  /** Whether home and operator have public IPv4 addresses on their own cards. @default false */
  readonly publicCards?: boolean;
  /** TCP ports to which the carrier lets nobody connect. @default none */
  readonly blockedPorts?: readonly number[];
}

/** `ip -batch` lines by namespace. */
export type Plan = Readonly<Record<string, readonly string[]>>;

/** The two ends of each cable of the home's line, nearer to the internet first: what is routed down it goes by them. */
export const upstream = "fe80::1";
export const downstream = "fe80::2";
/** One end of such a cable. */
export const end = (address: string, device: string) => `addr add ${address}/64 dev ${device} nodad`;

/** What the internet and the carrier know of a network that is routed to the home. */
const routedHome = (prefix: string): Plan => ({
  [namespaces.internet]: [`route add ${prefix} via inet6 ${downstream} dev to-cgnat`],
  [namespaces.cgnat]: [`route add ${prefix} via inet6 ${downstream} dev inside`],
});

/** Its LAN is the provider's last network: each machine has an address and knows its router. */
const nativeIpv6: Plan = {
  [namespaces.internet]: [`route add ${prefixes.lan6} via ${downstream} dev to-cgnat`],
  [namespaces.cgnat]: [
    `route add default via ${upstream} dev outside`,
    `route add ${prefixes.lan6} via ${downstream} dev inside`,
  ],
  [namespaces.router]: [
    `addr add ${addresses.homeRouter6}/64 dev ${bridges.lan} nodad`,
    `route add default via ${upstream} dev outside`,
  ],
  [namespaces.operator]: [
    `addr add ${addresses.operator6}/64 dev eth0 nodad`,
    `route add default via ${upstream} dev eth0`,
  ],
  [namespaces.printer]: [
    `addr add ${addresses.printer6}/64 dev eth0 nodad`,
    `route add default via ${upstream} dev eth0`,
  ],
};

const publicRouter: Plan = {
  ...routedHome(`${addresses.homeRouterPublic}/32`),
  [namespaces.router]: [`addr add ${addresses.homeRouterPublic}/32 dev outside`],
};

const publicCards: Plan = {
  ...routedHome(prefixes.lanPublic),
  [namespaces.router]: [`addr add ${addresses.publicGateway}/25 dev ${bridges.lan}`],
  [namespaces.operator]: [
    `addr add ${addresses.operatorPublic}/25 dev eth0`,
    `route replace default via ${addresses.publicGateway}`,
  ],
};

/** What there is beside the usual line. */
export function plansOf({ nativeIpv6: native, router, publicCards: cards }: HomeNetwork): Plan[] {
  return [
    ...(native === true ? [nativeIpv6] : []),
    ...(router?.publicAddress === true ? [publicRouter] : []),
    ...(cards === true ? [publicCards] : []),
  ];
}

/** What a router lets in: what answers, what began inside, and who asks the router itself from there. */
const table = (
  inside: string,
  rules: Readonly<Record<"prerouting" | "postrouting" | "forward", readonly string[]>>,
) => `
table inet nat {
  chain prerouting {
    type nat hook prerouting priority dstnat
    ${rules.prerouting.join("\n    ")}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat
    ${rules.postrouting.join("\n    ")}
  }
  chain forward {
    type filter hook forward priority filter; policy drop
    ${rules.forward.join("\n    ")}
    ct state established,related accept
    iifname ${inside} accept
  }
  chain input {
    type filter hook input priority filter; policy drop
    ct state established,related accept
    iifname { lo, ${inside} } accept
    meta l4proto { icmp, ipv6-icmp } accept
  }
}
`;

/**
 * The CGNAT gives each flow a port of its own choice, so that a mapping seen by one destination tells nothing about
 * another. Whoever has an address of the internet passes as he is.
 */
export function carrierRules(home: HomeNetwork): string {
  const { nativeIpv6: native, router, publicCards: cards, blockedPorts = [] } = home;
  const passing = [
    ...(router?.publicAddress === true ? [addresses.homeRouterPublic] : []),
    ...(cards === true ? [prefixes.lanPublic] : []),
  ];
  const others = passing.length > 0 ? `ip saddr != { ${passing.join(", ")} } ` : "";
  return table("inside", {
    prerouting: [],
    postrouting: [`meta nfproto ipv4 oifname outside ${others}masquerade fully-random`],
    forward: [
      ...(blockedPorts.length > 0 ? [`iifname inside tcp dport { ${blockedPorts.join(", ")} } drop`] : []),
      ...(native === true ? ["meta nfproto ipv6 accept"] : []),
      ...(router?.publicAddress === true ? [`ip daddr ${addresses.homeRouterPublic} accept`] : []),
    ],
  });
}

const lanMachines = {
  home: { 4: addresses.home, 6: addresses.home6 },
  operator: { 4: addresses.operator, 6: addresses.operator6 },
  printer: { 4: addresses.printer, 6: addresses.printer6 },
} as const satisfies Record<LanMachine, Record<4 | 6, string>>;

/** The home router gives its outside address to all that leaves, and lets in what it forwards. */
export function routerRules({ router = {}, publicCards: cards }: HomeNetwork): string {
  const { publicAddress = false, hairpin = false, forwards = [] } = router;
  const outside = publicAddress ? addresses.homeRouterPublic : addresses.homeRouterOutside;
  const from = hairpin ? "" : "iifname outside ";
  return table(bridges.lan, {
    prerouting: forwards.map(
      ({ protocol, port, to }) =>
        `${from}ip daddr ${outside} ${protocol} dport ${port} dnat ip to ${lanMachines[to][4]}`,
    ),
    postrouting: [
      `meta nfproto ipv4 oifname outside ${cards === true ? `ip saddr != ${prefixes.lanPublic} ` : ""}snat ip to ${outside}`,
      // The machine would else answer its neighbour past the router.
      `iifname ${bridges.lan} oifname ${bridges.lan} ct status dnat masquerade`,
    ],
    forward: [
      "ct status dnat accept",
      ...forwards.map(
        ({ protocol, port, to }) => `ip6 daddr ${lanMachines[to][6]} ${protocol} dport ${port} accept`,
      ),
    ],
  });
}
