import type { TunnelAddress } from "../network/addressPlan.ts";
import { inOrderOfName, lansOf, peersOf, usesExit } from "../network/device.ts";
import type { Device } from "../network/device.ts";
import { internet6, notInternet4 } from "../network/internet.ts";
import { deviceMark, lookupMark } from "../network/ourNumbers.ts";
import { meter, namedSet } from "../network/nft.ts";
import type { Chain, NamedSet, Rule } from "../network/nft.ts";
import type { Prefix } from "../network/prefix.ts";

/** A device as one home sees it. */
export interface AdmittedDevice {
  readonly tunnelAddress: TunnelAddress;
  /** Every port of the home's address in the tunnel is open to it. */
  readonly reachesHome: boolean;
  /** Parts of the LAN that are open to it. */
  readonly lans: readonly Prefix[];
  /** It goes to the internet through the home. */
  readonly exits: boolean;
}

/** The devices to which a home opens anything. */
export function admittedDevices(home: string, devices: readonly Device[]): AdmittedDevice[] {
  return inOrderOfName(devices)
    .map((device) => ({
      tunnelAddress: device.tunnelAddress,
      reachesHome: peersOf(device).some(({ name }) => name === home),
      lans: lansOf(device, home),
      exits: usesExit(device, home),
    }))
    .filter(({ reachesHome, lans, exits }) => reachesHome || lans.length > 0 || exits);
}

/** Parts of a home's guard, named after the chain that they belong to. */
export interface DeviceRules {
  readonly sets: readonly NamedSet[];
  readonly fromRelay: readonly Rule[];
  /** That of the jumps in `fromRelay`. */
  readonly fromDevice: Chain;
  /** What keeps devices on their way to the internet out of the rest of the house. */
  readonly outOfTheHouse: readonly Chain[];
  readonly fromHome: readonly Rule[];
}

/**
 * What the home opens to devices, by their addresses in the tunnel. The relay alone has seen a device's key, so this
 * lets in whoever holds the relay as well: what is open to a device is open to a relay in the wrong hands.
 *
 * Every packet of a device is judged, also of an open connection, so that what is closed is closed at once. The internet
 * is what the main table knows by its default route alone: with the mark of lookups, that route is left out, and such a
 * destination is found in the tunnel's table. So neither the LAN, whatever its addresses, nor this machine is reached
 * that way; what else belongs to the house is learned from packets, see `outOfTheHouse`. What is passed on is
 * masqueraded, since nobody there knows a route to a device; a container that is published at home, where Docker
 * translates, still sees the device itself.
 */
export function deviceRules(devices: readonly AdmittedDevice[], home: TunnelAddress): DeviceRules {
  const addresses = (family: keyof TunnelAddress, which: (device: AdmittedDevice) => boolean) =>
    devices.filter(which).map(({ tunnelAddress }) => tunnelAddress[family]);
  const any = () => true;
  const reachesHome = (device: AdmittedDevice) => device.reachesHome;
  const exits = (device: AdmittedDevice) => device.exits;
  const lans = devices.flatMap((device) =>
    device.lans.map(({ text }) => `${device.tunnelAddress.ipv4} . ${text}`),
  );
  const admit = `ct mark set ${deviceMark} counter accept`;
  const isExit = devices.some(exits);
  const byDefaultRoute = `meta mark set ${lookupMark} fib daddr . mark oifname "homerelay" meta mark set 0x0`;
  return {
    sets: [
      namedSet("devices4", "ipv4_addr", addresses("ipv4", any)),
      namedSet("devices6", "ipv6_addr", addresses("ipv6", any)),
      namedSet("devices_to_home4", "ipv4_addr", addresses("ipv4", reachesHome)),
      namedSet("devices_to_home6", "ipv6_addr", addresses("ipv6", reachesHome)),
      namedSet("devices_to_lan", "ipv4_addr . ipv4_addr", lans, { flags: "interval" }),
      namedSet("devices_to_internet4", "ipv4_addr", addresses("ipv4", exits)),
      namedSet("devices_to_internet6", "ipv6_addr", addresses("ipv6", exits)),
      meter("routers4", "ipv4_addr", "1h"),
      meter("routers6", "ipv6_addr", "1h"),
      meter("house6", "ipv6_addr", "1h"),
    ],
    fromRelay: ["ip saddr @devices4 jump from_device", "ip6 saddr @devices6 jump from_device"],
    fromDevice: {
      name: "from_device",
      why: "Every packet is judged, also of an open connection, so that what is closed is closed at once.",
      rules: [
        "ct state invalid drop",
        `ct mark ${deviceMark} ct state related accept`,
        `ip saddr @devices_to_home4 ip daddr ${home.ipv4} ${admit}`,
        `ip6 saddr @devices_to_home6 ip6 daddr ${home.ipv6} ${admit}`,
        `ip saddr . ip daddr @devices_to_lan ${admit}`,
        {
          why: "With this mark a lookup passes over the default route: what it then finds in the tunnel is on the internet.",
          rule: `ip saddr @devices_to_internet4 ip daddr != ${notInternet4} ip daddr != @routers4 ${byDefaultRoute} ${admit}`,
        },
        `ip6 saddr @devices_to_internet6 ip6 daddr ${internet6} ip6 daddr != @routers6 ${byDefaultRoute} ${admit}`,
        'counter drop comment "not open to this device"',
      ],
    },
    outOfTheHouse: isExit ? outOfTheHouse : [],
    fromHome: [
      ...(lans.length > 0 || isExit
        ? [
            {
              why: "Nobody behind the home knows a route to a device.",
              rule: `iifname "homerelay" ct mark ${deviceMark} ct original ip daddr != ${home.ipv4} masquerade`,
            },
          ]
        : []),
      ...(isExit
        ? [`iifname "homerelay" ct mark ${deviceMark} ct original ip6 daddr != ${home.ipv6} masquerade`]
        : []),
    ],
  };
}

