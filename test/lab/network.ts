import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { addresses, bridges, namespaces } from "./addresses.ts";
import { carrierRules, downstream, end, plansOf, routerRules, upstream } from "./homeLine.ts";
import type { HomeNetwork, Plan } from "./homeLine.ts";
import { inNetworkOf } from "./machines.ts";
import { inNamespace, must } from "./shell.ts";

/** Both ends of each cable: a device in one namespace and its peer in another. */
const cables = [
  [namespaces.internet, "to-stranger", namespaces.stranger, "eth0"],
  [namespaces.internet, "to-laptop", namespaces.laptop, "eth0"],
  [namespaces.internet, "to-phone", namespaces.phone, "eth0"],
  [namespaces.internet, "to-vpn", namespaces.vpn, "eth0"],
  [namespaces.internet, "to-registrar", namespaces.registrar, "eth0"],
  [namespaces.internet, "to-cgnat", namespaces.cgnat, "outside"],
  [namespaces.cgnat, "inside", namespaces.router, "outside"],
  [namespaces.router, "to-operator", namespaces.operator, "eth0"],
  [namespaces.router, "to-printer", namespaces.printer, "eth0"],
] as const;

/** A fixed MAC: a bridge else takes that of its ports, and neighbours would lose it when a machine starts. */
const bridgeOptions = (lastByte: string) => `address 02:00:00:00:00:${lastByte} type bridge mcast_snooping 0`;

/** A server on the internet, routed to it as at Hetzner. */
const server = (ipv4: string, ipv6: string) => [
  `addr add ${ipv4}/32 dev eth0`,
  `addr add ${ipv6}/64 dev eth0 nodad`,
  end(downstream, "eth0"),
  `route add default via ${addresses.dataCentreGateway} dev eth0 onlink`,
  `route add default via ${upstream} dev eth0`,
];
const toServer = (ipv4: string, ipv6: string, device: string) => [
  end(upstream, device),
  `route add ${ipv4}/32 dev ${device}`,
  `route add ${ipv6}/128 via ${downstream} dev ${device}`,
];

/** `ip -batch` lines that give each namespace its addresses and routes. */
const usual: Plan = {
  [namespaces.internet]: [
    `link add ${bridges.dataCentre} ${bridgeOptions("dc")}`,
    `link set ${bridges.dataCentre} up`,
    `addr add ${addresses.dataCentreGateway}/32 dev ${bridges.dataCentre}`,
    `addr add ${addresses.dataCentreGateway6}/64 dev ${bridges.dataCentre} nodad`,
    `addr add ${addresses.internetGateway}/24 dev to-stranger`,
    `addr add ${addresses.internetGateway6}/64 dev to-stranger nodad`,
    `addr add ${addresses.laptopGateway}/24 dev to-laptop`,
    `addr add ${addresses.phoneGateway}/24 dev to-phone`,
    `addr add ${addresses.cgnatOutsideGateway}/24 dev to-cgnat`,
    end(upstream, "to-cgnat"),
    ...toServer(addresses.vpn, addresses.vpn6, "to-vpn"),
    ...toServer(addresses.registrar, addresses.registrar6, "to-registrar"),
    ...[
      addresses.cloudApi,
      addresses.resolver,
      addresses.packageMirror,
      addresses.dynDns,
      addresses.notices,
    ].map((it) => `addr add ${it}/32 dev lo`),
  ],
  [namespaces.stranger]: [
    `addr add ${addresses.stranger}/24 dev eth0`,
    `addr add ${addresses.stranger6}/64 dev eth0 nodad`,
    `route add default via ${addresses.internetGateway}`,
    `route add default via ${addresses.internetGateway6}`,
  ],
  [namespaces.laptop]: [
    `addr add ${addresses.laptop}/24 dev eth0`,
    `route add default via ${addresses.laptopGateway}`,
  ],
  [namespaces.phone]: [
    `addr add ${addresses.phone}/24 dev eth0`,
    `route add default via ${addresses.phoneGateway}`,
  ],
  [namespaces.vpn]: server(addresses.vpn, addresses.vpn6),
  [namespaces.registrar]: server(addresses.registrar, addresses.registrar6),
  [namespaces.cgnat]: [
    `addr add ${addresses.cgnatOutside}/24 dev outside`,
    `addr add ${addresses.cgnatInside}/24 dev inside`,
    end(downstream, "outside"),
    end(upstream, "inside"),
    `route add default via ${addresses.cgnatOutsideGateway}`,
  ],
  [namespaces.router]: [
    `link add ${bridges.lan} ${bridgeOptions("1a")}`,
    `link set ${bridges.lan} up`,
    `link set to-operator master ${bridges.lan}`,
    `link set to-printer master ${bridges.lan}`,
    `addr add ${addresses.homeRouterOutside}/24 dev outside`,
    `addr add ${addresses.homeRouter}/24 dev ${bridges.lan}`,
    end(downstream, "outside"),
    end(upstream, bridges.lan),
    `route add default via ${addresses.cgnatInside}`,
  ],
  [namespaces.operator]: [
    `addr add ${addresses.operator}/24 dev eth0`,
    `route add default via ${addresses.homeRouter}`,
  ],
  [namespaces.printer]: [
    `addr add ${addresses.printer}/24 dev eth0`,
    `route add default via ${addresses.homeRouter}`,
  ],
};

