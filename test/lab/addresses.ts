import { labPrefix } from "./labName.ts";

/**
 * The lab's map. Documentation prefixes stand for the internet (RFC 5737, RFC 3849), 198.18.0.0/15 for where the
 * operator's laptop and phone are (RFC 2544), 100.64.0.0/10 for what a
 * carrier hands out behind its NAT (RFC 6598), 192.168.0.0/16 for the home.
 *
 *   stranger ──┐                     ┌── data centre: bridge `dc`, gateway 172.31.1.1 and fe80::1, as at Hetzner
 *              ├── internet ─────────┤      └── relay 198.51.100.x/32, 2001:db8:2:x::/64
 *   cloud API ─┘      │
 *   resolver       CGNAT 192.0.2.50 ── 100.64.0.0/10 ── home router ── 192.168.1.0/24 ── home, operator, printer
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
} as const;

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
  laptop: "198.18.1.2",
  laptopGateway: "198.18.1.1",
  phone: "198.18.2.2",
  phoneGateway: "198.18.2.1",
  /** A VPS that was there before, at another provider on the same bridge. */
  vps: "198.51.100.251",
  vps6: "2001:db8:2:fe::",
  dataCentreGateway: "172.31.1.1",
  dataCentreGateway6: "fe80::1",
} as const;

/** Where the cloud takes Primary IPs from: hosts of the IPv4 prefix, /64s of the IPv6 one. */
export const pools = {
  ipv4: { prefix: "198.51.100.", first: 2, last: 250 },
  ipv6: { prefix: "2001:db8:2:", first: 1, last: 0xff },
} as const;

export const cloudApiUrl = `http://${addresses.cloudApi}/v1`;