/** A packet that nobody has passed on has one of these left, as all systems that matter begin with them. */
const undiminished = "{ 64, 128, 255 }";

/** The network part of an IPv6 address in what a provider hands to a house: a /56, as a rule. */
const housePart = "ffff:ffff:ffff:ff00::";

/**
 * A router has addresses that only its default route leads to: its own on the internet, and those in the other networks
 * of the house. From within, its administration answers there too. The home cannot know them beforehand, and they
 * change, so they are told by packets:
 *
 * - An answer that nobody has passed on comes from the router itself. It is dropped, so no connection comes about, and
 *   from then on nothing is sent to that address. Whoever is in a part of the LAN that is open to the device is let pass,
 *   and so are names and time: some routers answer those in the name of whoever was asked.
 * - What leaves the home over IPv6 has, once it is masqueraded, an address of the house: what is for the same network is
 *   for the house.
 */
const outOfTheHouse: readonly Chain[] = [
  {
    name: "to_device",
    hook: { type: "filter", hook: "prerouting", priority: "mangle", policy: "accept" },
    rules: [
      `iifname != "homerelay" ct mark ${deviceMark} ct direction reply ct state established ip ttl ${undiminished} ip saddr != ${notInternet4} jump from_next_door`,
      `iifname != "homerelay" ct mark ${deviceMark} ct direction reply ct state established ip6 hoplimit ${undiminished} ip6 saddr ${internet6} jump from_next_door`,
    ],
  },
  {
    name: "from_next_door",
    why: "Nobody has passed these answers on. Those that only the default route leads to are a router's.",
    rules: [
      "ct original ip saddr . ip saddr @devices_to_lan accept",
      "meta l4proto { tcp, udp } th sport { 53, 123 } accept",
      `meta mark set ${lookupMark} fib saddr . mark oifname != "homerelay" meta mark set 0x0 accept`,
      'update @routers4 { ip saddr } counter drop comment "the router itself"',
      'update @routers6 { ip6 saddr } counter drop comment "the router itself"',
    ],
  },
  {
    name: "leaving",
    why: "Masqueraded by now: the sender is in the network of the house.",
    hook: { type: "filter", hook: "postrouting", priority: "srcnat + 10", policy: "accept" },
    rules: [
      `iifname "homerelay" ct mark ${deviceMark} ct direction original ip6 saddr ${internet6} update @house6 { ip6 saddr and ${housePart} } jump out_of_the_house`,
    ],
  },
  {
    name: "out_of_the_house",
    rules: [`ip6 daddr and ${housePart} @house6 counter drop comment "another network of the house"`],
  },
];