const forwarding = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"];

/** Kernel settings by namespace, in order: forwarding resets others, so it comes first. */
const kernelSettings: Readonly<Record<string, readonly string[]>> = {
  // A provider lets a server send from its own addresses only; this is its IPv4 half.
  [namespaces.internet]: [...forwarding, `net.ipv4.conf.${bridges.dataCentre}.rp_filter=1`],
  [namespaces.cgnat]: forwarding,
  // Where the host has br_netfilter, its rules would take what one of the LAN's machines sends another one.
  [namespaces.router]: [
    ...forwarding,
    "net.bridge.bridge-nf-call-iptables=0",
    "net.bridge.bridge-nf-call-ip6tables=0",
  ],
  [namespaces.vpn]: forwarding,
};

/** Seconds after which somebody forgets a UDP flow: one that was never answered, and one that was. */
export interface UdpTimeouts {
  readonly unansweredSeconds: number;
  readonly answeredSeconds: number;
}

/** As Linux has it where nobody has set anything. */
export const kernelTimeouts: UdpTimeouts = { unansweredSeconds: 30, answeredSeconds: 120 };

/** Short, as carriers have it: RFC 4787 asks for two minutes, and many give less. */
export const carrierTimeouts: UdpTimeouts = { unansweredSeconds: 30, answeredSeconds: 60 };

/** Raises the namespaces, cables, addresses, routes and NATs. No route leads out of them. */
export async function raiseNetwork(home: HomeNetwork = {}): Promise<void> {
  for (const name of Object.values(namespaces)) await must(["ip", "netns", "add", name]);
  await ipBatch(
    undefined,
    cables.map(
      ([a, device, b, peer]) => `link add ${device} netns ${a} type veth peer name ${peer} netns ${b}`,
    ),
  );
  const plans = [usual, ...plansOf(home)];
  await Promise.all(Object.values(namespaces).map((namespace) => configure(namespace, plans)));
  await loadRules(namespaces.cgnat, carrierRules(home));
  await loadRules(namespaces.router, routerRules(home));
  await setUdpTimeouts(carrierTimeouts);
  for (const name of [namespaces.stranger, namespaces.operator]) {
    await mkdir(`/etc/netns/${name}`, { recursive: true });
    await writeFile(`/etc/netns/${name}/resolv.conf`, `nameserver ${addresses.resolver}\n`);
  }
}

async function configure(namespace: string, plans: readonly Plan[]): Promise<void> {
  const devices = cables.flatMap(([a, device, b, peer]) => [
    ...(a === namespace ? [device] : []),
    ...(b === namespace ? [peer] : []),
  ]);
  const up = ["lo", ...devices].map((device) => `link set ${device} up`);
  await ipBatch(namespace, [...up, ...plans.flatMap((plan) => plan[namespace] ?? [])]);
  const settings = kernelSettings[namespace] ?? [];
  if (settings.length === 0) return;
  await must(inNamespace(namespace, ["sysctl", "--quiet", "--ignore", "--write", ...settings]));
}

/** Removes what `raiseNetwork` made, whatever is left of it. */
export async function removeNetwork(): Promise<void> {
  for (const name of await raisedNamespaces()) await must(["ip", "netns", "del", name]);
  const folders = await readdir("/etc/netns").catch(() => []);
  for (const name of folders.filter(isOurs)) await rm(`/etc/netns/${name}`, { recursive: true });
}

/** The lab's namespaces that exist now. */
export async function raisedNamespaces(): Promise<string[]> {
  return (await readdir("/run/netns").catch(() => [])).filter(isOurs);
}

