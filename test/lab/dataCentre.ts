import { addresses, bridges, namespaces } from "./addresses.ts";
import type { FirewallRule, ServerHost, ServerRequest } from "./cloud/serverHost.ts";
import { Machine } from "./machines.ts";
import { ipBatch, loadRules } from "./network.ts";
import { cachedRoot } from "./root.ts";
import type { Suite } from "./root.ts";
import { must, run } from "./shell.ts";

/** What the data centre's images are made of. */
export const systemOfImage = { "debian-13": "trixie", "debian-12": "bookworm" } as const satisfies Record<
  string,
  Suite
>;

export type ServerImage = keyof typeof systemOfImage;

const images: Readonly<Record<string, Suite>> = systemOfImage;

interface Server {
  readonly machine: Machine;
  readonly request: ServerRequest;
}

const serverMachine = (id: number) => `server-${id}`;

/** The stand-in cloud's servers: machines on the data centre's bridge, addressed as at Hetzner. */
export class DataCentre implements ServerHost {
  readonly #servers = new Map<number, Server>();
  readonly #firewalls = new Map<number, readonly FirewallRule[]>();
  readonly #log: (line: string) => void;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  /** The machine of that name, if it is one of the servers. */
  machine(name: string): Machine | undefined {
    return this.machines().find((machine) => machine.name === name);
  }

  machines(): Machine[] {
    return [...this.#servers.values()].map((server) => server.machine);
  }

  async create(request: ServerRequest): Promise<void> {
    const suite = images[request.image];
    if (suite === undefined) {
      const known = Object.keys(images).join(", ");
      throw new Error(`The lab has no image ${request.image}; it has ${known}.`);
    }
    if (this.#servers.has(request.id)) throw new Error(`There is a server ${request.id} already.`);
    const machine = await Machine.make(
      {
        name: serverMachine(request.id),
        hostname: request.name,
        root: (await cachedRoot(suite)).directory,
        namespace: namespaces.internet,
        bridge: bridges.dataCentre,
        link: `vb-${request.id}`,
        files: seed(request),
        onStart: (init) => announceServer(request, init),
      },
      this.#log,
    );
    this.#servers.set(request.id, { machine, request });
    await this.#loadFirewalls();
    await machine.powerOn();
  }

  async powerOn(id: number): Promise<void> {
    await this.#server(id).machine.powerOn();
  }

  async powerOff(id: number): Promise<void> {
    await this.#server(id).machine.powerOff();
  }

  async destroy(id: number): Promise<void> {
    const { machine, request } = this.#server(id);
    await machine.destroy();
    this.#servers.delete(id);
    this.#firewalls.delete(id);
    await this.#loadFirewalls();
    const routes = [request.ipv4 === undefined ? undefined : `${request.ipv4}/32`, request.ipv6];
    for (const route of routes) {
      // A server that never started has no route.
      if (route !== undefined) await run(["ip", "-n", namespaces.internet, "route", "del", route]);
    }
  }

  async setFirewall(id: number, rules: readonly FirewallRule[] | undefined): Promise<void> {
    if (rules?.some((rule) => rule.direction === "out")) {
      throw new Error(
        "The lab's data centre filters incoming traffic only; a firewall rule has direction out.",
      );
    }
    if (rules === undefined) this.#firewalls.delete(id);
    else this.#firewalls.set(id, rules);
    await this.#loadFirewalls();
  }

  #server(id: number): Server {
    const server = this.#servers.get(id);
    if (server === undefined) throw new Error(`There is no server ${id}.`);
    return server;
  }

  async #loadFirewalls(): Promise<void> {
    const servers = [...this.#servers.values()].flatMap(({ request }) => {
      const rules = this.#firewalls.get(request.id);
      return rules === undefined ? [] : [{ request, rules }];
    });
    await loadRules(namespaces.internet, renderFirewalls(servers));
  }
}

