import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { addresses, bridges, namespaces } from "./addresses.ts";
import { inNamespace, must } from "./shell.ts";

/** Both ends of each cable: a device in one namespace and its peer in another. */
const cables = [
  [namespaces.internet, "to-stranger", namespaces.stranger, "eth0"],
  [namespaces.internet, "to-laptop", namespaces.laptop, "eth0"],
  [namespaces.internet, "to-phone", namespaces.phone, "eth0"],
  [namespaces.internet, "to-cgnat", namespaces.cgnat, "outside"],
  [namespaces.cgnat, "inside", namespaces.router, "outside"],
  [namespaces.router, "to-operator", namespaces.operator, "eth0"],
  [namespaces.router, "to-printer", namespaces.printer, "eth0"],
] as const;

/** A fixed MAC: a bridge else takes that of its ports, and neighbours would lose it when a machine starts. */
const bridgeOptions = (lastByte: string) => `address 02:00:00:00:00:${lastByte} type bridge mcast_snooping 0`;

/** `ip -batch` lines that give each namespace its addresses and routes. */
const plan: Readonly<Record<string, readonly string[]>> = {
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
    ...[addresses.cloudApi, addresses.resolver, addresses.packageMirror, addresses.dynDns].map(
      (it) => `addr add ${it}/32 dev lo`,
    ),
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
  [namespaces.cgnat]: [
    `addr add ${addresses.cgnatOutside}/24 dev outside`,
    `addr add ${addresses.cgnatInside}/24 dev inside`,
    `route add default via ${addresses.cgnatOutsideGateway}`,
  ],
  [namespaces.router]: [
    `link add ${bridges.lan} ${bridgeOptions("1a")}`,
    `link set ${bridges.lan} up`,
    `link set to-operator master ${bridges.lan}`,
    `link set to-printer master ${bridges.lan}`,
    `addr add ${addresses.homeRouterOutside}/24 dev outside`,
    `addr add ${addresses.homeRouter}/24 dev ${bridges.lan}`,
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
  [namespaces.router]: forwarding,
};

/**
 * Both NATs let out what began inside, and nothing in. The carrier's gives each flow a port of its own choice,
 * so that a mapping seen by one destination tells nothing about another.
 */
const nat = (inside: string, masquerade: string) => `
table inet nat {
  chain postrouting {
    type nat hook postrouting priority srcnat
    meta nfproto ipv4 oifname outside ${masquerade}
  }
  chain forward {
    type filter hook forward priority filter; policy drop
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

/** Seconds after which the CGNAT forgets a UDP flow: one that was never answered, and one that was. */
export interface UdpTimeouts {
  readonly unansweredSeconds: number;
  readonly answeredSeconds: number;
}

/** Short, as carriers have it: RFC 4787 asks for two minutes, and many give less. */
export const carrierTimeouts: UdpTimeouts = { unansweredSeconds: 30, answeredSeconds: 60 };

/** Raises the namespaces, cables, addresses, routes and NATs. No route leads out of them. */
export async function raiseNetwork(): Promise<void> {
  for (const name of Object.values(namespaces)) await must(["ip", "netns", "add", name]);
  await ipBatch(
    undefined,
    cables.map(
      ([a, device, b, peer]) => `link add ${device} netns ${a} type veth peer name ${peer} netns ${b}`,
    ),
  );
  await Promise.all(Object.values(namespaces).map(configure));
  await loadRules(namespaces.cgnat, nat("inside", "masquerade fully-random"));
  await loadRules(namespaces.router, nat(bridges.lan, "masquerade"));
  await setUdpTimeouts(carrierTimeouts);
  for (const name of [namespaces.stranger, namespaces.operator]) {
    await mkdir(`/etc/netns/${name}`, { recursive: true });
    await writeFile(`/etc/netns/${name}/resolv.conf`, `nameserver ${addresses.resolver}\n`);
  }
}

async function configure(namespace: string): Promise<void> {
  const devices = cables.flatMap(([a, device, b, peer]) => [
    ...(a === namespace ? [device] : []),
    ...(b === namespace ? [peer] : []),
  ]);
  const up = ["lo", ...devices].map((device) => `link set ${device} up`);
  await ipBatch(namespace, [...up, ...(plan[namespace] ?? [])]);
  const settings = kernelSettings[namespace] ?? [];
  if (settings.length > 0) await must(inNamespace(namespace, ["sysctl", "--quiet", "--write", ...settings]));
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

/** Gives the CGNAT another outside address, as carriers do at night; all flows lose their mapping. */
export async function renumber(): Promise<string> {
  const old = await cgnatAddress();
  const number = Number(old.split(".")[3]);
  const next = `${old.slice(0, old.lastIndexOf("."))}.${number < 99 ? number + 1 : 50}`;
  // The old address goes first: deleted second it would, as the primary one, take the new one with it.
  await ipBatch(namespaces.cgnat, [
    `addr del ${old}/24 dev outside`,
    `addr add ${next}/24 dev outside`,
    `route replace default via ${addresses.cgnatOutsideGateway}`,
  ]);
  return next;
}

export async function setUdpTimeouts(timeouts: UdpTimeouts): Promise<void> {
  const settings = [
    `net.netfilter.nf_conntrack_udp_timeout=${timeouts.unansweredSeconds}`,
    `net.netfilter.nf_conntrack_udp_timeout_stream=${timeouts.answeredSeconds}`,
  ];
  await must(inNamespace(namespaces.cgnat, ["sysctl", "--quiet", "--write", ...settings]));
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
