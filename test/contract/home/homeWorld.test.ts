import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { renderGuard } from "../../../components/home/guard.ts";
import { loadRelayAddresses, renderRelayAddresses } from "../../../components/home/ownCalls.ts";
import { renderRoutes } from "../../../components/home/routes.ts";
import { renderSysctls } from "../../../components/home/sysctls.ts";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import { createForward, parseForward } from "../../../components/network/forward.ts";
import { parsePortRange } from "../../../components/network/port.ts";
import { publishForwards } from "../../../components/network/publishedForward.ts";
import { firewall, relay } from "../../unit/generators/examples.ts";
import { runTool } from "../tool.ts";
import { LastingWorld, needTools } from "../world/namespaces.ts";
import { syncRoutesIn } from "../tunnel/syncRoutesIn.ts";

jest.setTimeout(20_000);

const own = { ipv4: "10.77.0.2", ipv6: "fd77::2" };
const forwards = [
  ...["80:8080", "5000/udp", "5060:5060/udp", "50000-50100/udp"].map(parseForward),
  createForward(parsePortRange("51000-51100"), parsePortRange("51000-51100"), "udp", { to: "192.168.1.50" }),
];
const folder = mkdtempSync(join(tmpdir(), "home-relay-world-"));
let world: LastingWorld;
const worldFiles = join(__dirname, "world");
const components = join(__dirname, "../../../components");
afterAll(() => rmSync(folder, { recursive: true }));

const published = { 4: "198.51.100.2", 6: "2001:db8:2::2" } as const;
const stranger = { 4: "203.0.113.10", 6: "2001:db8:1::10" } as const;
/** Where the home is reached without home-relay: by its router's own forward, and natively. */
const past = { 4: "192.0.2.77", 6: "2001:db8:aa::10" } as const;
const inLan = { 4: "192.168.1.10", 6: "2001:db8:aa::10" } as const;
const families = [4, 6] as const;
type Family = (typeof families)[number];
type Mode = "explicit" | "tied" | "wildcard";

/** Lines of bash in the world of world.sh. */
function inWorld(lines: string, variables = ""): string {
  const begin = `set -euo pipefail;  documents=${folder}; scripts=${folder}; ${variables} . ${worldFiles}/world.sh`;
  return runTool("util-linux", ...world.enter(["bash", "-c", `${begin}\n${lines}`]));
}

function writeDocuments(): void {
  const address = { publicKey: "", ipv4Address: published[4], ipv6Address: published[6] };
  const documents = {
    guard: renderGuard({ home: own, relay, forwards }),
    "relay.nft": renderRelayAddresses(address),
    routes: renderRoutes(own, forwards),
    sysctls: renderSysctls(forwards),
    ruleset: renderRelayRuleset({
      ...firewall,
      forwards: publishForwards([{ tunnelAddress: own, ipv6: true, forwards }]),
    }),
    "sync-routes.sh": syncRoutesIn(folder),
    "firewall.nft": inFolder(renderGuard({ home: own, relay, forwards }) + loadRelayAddresses),
    "paths.sh": inFolder(componentText("host/paths.sh")),
    "table.sh": inFolder(componentText("firewall/table.sh")),
    "load-firewall.sh": inFolder(componentText("firewall/load-firewall.sh")),
  };
  for (const [name, text] of Object.entries(documents)) writeFileSync(join(folder, name), text);
}

const componentText = (file: string) => readFileSync(join(components, file), "utf8");

/** What is said of a host's folders, said of the one of this test. */
const inFolder = (text: string) =>
  text.replaceAll("/etc/homerelay", folder).replaceAll("/usr/local/lib/homerelay/", `${folder}/`);

/** As systemd does it. */
const reload = inFolder(
  /^ExecReload=\/bin\/sh -c '(.*)'$/m.exec(componentText("firewall/homerelay-firewall.service"))?.[1] ??
    "false",
).replaceAll(/\/\S+\.sh/g, "bash $&");