/** What the image's cloud-init finds at its first boot. JSON is YAML. */
function seed(request: ServerRequest) {
  const folder = "/var/lib/cloud/seed/nocloud";
  const metaData = {
    "instance-id": `${serverMachine(request.id)}-${Date.now()}`,
    "local-hostname": request.name,
    "public-keys": request.sshPublicKeys,
  };
  const routes = [
    ...(request.ipv4 === undefined
      ? []
      : [{ to: "0.0.0.0/0", via: addresses.dataCentreGateway, "on-link": true }]),
    ...(request.ipv6 === undefined ? [] : [{ to: "::/0", via: addresses.dataCentreGateway6 }]),
  ];
  const networkConfig = {
    version: 2,
    ethernets: {
      eth0: {
        addresses: [
          ...(request.ipv4 === undefined ? [] : [`${request.ipv4}/32`]),
          ...(request.ipv6 === undefined ? [] : [`${firstOf(request.ipv6)}/64`]),
        ],
        "accept-ra": false,
        routes,
        nameservers: { addresses: [addresses.resolver] },
      },
    },
  };
  return [
    { path: `${folder}/user-data`, content: request.userData, mode: 0o600 },
    { path: `${folder}/meta-data`, content: JSON.stringify(metaData) },
    { path: `${folder}/network-config`, content: JSON.stringify(networkConfig) },
  ];
}

/** `2001:db8:2:1::/64` -> `2001:db8:2:1::1` */
const firstOf = (network: string) => network.replace(/::\/64$/, "::1");

/** The IPv4 address is on the link; the IPv6 network is routed to the machine's link-local address. */
export async function announceServer(
  { ipv4, ipv6 }: Pick<ServerRequest, "ipv4" | "ipv6">,
  init: number,
): Promise<void> {
  const device = bridges.dataCentre;
  const enter = ["nsenter", "--target", `${init}`, "--net", "--"];
  const shown = await must([...enter, "ip", "-json", "link", "show", "eth0"]);
  const [link] = JSON.parse(shown) as { address: string }[];
  if (link === undefined) throw new Error(`The server at ${ipv4 ?? ipv6 ?? "no address"} has no eth0.`);
  await ipBatch(namespaces.internet, [
    ...(ipv4 === undefined ? [] : [`route replace ${ipv4}/32 dev ${device}`]),
    ...(ipv6 === undefined ? [] : [`route replace ${ipv6} via ${linkLocal(link.address)} dev ${device}`]),
  ]);
}

/** The link-local address that a network card takes by itself (EUI-64, RFC 4291 appendix A). */
function linkLocal(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(":").map((byte) => Number.parseInt(byte, 16));
  const groups = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  return `fe80::${groups.map((group) => group.toString(16)).join(":")}`;
}

/** One table with a chain for each server that has a firewall: stateful, and what is not listed is dropped. */
function renderFirewalls(
  servers: readonly { readonly request: ServerRequest; readonly rules: readonly FirewallRule[] }[],
): string {
  const jumps = servers.flatMap(({ request: { id, ipv4, ipv6 } }) => [
    ...(ipv4 === undefined ? [] : [`ip daddr ${ipv4} jump server_${id}`]),
    ...(ipv6 === undefined ? [] : [`ip6 daddr ${ipv6} jump server_${id}`]),
  ]);
  const chains = servers.map(({ request, rules }) =>
    chain(`server_${request.id}`, [
      "ct state established,related accept",
      ...rules.flatMap(renderRule),
      "counter drop",
    ]),
  );
  const forward = chain("forward", ["type filter hook forward priority filter; policy accept", ...jumps]);
  const table = "table inet cloud_firewall";
  return `${table} {}\ndelete ${table}\n${table} {\n${[...chains, forward].join("\n")}\n}\n`;
}

const chain = (name: string, lines: readonly string[]) =>
  `  chain ${name} {\n${lines.map((line) => `    ${line}`).join("\n")}\n  }`;

function renderRule(rule: FirewallRule): string[] {
  return rule.source_ips.map((source) => {
    const v6 = source.includes(":");
    const from = `${v6 ? "ip6" : "ip"} saddr ${source}`;
    switch (rule.protocol) {
      case "tcp":
      case "udp":
        if (rule.port === undefined) throw new Error(`A ${rule.protocol} firewall rule has no port.`);
        return `${from} ${rule.protocol} dport ${rule.port} accept`;
      case "icmp":
        return `${from} meta l4proto ${v6 ? "ipv6-icmp" : "icmp"} accept`;
      case "esp":
      case "gre":
        return `${from} meta l4proto ${rule.protocol} accept`;
    }
  });
}