const isOurs = (name: string) => Object.values(namespaces).some((it) => it === name);

/** The command as one of the people runs it: in their namespace and with their resolver. */
export function asPerson(person: "stranger" | "operator", command: readonly string[]): string[] {
  return ["ip", "netns", "exec", namespaces[person], ...command];
}

/** The address that the internet sees for everybody behind the CGNAT. */
export async function cgnatAddress(): Promise<string> {
  const shown = await must(["ip", "-n", namespaces.cgnat, "-json", "-4", "addr", "show", "dev", "outside"]);
  const [link] = JSON.parse(shown) as { addr_info: { local: string }[] }[];
  const address = link?.addr_info[0]?.local;
  if (address === undefined) throw new Error("The CGNAT has no outside address.");
  return address;
}

/** The IPv4 address from which the home's own traffic comes: of its card, of its router, or of the CGNAT. */
export async function homeAddressOutside(): Promise<string> {
  const shown = await must(["ip", "-n", namespaces.router, "-json", "-4", "addr", "show"]);
  const links = JSON.parse(shown) as { addr_info: { local: string }[] }[];
  const has = (address: string) =>
    links.some(({ addr_info }) => addr_info.some(({ local }) => local === address));
  if (has(addresses.publicGateway)) return addresses.homePublic;
  return has(addresses.homeRouterPublic) ? addresses.homeRouterPublic : cgnatAddress();
}

/**
 * Gives the CGNAT another outside address, as carriers do at night; all flows lose their mapping. The old address is dead
 * at once, and the new one comes after a gap.
 */
export async function renumber(gapSeconds = 0): Promise<string> {
  const old = await cgnatAddress();
  const number = Number(old.split(".")[3]);
  const next = `${old.slice(0, old.lastIndexOf("."))}.${number < 99 ? number + 1 : 50}`;
  // The old address goes first: deleted second it would, as the primary one, take the new one with it.
  await ipBatch(namespaces.cgnat, [`addr del ${old}/24 dev outside`]);
  if (gapSeconds > 0) {
    await forgetFlows("cgnat");
    await sleep(gapSeconds * 1000);
  }
  await ipBatch(namespaces.cgnat, [
    `addr add ${next}/24 dev outside`,
    `route replace default via ${addresses.cgnatOutsideGateway}`,
  ]);
  return next;
}

/** Who keeps track of the flows that pass: the carrier, or a machine. */
type Tracker = "cgnat" | "home" | `server-${string}`;

const atTracker = (tracker: Tracker, command: readonly string[]) =>
  tracker === "cgnat"
    ? Promise.resolve(inNamespace(namespaces.cgnat, command))
    : inNetworkOf(tracker, command);

/** Sets how long a tracker remembers; a machine's own settings come back with its next boot. */
export async function setUdpTimeouts(timeouts: UdpTimeouts, tracker: Tracker = "cgnat"): Promise<void> {
  const settings = [
    `net.netfilter.nf_conntrack_udp_timeout=${timeouts.unansweredSeconds}`,
    `net.netfilter.nf_conntrack_udp_timeout_stream=${timeouts.answeredSeconds}`,
  ];
  await must(await atTracker(tracker, ["sysctl", "--quiet", "--write", ...settings]));
}

/** What a tracker remembers of UDP, one flow a line. */
export async function udpFlows(tracker: Tracker): Promise<string> {
  const dump = async (family: string) =>
    must(await atTracker(tracker, ["conntrack", "--dump", "--proto", "udp", "--family", family]));
  return (await dump("ipv4")) + (await dump("ipv6"));
}

/** Has a tracker forget every flow, as a reboot would. */
export async function forgetFlows(tracker: Tracker): Promise<void> {
  await must(await atTracker(tracker, ["conntrack", "--flush"]));
}

/** Runs `ip` commands in a namespace; the first one that fails ends it. */
export async function ipBatch(namespace: string | undefined, lines: readonly string[]): Promise<void> {
  const where = namespace === undefined ? [] : ["-n", namespace];
  await must(["ip", ...where, "-batch", "-"], { input: lines.join("\n") + "\n" });
}

/** Loads nftables text in a namespace, as one transaction. */
export async function loadRules(namespace: string, ruleset: string): Promise<void> {
  await must(inNamespace(namespace, ["nft", "--file", "-"]), { input: ruleset });
}