function raise(options: { readonly rpFilter?: number; readonly publicLan?: boolean } = {}): void {
  rmSync(join(folder, "in-force"), { force: true });
  const lan = options.publicLan === true ? "lan4=198.18.5;" : "";
  inWorld("take_down; raise; join_relay", `rp_filter=${options.rpFilter ?? 0}; ${lan}`);
  // Everybody has found the neighbours by then.
  inWorld(
    `for place in stranger lan home; do for one in ${published[4]} ${published[6]}; do at $place ping -c 1 -W 2 $one >/dev/null || :; done; done`,
  );
}

const running: ChildProcessWithoutNullStreams[] = [];
/** Their ports are free then. */
afterEach(async () => {
  for (const one of running.splice(0)) {
    const ended = one.exitCode === null ? once(one, "exit") : undefined;
    one.kill("SIGKILL");
    await ended;
  }
});

/** Lines that a program in a place of the world has said, once it has said the first one. */
async function start(place: string, program: string, args: readonly string[]) {
  const command = ["ip", "netns", "exec", place, "python3", join(worldFiles, program), ...args];
  const child = spawn(...world.enter(command), { stdio: "pipe" });
  running.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  return {
    say: (line: string) => child.stdin.write(`${line}\n`),
    next: async () => ((await lines.next()) as { value?: string }).value,
  };
}

const serve = (mode: Mode, family: Family, place = "home") =>
  start(place, "service.py", [mode, `${family}`, "5000", "8080"]);

/** What is heard back of a datagram: from whom, and what that one saw. */
function call(place: string, to: string, from = 7000, size = 5, as = ""): string {
  return inWorld(`at ${place} python3 ${worldFiles}/call.py ${from} ${to} 5000 ${size} ${as}`).trim();
}

function get(place: string, address: string): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return inWorld(`at ${place} curl --silent --max-time 3 http://${host}/ || echo none`).trim();
}

const forgetAll = () => inWorld("at home conntrack -F; at relay conntrack -F");

beforeAll(async () => {
  needTools({
    conntrack: "conntrack",
    curl: "curl",
    ip: "iproute2",
    nft: "nftables",
    ping: "iputils-ping",
    python3: "python3",
    sysctl: "procps",
    unshare: "util-linux",
  });
  writeDocuments();
  world = await LastingWorld.begin();
});
afterAll(() => world.end());

