/**
 * A small internet in network namespaces, which are gone with the run: a home with the real guard and routes, its
 * router, two networks on the way, and a relay with the real ruleset:
 *   home ── router (NAT) ── line ── core ── relay
 *      └──────────── homerelay ───────────────┘
 * A veth without ARP stands for the tunnel.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import { renderTunnelDocument } from "../../../components/home/documents.ts";
import { renderGuard } from "../../../components/home/guard.ts";
import { renderRoutes } from "../../../components/home/routes.ts";
import { endDocument } from "../../../components/network/document.ts";
import type { Forward } from "../../../components/network/forward.ts";
import { listProbes, renderProbes } from "../../../components/reachability/probes.ts";
import { readMeasured } from "../../../components/reachability/results.ts";
import type { Measured } from "../../../components/network/proven.ts";
import { firewall, nas, relay, toHome, tunnelPlan } from "../../unit/generators/examples.ts";
import { apart, ownNames } from "../world/namespaces.ts";

const components = join(__dirname, "../../../components");

export const publicAddresses = { ipv4: "203.0.113.5", ipv6: "2001:db8:77::1" };

export interface World {
  readonly forwards: readonly Forward[];
  /** What listens at home, as `tcp ADDRESS PORT`. */
  readonly services: readonly string[];
  /**
   * What the home has of IPv6: nothing of its own, addresses that its router translates, or it is switched off there.
   * @default none
   */
  readonly ipv6?: "none" | "off" | "translated";
  /** What the settings say of the home's kernel. @default true */
  readonly homeHasIpv6?: boolean;
  /** Shell lines before the proof; `home`, `router`, `line`, `core` and `relay` run a command there. */
  readonly before?: string;
  /** In place of the proof; `prove` runs it. */
  readonly run?: string;
}

export interface Said {
  readonly status: number | null;
  /** The lines of the proof, but for what it measured. */
  readonly said: readonly string[];
  /** What it measured by port and family, and when. `undefined`: it did not come to that. */
  readonly measured: Measured | undefined;
}

