import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { addresses, namespaces } from "../addresses.ts";
import { raiseLab } from "../fixture.ts";
import { stopMending, withChangedTable } from "../mending.ts";
import { asPerson, cgnatAddress, forgetFlows, loadRules } from "../network.ts";
import { home } from "../operator.ts";
import {
  container,
  emptyLogOf,
  knock,
  logOf,
  parseTestimony,
  perform,
  ping,
  serve,
  shell,
  start,
  strangerBy,
  tcp,
  udp,
} from "../people.ts";
import type { Answer, Probe } from "../people.ts";
import { inNamespace, must, run } from "../shell.ts";
import { until } from "../world.ts";

const families = [4, 6] as const;
type Family = (typeof families)[number];

const forwards = [
  "7001:7001/tcp+udp",
  "5002:5002/udp",
  "8082:9082",
  "8083:9083/udp",
  "8084:9084",
  "8443:9444",
  "20000-20010:20000-20010/tcp+udp",
  "30000-30010:31000-31010/tcp+udp",
  "500:500/udp",
  "4500:4500/udp",
  "40000-45000:40000-45000/udp",
];
/** First, middle and last port of the ranges above, as published and at home. */
const ranges = [20000, 20005, 20010].map((port) => [port, port] as const);
const shiftedRanges = [31000, 31005, 31010].map((port) => [port - 1000, port] as const);

let tunnel: Readonly<Record<Family, string>>;
let routesBefore: string;

const lab = raiseLab({
  stack: "dataplane",
  packages: { home: ["iptables"] },
  container: { home: ["9082:9082/tcp", "9083:9083/udp", "9084:9084/tcp", "9444:9444/tcp"] },
  before: async () => {
    routesBefore = await shell("home", defaultRoutes);
  },
  settings: async () => ({ homes: [await home(forwards)] }),
  up: true,
});

beforeAll(async () => {
  tunnel = await tunnelAddresses();
  await lab.progress.phase("Services", startServices);
});

const defaultRoutes = "ip -4 route show default; ip -6 route show default";

async function tunnelAddresses(): Promise<Record<Family, string>> {
  const shown = await shell("home", "ip -json address show dev homerelay scope global");
  const [link] = JSON.parse(shown) as { addr_info: { family: string; local: string }[] }[];
  const of = (family: string) => link?.addr_info.find((it) => it.family === family)?.local ?? "";
  return { 4: of("inet"), 6: of("inet6") };
}