describe.each([0, 1])("a home with native IPv6 and a router that forwards, rp_filter %i", (rpFilter) => {
  beforeAll(() => raise({ rpFilter }));

  describe.each(families)("over IPv%i", (family) => {
    const byRelay = (caller: string) => `${published[family]} 5000 ${caller}`;

    test.each(["wildcard", "explicit", "tied"] as const)(
      "a stranger is answered by a service that is %s, also in several pieces",
      async (mode) => {
        await serve(mode, family);
        for (const [i, size] of [5, 5, 1300, 1400, 1460, 3500].entries())
          expect(call("stranger", published[family], 7000, size)).toBe(
            byRelay(`${mode === "tied" ? `tied ${i + 1} ` : ""}${stranger[family]} 7000 ${size}`),
          );
      },
    );

    test("a program on the relay that calls the public address is answered as a stranger is", async () => {
      await serve("wildcard", family);
      expect(call("relay", published[family], 7005)).toBe(byRelay(`${published[family]} 7005 5`));
      expect(get("relay", published[family])).toContain(published[family]);
    });

    test("who comes past the relay is answered there, as is the LAN, whatever came by the relay before", async () => {
      await serve("wildcard", family);
      expect(call("stranger", published[family], 7010)).toBe(byRelay(`${stranger[family]} 7010 5`));
      expect(call("stranger", past[family], 7011)).toBe(`${past[family]} 5000 ${stranger[family]} 7011 5`);
      expect(call("stranger", past[family], 7010)).toBe(`${past[family]} 5000 ${stranger[family]} 7010 5`);
      expect(call("lan", inLan[family], 7012)).toMatch(`${inLan[family]} 5000 `);
    });

    test("what the service sends to somebody who never came by the relay leaves by the home's own line", async () => {
      const service = await serve("wildcard", family);
      const registrar = await start("stranger", "call.py", ["7020", "listen", `${family}`]);
      service.say(`${stranger[family]} 7020`);
      expect(await registrar.next()).toBe(`${past[family]} 5000 spoken`);
    });

    test("a service that speaks first reaches a stranger of before, when all trackers have forgotten", async () => {
      const service = await serve("wildcard", family);
      expect(call("stranger", published[family], 7030)).toBe(byRelay(`${stranger[family]} 7030 5`));
      forgetAll();
      const caller = await start("stranger", "call.py", ["7030", "listen", `${family}`]);
      service.say(`${stranger[family]} 7030`);
      expect(await caller.next()).toBe(`${published[family]} 5000 spoken`);
      expect(call("stranger", published[family], 7030)).toBe(byRelay(`${stranger[family]} 7030 5`));
    });

    test("a stranger is answered to whom the service spoke first past the relay, though both go on", async () => {
      const service = await serve("wildcard", family);
      for (let round = 0; round < 3; round++) service.say(`${stranger[family]} 7040`);
      expect(call("stranger", published[family], 7040)).toBe(byRelay(`${stranger[family]} 7040 5`));
      service.say(`${stranger[family]} 7040`);
      expect(call("stranger", published[family], 7040)).toBe(byRelay(`${stranger[family]} 7040 5`));
    });

    test("a socket that is tied to a stranger hears that one, though the home's address is another one since", async () => {
      const [second, later, length] =
        family === 4 ? ["203.0.113.11", "192.168.1.11", 24] : ["2001:db8:1::11", "2001:db8:aa::11", 64];
      const addresses = (verb: "add" | "delete") =>
        `ip -n stranger address ${verb} ${second}/${length} dev eth0; ip -n home address ${verb} ${later}/${length} dev eth0`;
      const speakAs = (address: string) =>
        inWorld(
          `ip -n home route replace default via ${family === 4 ? "192.168.1.1" : "2001:db8:aa::1"} src ${address}`,
        );
      inWorld(`${addresses("add")}; sleep 2`);
      await serve("tied", family);
      for (const [caller, count, own] of [
        [stranger[family], 1, inLan[family]],
        [second, 1, later],
        [stranger[family], 2, later],
        [second, 2, later],
        [stranger[family], 3, later],
      ] as const) {
        speakAs(own);
        expect(call("stranger", published[family], 7045, 5, caller)).toBe(
          byRelay(`tied ${count} ${caller} 7045 5`),
        );
      }
      speakAs(inLan[family]);
      inWorld(addresses("delete"));
    });

    test.each(["wildcard", "explicit"] as const)(
      "a service that is %s is told that nobody listens any more",
      async (mode) => {
        const service = await serve(mode, family);
        for (let round = 0; round < 2; round++)
          expect(call("stranger", published[family], 7046)).toBe(byRelay(`${stranger[family]} 7046 5`));
        service.say(`${stranger[family]} 7046 errors`);
        expect(await service.next()).toBe("ECONNREFUSED");
      },
    );

    test("the family reaches the public address, and the service sees the relay at most", async () => {
      await serve("wildcard", family);
      const saw = family === 4 ? past[4] : relay.ipv6;
      expect(get("lan", published[family])).toBe(saw);
      expect(call("lan", published[family], 7050)).toMatch(new RegExp(`^${published[family]} 5000 ${saw} `));
    });

    test("the home itself reaches the public address", async () => {
      await serve("wildcard", family);
      expect(get("home", published[family])).toBe(past[family]);
      expect(call("home", published[family], 7060)).toMatch(new RegExp(`^${published[family]} 5000 .* 5$`));
    });

    test("a firewall's unit that is reloaded goes on answering who came lately", async () => {
      const service = await serve("wildcard", family);
      expect(call("stranger", published[family], 7070)).toBe(byRelay(`${stranger[family]} 7070 5`));
      inWorld(`at home bash -c '${reload}'`);
      const caller = await start("stranger", "call.py", ["7070", "listen", `${family}`]);
      service.say(`${stranger[family]} 7070`);
      expect(await caller.next()).toBe(`${published[family]} 5000 spoken`);
    });
  });

  describe("whoever forges senders", () => {
    /** One datagram as from somebody else: sent on the internet, or by a relay in the wrong hands. */
    const forge = (
      place: "internet" | "relay",
      [address, port]: [string, number],
      to: string,
      toPort: number,
    ) => {
      const length = address.includes(":") ? 128 : 32;
      const kind = address.includes(":") ? "socket.AF_INET6" : "socket.AF_INET";
      inWorld(
        `ip -n ${place} address add ${address}/${length} dev lo ${length === 128 ? "nodad" : ""}
        at ${place} python3 -c "import socket; s = socket.socket(${kind}, socket.SOCK_DGRAM); s.bind(('${address}', ${port})); s.sendto(b'x', ('${to}', ${toPort}))"
        ip -n ${place} address delete ${address}/${length} dev lo; sleep 0.2`,
      );
    };
    const hears = async (
      port: number,
      family: Family,
      from: string,
      to: string,
      service: Awaited<ReturnType<typeof serve>>,
    ) => {
      const place = to === stranger[family] ? "stranger" : "lan";
      const one = await start(place, "call.py", [`${port}`, "listen", `${family}`]);
      service.say(`${to} ${port}`);
      expect(await one.next()).toBe(`${from} 5000 spoken`);
    };

    test("draws no conversation of the home's own into the tunnel, with a relay in the wrong hands", async () => {
      const service = await serve("wildcard", 4);
      expect(call("stranger", past[4], 7080)).toBe(`${past[4]} 5000 ${stranger[4]} 7080 5`);
      forge("relay", [stranger[4], 7080], own.ipv4, 5000);
      await hears(7080, 4, past[4], stranger[4], service);
    });

    test.each([
      ["at a port of a range where nothing listens", 50050],
      ["at a port of a machine in the LAN", 51050],
    ])("has no say in where a program of the home calls from %s", async (_, port) => {
      await start("stranger", "service.py", ["wildcard", "4", "5300", "5301"]);
      for (const place of ["internet", "relay"] as const)
        forge(place, [stranger[4], 5300], place === "relay" ? own.ipv4 : published[4], port);
      expect(inWorld(`at home python3 ${worldFiles}/call.py ${port} ${stranger[4]} 5300`).trim()).toBe(
        `${stranger[4]} 5300 ${past[4]} ${port} 5`,
      );
    });

    test("does not send the home's words to its own LAN over the internet", async () => {
      const service = await serve("wildcard", 6);
      forge("internet", ["2001:db8:aa::50", 7090], published[6], 5000);
      await hears(7090, 6, inLan[6], "2001:db8:aa::50", service);
    });

    test("locks nobody out by what the home's own firewall drops", async () => {
      await serve("wildcard", 6);
      inWorld(
        "at home nft 'add table inet owner; add chain inet owner input { type filter hook input priority 0; }; add rule inet owner input iifname eth0 udp dport 5000 drop'",
      );
      expect(call("stranger", published[6], 7091)).toBe(`${published[6]} 5000 ${stranger[6]} 7091 5`);
      forge("internet", [stranger[6], 7091], past[6], 5000);
      expect(call("stranger", published[6], 7091)).toBe(`${published[6]} 5000 ${stranger[6]} 7091 5`);
      inWorld("at home nft delete table inet owner");
    });

    test("costs newcomers no answer when the notes of tied sockets are full", async () => {
      await serve("wildcard", 4);
      const full = readFileSync(join(folder, "guard"), "utf8").replace(
        /(map (?:heard|known)_by4 \{[^}]*size )\d+/g,
        "$11",
      );
      writeFileSync(join(folder, "full"), full);
      inWorld(`at home nft -f ${folder}/full; at home nft -f ${folder}/relay.nft`);
      for (const port of [7092, 7093, 7094])
        expect(call("stranger", published[4], port)).toBe(`${published[4]} 5000 ${stranger[4]} ${port} 5`);
      inWorld(`at home nft -f ${folder}/guard; at home nft -f ${folder}/relay.nft`);
    });

    test("says nothing to a socket that the home has tied to somebody on its own line", async () => {
      await serve("tied", 4);
      for (const count of [1, 2])
        expect(call("stranger", past[4], 7095)).toBe(`${past[4]} 5000 tied ${count} ${stranger[4]} 7095 5`);
      forge("relay", [stranger[4], 7777], own.ipv4, 5000);
      const one = await start("stranger", "call.py", ["7095", "listen", "4"]);
      forge("relay", [stranger[4], 7095], own.ipv4, 5000);
      // The listener heard it, and begins anew with a socket of its own; the tied one would have counted on.
      expect(await one.next()).toMatch(/ tied 1 /);
    });
  });

  describe("with the service in a container that Docker publishes", () => {
    beforeAll(() => void inWorld("publish_container 5000 8080"));
    afterAll(() => void inWorld("at home nft delete table ip docker"));

    test("strangers, the family, the home and the container itself reach it", async () => {
      await serve("wildcard", 4, "container");
      for (const size of [5, 1300, 3500])
        expect(call("stranger", published[4], 7100, size)).toBe(
          `${published[4]} 5000 ${stranger[4]} 7100 ${size}`,
        );
      expect(["stranger", "lan", "home", "container"].map((place) => get(place, published[4]))).toEqual([
        stranger[4],
        past[4],
        past[4],
        past[4],
      ]);
    });

    test("a stranger is answered after the tracker forgot and the container spoke first", async () => {
      const service = await serve("wildcard", 4, "container");
      expect(call("stranger", published[4], 7110)).toMatch(`${published[4]} 5000 `);
      forgetAll();
      service.say(`${stranger[4]} 7110`);
      expect(call("stranger", published[4], 7110)).toMatch(`${published[4]} 5000 `);
    });
  });
});

