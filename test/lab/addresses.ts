import { labPrefix } from "./labName.ts";

/**
 * The lab's map. Documentation prefixes stand for the internet (RFC 5737, RFC 3849), 198.18.0.0/15 for where the
 * operator's laptop and phone are (RFC 2544), 100.64.0.0/10 for what a
 * carrier hands out behind its NAT (RFC 6598), 192.168.0.0/16 for the home. What a home may have besides, and has only
 * where a check declares it: a public address at its router, public addresses on its machines' own cards, a /64.
 *
 *   stranger ──┐                     ┌── data centre: bridge `dc`, gateway 172.31.1.1 and fe80::1, as at Hetzner
 *              ├── internet ─────────┤      └── relay 198.51.100.x/32, 2001:db8:2:x::/64
 *   cloud API ─┤      │              └── vpn 198.51.100.252, registrar 198.51.100.253
 *   resolver ──┘   CGNAT 192.0.2.50 ── 100.64.0.0/10 ── home router ── 192.168.1.0/24 ── home, operator, printer
 */
export const namespaces = {
  internet: `${labPrefix}internet`,
  stranger: `${labPrefix}stranger`,
  cgnat: `${labPrefix}cgnat`,
  router: `${labPrefix}router`,
  operator: `${labPrefix}operator`,
  /** A second machine on the home LAN that is not ours: what a LAN target or a guard check talks to. */
  printer: `${labPrefix}printer`,
  /** Two devices of the operator's, on the road: each behind a router of its own. */
  laptop: `${labPrefix}laptop`,
  phone: `${labPrefix}phone`,
  /** A server of a VPN provider, whose customer the home may be. */
  vpn: `${labPrefix}vpn`,
  /** Somebody to whom the home goes by itself, and who is never a client of the relay: tells callers whom it sees. */
  registrar: `${labPrefix}registrar`,
} as const;

export const isNamespace = (name: string): name is keyof typeof namespaces => Object.hasOwn(namespaces, name);

export const bridges = {
  /** In `internet`: the relay's side. */
  dataCentre: "dc",
  /** In `router`: the home LAN. */
  lan: "lan",
} as const;

export const addresses = {
  cloudApi: "203.0.113.80",
  resolver: "203.0.113.53",
  packageMirror: "203.0.113.90",
  /** Every DynDNS service. */
  dynDns: "203.0.113.70",
  /** Whoever is told what becomes of the homes. */
  notices: "203.0.113.71",
  internetGateway: "203.0.113.1",
  internetGateway6: "2001:db8:1::1",
  stranger: "203.0.113.10",
  stranger6: "2001:db8:1::10",
  cgnatOutside: "192.0.2.50",
  cgnatOutsideGateway: "192.0.2.1",
  cgnatInside: "100.64.0.1",
  homeRouterOutside: "100.64.0.2",
  homeRouter: "192.168.1.1",
  home: "192.168.1.10",
  /** A second server at home. */
  attic: "192.168.1.11",
  operator: "192.168.1.20",
  printer: "192.168.1.50",
  /** The same machines where the LAN has IPv6. */
  homeRouter6: "2001:db8:a::1",
  home6: "2001:db8:a::10",
  operator6: "2001:db8:a::20",
  printer6: "2001:db8:a::50",
  /** The home router's own, where it is no customer of the CGNAT. */
  homeRouterPublic: "192.0.2.100",
  /** Where the LAN's machines have public addresses: beside their others, on the same card. */
  publicGateway: "192.0.2.129",
  homePublic: "192.0.2.130",
  operatorPublic: "192.0.2.140",
  laptop: "198.18.1.2",
  laptopGateway: "198.18.1.1",
  phone: "198.18.2.2",
  phoneGateway: "198.18.2.1",
  /** A VPS that was there before, at another provider on the same bridge. */
  vps: "198.51.100.251",
  vps6: "2001:db8:2:fe::",
  vpn: "198.51.100.252",
  vpn6: "2001:db8:3::1",
  registrar: "198.51.100.253",
  registrar6: "2001:db8:4::1",
  dataCentreGateway: "172.31.1.1",
  dataCentreGateway6: "fe80::1",
} as const;

/** What a router knows of the networks behind it. */
export const prefixes = {
  lan6: "2001:db8:a::/64",
  lanPublic: "192.0.2.128/25",
} as const;

/** Where the cloud takes Primary IPs from: hosts of the IPv4 prefix, /64s of the IPv6 one. */
export const pools = {
  ipv4: { prefix: "198.51.100.", first: 2, last: 250 },
  ipv6: { prefix: "2001:db8:2:", first: 1, last: 0xff },
} as const;

/** The registrar's, over UDP and TCP: the one of SIP. */
export const registrarPort = 5060;

export const cloudApiUrl = `http://${addresses.cloudApi}/v1`;