/** Tries the forwards in such a world. */
export function proveIn(world: World): Said {
  const folder = mkdtempSync(join(tmpdir(), "home-relay-proof-"));
  try {
    writeWorld(folder, world);
    const { error, status, stdout, stderr } = spawnSync(
      "unshare",
      [...apart, "bash", "-eu", join(folder, "world.sh"), folder],
      {
        encoding: "utf8",
        timeout: 120_000,
        env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`, LC_ALL: "C" },
      },
    );
    if (error) throw error;
    const lines = (stdout + stderr).split("\n").slice(0, -1);
    const said = lines.filter((line) => !line.startsWith("measured "));
    return { status, said, measured: readMeasured(stdout) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function writeWorld(folder: string, world: World): void {
  const { forwards, services, ipv6 = "none", homeHasIpv6 = true, before, run } = world;
  const published = toHome(nas, forwards).map((one) => ({ ...one, ipv6: homeHasIpv6 }));
  mkdirSync(join(folder, "etc"));
  for (const room of ["host", "home", "tunnel", "reachability"])
    for (const script of readdirSync(join(components, room)).filter((name) => name.endsWith(".sh")))
      writeFileSync(
        join(folder, script),
        readFileSync(join(components, room, script), "utf8")
          .replaceAll("/usr/local/lib/homerelay", folder)
          .replaceAll("/etc/homerelay", `${folder}/etc`)
          .replaceAll("/run/homerelay", `${folder}/run-homerelay`),
        { mode: 0o755 },
      );
  writeFileSync(join(folder, "relay.nft"), renderRelayRuleset({ ...firewall, forwards: published }));
  writeFileSync(join(folder, "guard.nft"), renderGuard({ home: nas, relay, forwards }));
  writeFileSync(join(folder, "etc/routes"), renderRoutes(nas, forwards));
  // One who is not root has one group alone.
  const probes = endDocument(renderProbes(publicAddresses, listProbes(forwards)));
  writeFileSync(
    join(folder, "probes"),
    process.getuid?.() === 0 ? probes : probes.replace(/^group \d+/, "group 0"),
  );
  mkdirSync(join(folder, "keys"));
  for (const key of ["private", "preshared-relay"]) writeFileSync(join(folder, "keys", key), key);
  writeFileSync(
    join(folder, "tunnel"),
    renderTunnelDocument(
      { name: "nas", tunnelAddress: nas, ipv6: homeHasIpv6, forwards, devices: [], tunnel: tunnelPlan },
      { publicKey: "relay", ipv4Address: publicAddresses.ipv4, ipv6Address: publicAddresses.ipv6 },
    ),
  );
  writeFileSync(join(folder, "serve.js"), serve);
  writeFileSync(
    join(folder, "world.sh"),
    [
      ...network,
      ...(ipv6 === "off" ? ["home sysctl -qw net.ipv6.conf.all.disable_ipv6=1"] : []),
      ...tunnel,
      ...(ipv6 === "translated" ? homeIpv6 : []),
      start(services),
      before ?? "",
      run ?? "prove",
    ].join("\n"),
  );
}

const serve = `
const [ready, ...services] = process.argv.slice(2);
let left = services.length;
const done = () => { left -= 1; if (left === 0) require("node:fs").writeFileSync(ready, ""); };
for (const service of services) {
  const [protocol, host, port] = service.split(" ");
  if (protocol === "tcp") require("node:net").createServer((socket) => { socket.on("error", () => {}); socket.end("hello"); }).listen(Number(port), host, done);
  else require("node:dgram").createSocket(host.includes(":") ? "udp6" : "udp4").bind(Number(port), host, done);
}
`;

function start(services: readonly string[]): string {
  if (services.length === 0) return "";
  const words = services.map((service) => `'${service}'`).join(" ");
  return `home '${process.execPath}' $folder/serve.js $folder/ready ${words} </dev/null >/dev/null 2>&1 &
for _ in {1..100}; do [ ! -e $folder/ready ] || break; sleep 0.1; done`;
}

const network = [
  "folder=$1",
  ownNames,
  ...["home", "router", "line", "core", "relay"].map(
    (name) =>
      `ip netns add ${name}; ${name}() { ip netns exec ${name} "$@"; }; ip -n ${name} link set lo up; ${name} sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0`,
  ),
  "home sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0 net.ipv4.conf.all.src_valid_mark=1",
  ...[
    ["home", "lan", "192.168.1.10/24", undefined, "router", "lan", "192.168.1.1/24", undefined],
    [
      ...["router", "wan", "198.51.100.77/24", "2001:db8:51::77/64"],
      ...["line", "home", "198.51.100.1/24", "2001:db8:51::1/64"],
    ],
    ["line", "core", "192.0.2.1/24", "2001:db8:2::1/64", "core", "line", "192.0.2.2/24", "2001:db8:2::2/64"],
    [
      ...["core", "relay", "203.0.113.1/24", "2001:db8:77::ff/64"],
      ...["relay", "eth0", `${publicAddresses.ipv4}/24`, `${publicAddresses.ipv6}/64`],
    ],
  ].flatMap(([left, leftLink, left4, left6, right, rightLink, right4, right6]) => [
    `ip link add ${leftLink} netns ${left} type veth peer name ${rightLink} netns ${right}`,
    `ip -n ${left} link set ${leftLink} up; ip -n ${right} link set ${rightLink} up`,
    `ip -n ${left} address add ${left4} dev ${leftLink}; ip -n ${right} address add ${right4} dev ${rightLink}`,
    ...(left6 === undefined
      ? []
      : [
          `ip -n ${left} address add ${left6} dev ${leftLink} nodad; ip -n ${right} address add ${right6} dev ${rightLink} nodad`,
        ]),
  ]),
  "ip -n home route add default via 192.168.1.1",
  "ip -n router route add default via 198.51.100.1; ip -n line route add default via 192.0.2.2",
  "ip -n relay route add default via 203.0.113.1; ip -n core route add 198.51.100.0/24 via 192.0.2.1",
  "ip -n router -6 route add default via 2001:db8:51::1; ip -n line -6 route add default via 2001:db8:2::2",
  "ip -n relay -6 route add default via 2001:db8:77::ff; ip -n core -6 route add 2001:db8:51::/64 via 2001:db8:2::1",
  `router nft -f - <<'NFT'
table inet nat {
	chain leaving {
		type nat hook postrouting priority 100
		oifname "wan" masquerade
	}
}
NFT`,
];

/** As wg-quick and the drop-in of its unit do it with the home's configuration. */
const tunnel = [
  "ip link add homerelay netns home type veth peer name homerelay netns relay",
  "for end in home relay; do ip -n $end link set homerelay address 02:00:00:00:00:01 arp off mtu 1420; done",
  `ip -n relay address add ${relay.ipv4}/16 dev homerelay; ip -n relay address add ${relay.ipv6}/64 dev homerelay nodad`,
  `home bash -c 'interface=homerelay keys=$0/keys; . $0/sync-interface.sh; join_keys' $folder <$folder/tunnel >$folder/homerelay.conf`,
  "ip -n home address add $(sed -n 's/^Address = //p' $folder/homerelay.conf) dev homerelay",
  "ip -n home link set homerelay up; ip -n relay link set homerelay up",
  "sed -n 's/^Address = [^,]*, //p' $folder/tunnel >$folder/etc/address6; home bash $folder/set-address6.sh",
  "relay nft -f $folder/relay.nft; home nft -f $folder/guard.nft; home bash $folder/sync-routes.sh",
  `prove() { home bash $folder/prove-forwards.sh ${relay.ipv4} <$folder/probes; }`,
];

const homeIpv6 = [
  "ip -n home address add fd00:aa::10/64 dev lan nodad; ip -n router address add fd00:aa::1/64 dev lan nodad",
  "ip -n home -6 route add default via fd00:aa::1",
];