describe("a home with a public address on its own card", () => {
  beforeAll(() => raise({ publicLan: true, rpFilter: 1 }));

  test("is reached by a neighbour and by itself, by the public address of the relay", async () => {
    await serve("wildcard", 4);
    expect(get("stranger", published[4])).toBe(stranger[4]);
    expect(get("lan", published[4])).toBe(relay.ipv4);
    expect(get("home", published[4])).toBe("198.18.5.10");
    expect(call("home", published[4], 7200)).toBe(`${published[4]} 5000 ${own.ipv4} 7200 5`);
    expect(call("lan", published[4], 7201)).toMatch(
      new RegExp(`^${published[4]} 5000 ${relay.ipv4.replaceAll(".", "\\.")} `),
    );
  });
});

describe("a home that has lost its IPv6", () => {
  beforeAll(() => raise());
  // Twice, as by the timer: the first time, a shield of before still refuses.
  const change = (lines: string) => inWorld(`${lines}; sync_routes; sync_routes`);
  const lost = `ip -n home -6 route delete default`;

  test("answers strangers over it where a VPN knows a way, and the main table refuses all that passes it by", async () => {
    const service = await serve("wildcard", 6);
    change(
      `${lost}; ip -n home -6 route add unreachable default; ip -n home -6 route add default via 2001:db8:aa::1 dev eth0 table 200; ip -n home -6 rule add priority 30000 lookup 200`,
    );
    for (let round = 0; round < 2; round++)
      expect(call("stranger", published[6], 7310)).toBe(`${published[6]} 5000 ${stranger[6]} 7310 5`);
    expect(get("stranger", published[6])).toBe(stranger[6]);
    const registrar = await start("stranger", "call.py", ["7311", "listen", "6"]);
    service.say(`${stranger[6]} 7311`);
    expect(await registrar.next()).toBe(`${past[6]} 5000 spoken`);
    change(
      `ip -n home -6 rule delete priority 30000; ip -n home -6 route flush exact default; ip -n home -6 route add default via 2001:db8:aa::1`,
    );
  });

  test.each([
    ["knows no way", lost],
    ["was told that there is none", `${lost}; ip -n home -6 route add unreachable default metric 4294967295`],
    ["was told by a program to say so to nobody", `${lost}; ip -n home -6 route add blackhole default`],
  ])("answers strangers over it all the same, where its main table %s", async (_, loss) => {
    const service = await serve("wildcard", 6);
    change(loss);
    for (let round = 0; round < 2; round++)
      expect(call("stranger", published[6], 7300)).toBe(`${published[6]} 5000 ${stranger[6]} 7300 5`);
    expect(get("stranger", published[6])).toBe(stranger[6]);
    expect(call("lan", inLan[6], 7301)).toMatch(`${inLan[6]} 5000 `);
    change(`ip -n home -6 route flush exact default; ip -n home -6 route add default via 2001:db8:aa::1`);
    const registrar = await start("stranger", "call.py", ["7302", "listen", "6"]);
    service.say(`${stranger[6]} 7302`);
    expect(await registrar.next()).toBe(`${past[6]} 5000 spoken`);
  });
});