async function startServices(): Promise<void> {
  const inRanges = [...ranges, ...shiftedRanges].map(([, port]) => port);
  await serve("home", "lab-witness", "witness.py", [
    ...[7001, ...inRanges].flatMap((port) => [`tcp:${port}`, `udp:${port}`]),
    ...[500, 4500].map((port) => `udp:${port}`),
    ...families.map((family) => `udp:5002@${tunnel[family]}`),
  ]);
  await serve("container", "lab-container-witness", "witness.py", ["tcp:9082", "udp:9083"]);
  await serve("container", "lab-container-bulk", "bulk.py", ["serve", "9084"]);
  const certificate = ["/var/lib/lab-page/certificate.pem", "/var/lib/lab-page/key.pem"];
  await serve("container", "lab-container-page", "page.py", ["A container", "9080", "9444", ...certificate]);
  await until("the services at home are up", 60, async () => {
    for (const unit of ["lab-witness", "lab-container-witness", "lab-container-bulk"])
      expect(await logOf(unit)).toContain("begun");
    const [page] = await knock("container", [{ protocol: "tcp", address: "127.0.0.1", port: 9080 }]);
    expect(page).not.toMatch(/^\(/);
  });
  await (
    await start("stranger", "witness.py", ["tcp:7000", "udp:7000"])
  ).begun;
}

/** Asks a published port as the stranger, and tells what the service saw. */
async function seen(probes: readonly Probe[]) {
  return (await knock("stranger", probes)).map(parseTestimony);
}

async function setReversePathFilter(mode: number): Promise<void> {
  await shell("home", `for it in /proc/sys/net/ipv4/conf/*/rp_filter; do echo ${mode} >"$it"; done`);
}

/** Every kind of service that replies in a way of its own. */
const services = [
  ["TCP on the host", "tcp", 7001, 7001],
  ["UDP on a socket that is bound to the tunnel's address", "udp", 5002, 5002],
  ["UDP on a wildcard socket", "udp", 7001, 7001],
  ["TCP in a container", "tcp", 8082, 9082],
  ["UDP in a container", "udp", 8083, 9083],
] as const;

describe.each([0, 1, 2])("with rp_filter %i at home, the stranger's own address is seen by", (mode) => {
  beforeAll(() => setReversePathFilter(mode));

  describe.each(services)("%s", (_, protocol, port, inside) => {
    test.each(families)("over IPv%i", async (family) => {
      expect(await seen([{ protocol, address: lab.published[family], port }])).toMatchObject([
        { client: strangerBy[family], port: inside, payload: "hello" },
      ]);
    });
  });
});

describe.each(families)("over IPv%i", (family) => {
  test.each([
    ["keeps its ports", ranges],
    ["is shifted", shiftedRanges],
  ])("a range that %s arrives port by port, over TCP and UDP", async (_, ports) => {
    const kinds = (["tcp", "udp"] as const).flatMap((protocol) =>
      ports.map(([port, target]) => ({ protocol, port, target })),
    );
    const saw = await seen(
      kinds.map(({ protocol, port }) => ({ protocol, port, address: lab.published[family] })),
    );
    expect(saw.map((it) => [it?.client, it?.port])).toEqual(
      kinds.map(({ target }) => [strangerBy[family], target]),
    );
  });

  test("the neighbours of a range stay closed", async () => {
    const ports = [19999, 20011, 29999, 30011, 31000];
    const neighbours = (["tcp", "udp"] as const).flatMap((protocol) =>
      ports.map((port) => ({ protocol, port, address: lab.published[family] })),
    );
    expect(await knock("stranger", neighbours, 1)).toEqual(neighbours.map(() => null));
  });

  test.each([500, 4500])("UDP %i arrives as it was sent: ports and every byte", async (port) => {
    // Four zero bytes are the mark by which IKE is told from ESP on port 4500 (RFC 3948).
    const bytes = [0, 0, 0, 0, ...Array.from({ length: 1200 }, (_, i) => i % 256)];
    const payload = String.fromCharCode(...bytes);
    const question: Probe = {
      protocol: "udp",
      address: lab.published[family],
      port,
      payload,
      from: { port },
    };
    expect(await seen([question])).toEqual([{ client: strangerBy[family], clientPort: port, port, payload }]);
  });
});

describe("the home's own traffic", () => {
  test("leaves by the home's own way, from the host and from a container", async () => {
    expect(await shell("home", defaultRoutes)).toBe(routesBefore);
    const probes = (["tcp", "udp"] as const).map((protocol) => ({
      protocol,
      address: addresses.stranger,
      port: 7000,
    }));
    const carrier = await cgnatAddress();
    for (const place of ["home", "container"] as const)
      expect((await knock(place, probes)).map((it) => parseTestimony(it)?.client)).toEqual([
        carrier,
        carrier,
      ]);
  });

  test("goes its own way from a forwarded UDP port too", async () => {
    const way = (to: string) =>
      shell("home", `ip route get ${to} ipproto udp sport 7001 | grep -o 'dev [^ ]*' | head -n 1`);
    // Another network of the house, behind the router; another tunnel of the home's own; somebody on the internet.
    const others =
      "ip link add other type bridge; ip link set other up; ip route add 100.64.0.0/10 dev other table 52";
    await shell("home", `${others}; ip rule add priority 5270 lookup 52`);
    expect(await Promise.all(["192.168.20.5", "100.100.1.1", addresses.stranger].map(way))).toEqual([
      "dev eth0\n",
      "dev other\n",
      "dev eth0\n",
    ]);
    await shell("home", "ip rule delete priority 5270 lookup 52; ip link delete other");
  });

  test("may take a VPN's two halves of a default route, and the forwards go on", async () => {
    const halves = ["0.0.0.0/1", "128.0.0.0/1"].map((half) => `${half} via ${addresses.homeRouter}`);
    await shell("home", halves.map((route) => `ip route add ${route}`).join("; "));
    const probes = services.map(([, protocol, port]) => ({ protocol, address: lab.published[4], port }));
    const clients = (await seen(probes)).map((testimony) => testimony?.client);
    await shell("home", halves.map((route) => `ip route delete ${route}`).join("; "));
    expect(clients).toEqual(services.map(() => strangerBy[4]));
  });

  test("is never given a port that a forward uses: 3,000 sockets, all answered", async () => {
    const { stdout } = await perform("home", "many-sockets.py", [addresses.stranger, "7000", "3000"]);
    const { ports, unanswered } = JSON.parse(stdout) as { ports: number[]; unanswered: number[] };
    expect(new Set(ports).size).toBe(3000);
    expect(ports.filter((port) => port >= 40000 && port <= 45000)).toEqual([]);
    expect(unanswered).toEqual([]);
  });
});

describe("where every network drops ICMP", () => {
  const deaf = `table inet deaf {
  chain input {
    type filter hook input priority filter
    icmp type destination-unreachable counter drop
    icmpv6 type packet-too-big counter drop
  }
}
`;
  const size = 1_000_000;
  const stallSeconds = 4;

  beforeAll(async () => {
    await loadRules(namespaces.stranger, deaf);
    await shell("container", `nft -f - <<'END'\n${deaf}END`);
  });

  afterAll(async () => {
    await must(inNamespace(namespaces.stranger, ["nft", "delete", "table", "inet", "deaf"]));
    await shell("container", "nft delete table inet deaf");
  });

  /** What was learned about the path earlier would hide that nothing can be learned now. */
  async function forgetPaths(): Promise<void> {
    for (const place of ["stranger", "container"] as const)
      await shell(place, "ip -4 route flush cache; ip -6 route flush cache");
  }

  /** The client address that the container saw of each transfer, or "stalled". */
  async function transfers(): Promise<string[]> {
    await forgetPaths();
    const kinds = families.flatMap((family) =>
      (["fetch", "give"] as const).map((verb) => ({ family, verb })),
    );
    return Promise.all(
      kinds.map(async ({ family, verb }) => {
        const args = [verb, lab.published[family], "8084", String(size), String(stallSeconds)];
        const { code, stdout } = await perform("stranger", "bulk.py", args);
        return code === 0 ? stdout.trim() : "stalled";
      }),
    );
  }

  /** Whether a TLS handshake succeeds that begins with a ClientHello of more than one packet, as browsers send now. */
  async function greetings(): Promise<boolean[]> {
    await forgetPaths();
    const alpn = Array.from({ length: 9 }, (_, i) => `${"x".repeat(200)}${i}`).join(",");
    return Promise.all(
      [lab.published[4], `[${lab.published[6]}]`].map(async (address) => {
        const client = ["openssl", "s_client", "-connect", `${address}:8443`, "-alpn", alpn, "-msg"];
        const { stdout } = await run(asPerson("stranger", ["timeout", String(stallSeconds), ...client]));
        const length = /Handshake \[length ([0-9a-f]{4})\], ClientHello/.exec(stdout)?.[1] ?? "0";
        expect(Number.parseInt(length, 16)).toBeGreaterThan(1900);
        return stdout.includes("END CERTIFICATE");
      }),
    );
  }

  const all = families.flatMap((family) => [strangerBy[family], strangerBy[family]]);

  test("a container sends 1 MB to the stranger and takes 1 MB from it", async () => {
    expect(await transfers()).toEqual(all);
  });

  test("a large ClientHello arrives", async () => {
    expect(await greetings()).toEqual([true, true]);
  });

  test("both stall when the relay sets no segment size, and pass again when it does", async () => {
    const handle = "nft --handle list chain inet homerelay forward | awk '/maxseg/ { print $NF }'";
    const unclamped = `nft delete rule inet homerelay forward handle $(${handle})`;
    await withChangedTable(lab.relay, unclamped, async () => {
      expect(await transfers()).toEqual(all.map(() => "stalled"));
      expect(await greetings()).toEqual([false, false]);
    });
    expect(await transfers()).toEqual(all);
    expect(await greetings()).toEqual([true, true]);
  });
});

/** Addresses of the home's LAN where it has IPv6; printer and home then know each other by them. */
const lan = {
  home: { 4: addresses.home, 6: "2001:db8:a::10" },
  printer: { 4: addresses.printer, 6: "2001:db8:a::50" },
} as const;

describe("at a home that has an IPv6 of its own, the stranger's own address is seen by", () => {
  beforeAll(async () => {
    await shell(
      "home",
      `ip -6 address add ${lan.home[6]}/64 dev eth0 nodad && ip -6 route add default via fe80::1 dev eth0`,
    );
    await shell("printer", `ip -6 address add ${lan.printer[6]}/64 dev eth0 nodad`);
  });

  test.each(services)("%s", async (_, protocol, port, inside) => {
    expect(await seen([{ protocol, address: lab.published[6], port }])).toMatchObject([
      { client: strangerBy[6], port: inside, payload: "hello" },
    ]);
  });
});

// The last one, since it does not give the relay back.
describe("a relay in the wrong hands", () => {
  const forgedSources: readonly (readonly [Family, string])[] = [
    [4, lan.printer[4]],
    [6, lan.printer[6]],
    [4, addresses.homeRouter],
    [4, container[4]],
    [6, container[6]],
    [6, lan.home[6]],
    [4, "203.0.113.99"],
    [6, "2001:db8:99::1"],
  ];
  /** Strangers like all others: nobody at home can tell that the relay made them up. */
  const fromTheInternet = ["203.0.113.99", "2001:db8:99::1"];

  beforeAll(async () => {
    await stopMending(lab.relay);
    const peer = (await shell(lab.relay, "wg show homerelay peers")).trim();
    await shell(
      lab.relay,
      [
        `wg set homerelay peer ${peer} allowed-ips 0.0.0.0/0,::/0`,
        "ip route add 192.168.1.0/24 dev homerelay",
        "ip route add 172.17.0.0/16 dev homerelay",
        "ip -6 route add fd00:d0c::/64 dev homerelay",
        "ip -6 route add 2001:db8:a::/64 dev homerelay",
      ].join(" && "),
    );
    // A LAN whose machines find the tunnel through the home: replies would get back.
    await shell("printer", `ip route add 10.77.0.0/16 via ${lan.home[4]}`);
    await shell("printer", `ip -6 route add fd77::/64 via ${lan.home[6]}`);
    await (
      await start("printer", "witness.py", ["udp:7000"])
    ).begun;
    const bound = families.map((family) => `udp:7002@${lan.home[family]}`);
    await serve("home", "lab-lan-witness", "witness.py", bound);
    await until("a service on the home's LAN address is up", 60, async () =>
      expect(await logOf("lab-lan-witness")).toContain("begun"),
    );
  });

  /** Everything at home that was not forwarded. */
  const closedDoors = () =>
    families.flatMap((family) => [
      ...[lan.home[family], { 4: "172.17.0.1", 6: "fd00:d0c::1" }[family]].flatMap((address) => [
        ...[22, 8080, 8081, 9082].map((port) => tcp(address, port)),
        ping(address),
      ]),
      udp(lan.home[family], 7002),
      ...[22, 8080, 9999].map((port) => tcp(tunnel[family], port)),
      udp(tunnel[family], 5000),
      tcp(container[family], 9082),
      udp(container[family], 9083),
      ping(container[family]),
      ...[80, 9100].map((port) => tcp(lan.printer[family], port)),
      udp(lan.printer[family], 7000),
      ping(lan.printer[family]),
    ]);

  const openDoors = () =>
    families.flatMap((family) => [
      tcp(tunnel[family], 7001),
      udp(tunnel[family], 7001),
      tcp(tunnel[family], 9082),
      udp(tunnel[family], 9083),
    ]);

  /** What each door answered to root on the relay, by its name. */
  async function knockFromRelay(doors: readonly Probe[]): Promise<Record<string, Answer>> {
    const answers = await knock(lab.relay, doors, 2);
    const name = ({ protocol, address, port }: Probe) => `${protocol} ${address} ${port ?? ""}`.trimEnd();
    return Object.fromEntries(doors.map((door, i) => [name(door), answers[i] ?? null]));
  }

  const unanswered = (answers: Record<string, Answer>) =>
    Object.keys(answers).filter((door) => answers[door] === null);
  const answered = (answers: Record<string, Answer>) =>
    Object.keys(answers).filter((door) => answers[door] !== null);

  /**
   * The home talks to a server, over IPv4 on the internet, over IPv6 in its LAN; the relay sends the home a datagram
   * that looks like one of that server's. How many datagrams the home's program heard.
   */
  async function heardByTheHome(family: Family): Promise<number> {
    const server = { 4: addresses.stranger, 6: lan.printer[6] }[family];
    const port = 50000 + family;
    const conversation = await start("home", "converse.py", [String(port), server, "7000"]);
    await conversation.begun;
    const from = { address: server, port: 7000 };
    await knock(lab.relay, [{ ...udp(lan.home[family], port), payload: "forged", from }], 0.1);
    return (JSON.parse(await conversation.end()) as string[]).length;
  }

  /** The forged senders whom the service believed it heard at a forwarded port. */
  async function heardFrom(): Promise<string[]> {
    await emptyLogOf("lab-witness");
    const questions = forgedSources.map(([family, address], i) => ({
      ...udp(tunnel[family], 500),
      payload: `from ${address}.`,
      from: { address, port: 6000 + i },
    }));
    await knock(lab.relay, questions, 1);
    const log = await logOf("lab-witness");
    const lines = log.split("\n");
    return forgedSources
      .map(([, address]) => address)
      .filter((it) => lines.some((line) => line.includes(`udp '${it} `) && line.includes(`from ${it}.`)));
  }

  describe.each([0, 1, 2])("with rp_filter %i at home", (mode) => {
    beforeAll(() => setReversePathFilter(mode));

    test("reaches the forwarded ports and nothing else", async () => {
      expect(unanswered(await knockFromRelay(openDoors()))).toEqual([]);
      expect(answered(await knockFromRelay(closedDoors()))).toEqual([]);
    });

    test("slips nothing into a connection of the home's own", async () => {
      expect([await heardByTheHome(4), await heardByTheHome(6)]).toEqual([1, 1]);
    });

    test("poses as nobody in the LAN, in a container or on the home itself", async () => {
      expect(await heardFrom()).toEqual(fromTheInternet);
    });
  });

  test("does all of that where the guard was taken away by hand: these probes can fail", async () => {
    await setReversePathFilter(0);
    await withChangedTable("home", "nft delete table inet homerelay", async () => {
      // What the tracker has translated it goes on translating.
      await forgetFlows("home");
      expect(unanswered(await knockFromRelay(closedDoors()))).toEqual([]);
      expect([await heardByTheHome(4), await heardByTheHome(6)]).toEqual([2, 2]);
      expect(await heardFrom()).toEqual(forgedSources.map(([, address]) => address));
    });
    expect(answered(await knockFromRelay(closedDoors()))).toEqual([]);
  });
});
