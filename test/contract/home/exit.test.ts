/**
 * What a device reaches that goes to the internet through a home, and with it a relay in the wrong hands: tried from the
 * relay's side, with the guard in a real kernel. Behind the home is a house: a router with addresses of its own on the
 * internet, and another network of the house behind that.
 */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { renderGuard } from "../../../components/home/guard.ts";
import { renderRoutes } from "../../../components/home/routes.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import { nas } from "../../unit/generators/examples.ts";
import { syncRoutesIn } from "../tunnel/syncRoutesIn.ts";
import { asRoot } from "../tool.ts";

const relay = { ipv4: "10.77.0.1", ipv6: "fd77::1" };
const tablet = { ipv4: "10.77.9.9", ipv6: "fd77::909" };

/** What answers at TCP port 80 or the one behind the address, and to whom that belongs. */
const targets = {
  internet4: "203.0.113.99",
  internet6: "2001:db8:ffff::99",
  neighbourOfTheHouse6: "2001:db8:aa:100::20",
  routersLan4: "192.168.1.1",
  routersWan4: "198.51.100.77",
  routersWan6: "2001:db8:bb::77",
  routersLan6: "2001:db8:aa:1::1",
  routersOtherNetwork6: "2001:db8:aa:2::1",
  otherNetwork6: "2001:db8:aa:2::20",
  lan4: "192.168.1.20",
  offLinkLan4: "203.0.113.1",
  /** The router answers in its name. */
  resolver4: "203.0.113.98 53",
};
type Target = keyof typeof targets;

const server = `
  require("node:net").createServer((socket) => socket.on("error", () => {}).end("here\\n")).listen(process.argv[1], "::");
  setTimeout(() => process.exit(), 60000);`;
const client = `
  const [source4, source6, ...addresses] = process.argv.slice(1);
  Promise.all(addresses.map((address) => new Promise((resolve) => {
    const [host, port = 80] = address.split(" ");
    const socket = require("node:net").connect({ host, port, localAddress: host.includes(":") ? source6 : source4 });
    let said = "";
    socket.on("data", (data) => (said += data)).on("error", () => resolve("")).on("end", () => resolve(said));
    setTimeout(() => resolve(said), 1500);
  }))).then((all) => { console.log(all.map((said) => said !== "").join(" ")); process.exit(); });`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-exit-"));
  writeFileSync(join(folder, "routes"), renderRoutes(nas, []));
  writeFileSync(join(folder, "sync-routes.sh"), syncRoutesIn(folder));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The targets that a tablet reaches with these openings at home, tried twice: what is learned must not open anything. */
function reached(openings: { readonly exits: boolean; readonly lans?: readonly string[] }): Target[][] {
  const device = {
    tunnelAddress: tablet,
    reachesHome: false,
    exits: openings.exits,
    lans: (openings.lans ?? []).map(parsePrefix),
  };
  writeFileSync(join(folder, "guard"), renderGuard({ home: nas, relay, forwards: [], devices: [device] }));
  const names = Object.keys(targets) as Target[];
  const script = `
    place() { unshare --net sleep 60 >/dev/null 2>&1 & declare -g "$1=$!"; places="$places $!"; }
    at() { local place=$1; shift; nsenter --target "\${!place}" --net "$@"; }
    places=
    trap 'kill $places' EXIT
    for place in relay router internet other lan neighbour; do place $place; done
    sleep 0.5
    # NAME PLACE PEER: a cable from this machine, or from the router.
    cable() { ip link add "$1" type veth peer name "$3"; ip link set "$3" netns "\${!2}"; ip link set "$1" up; }
    ip link set lo up
    for place in relay router internet other lan neighbour; do at $place ip link set lo up; done
    cable homerelay relay tunnel
    ip link set homerelay address 02:00:00:00:00:01; at relay ip link set tunnel address 02:00:00:00:00:02
    ip link add house type bridge; ip link set house up
    cable r0 router eth0; ip link set r0 master house
    cable l0 lan eth0; ip link set l0 master house
    for place in internet other neighbour; do
      at router ip link add "to-$place" type veth peer name "at-$place"
      at router ip link set "at-$place" netns "\${!place}"
      at router ip link set "to-$place" up
    done
    give() { at "$1" ip address add "$3" dev "$2" $(case $3 in *:*) echo nodad ;; esac); at "$1" ip link set "$2" up; }
    sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.src_valid_mark=1
    at router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    # The home.
    ip address add ${nas.ipv4}/32 dev homerelay; ip address add ${nas.ipv6}/128 dev homerelay nodad
    ip address add 192.168.1.10/24 dev house; ip address add 2001:db8:aa:1::10/64 dev house nodad
    ip route add 10.77.0.0/16 dev homerelay; ip -6 route add fd77::/48 dev homerelay
    ip route add default via 192.168.1.1; ip -6 route add default via 2001:db8:aa:1::1
    # The relay, which has the tablet's address.
    for address in ${relay.ipv4}/16 ${tablet.ipv4}/32 ${relay.ipv6}/48 ${tablet.ipv6}/128; do give relay tunnel $address; done
    at relay ip route add default via ${nas.ipv4}; at relay ip -6 route add default via ${nas.ipv6}
    # WireGuard asks for no neighbours, and the guard lets in no question after them.
    ip -6 neighbour add ${tablet.ipv6} lladdr 02:00:00:00:00:02 dev homerelay
    at relay ip -6 neighbour add ${nas.ipv6} lladdr 02:00:00:00:00:01 dev tunnel
    # The house.
    for address in ${targets.routersLan4}/24 ${targets.routersLan6}/64; do give router eth0 $address; done
    for address in ${targets.routersWan4}/24 ${targets.routersWan6}/64 2001:db8:ffff::1/64 ${targets.offLinkLan4}/24; do give router to-internet $address; done
    give router to-other ${targets.routersOtherNetwork6}/64
    give router to-neighbour 2001:db8:aa:100::1/64
    give lan eth0 ${targets.lan4}/24
    give internet at-internet ${targets.internet4}/24; give internet at-internet ${targets.internet6}/64
    give other at-other ${targets.otherNetwork6}/64; give neighbour at-neighbour ${targets.neighbourOfTheHouse6}/64
    at internet ip route add default via ${targets.offLinkLan4}; at internet ip -6 route add default via 2001:db8:ffff::1
    at other ip -6 route add default via ${targets.routersOtherNetwork6}
    at neighbour ip -6 route add default via 2001:db8:aa:100::1
    at lan ip route add default via 192.168.1.1
    for place in router internet other lan neighbour; do at $place ${process.execPath} -e '${server}' 80 >/dev/null 2>&1 & places="$places $!"; done
    at router ${process.execPath} -e '${server}' 53 >/dev/null 2>&1 & places="$places $!"
    at router nft 'add table ip hijack; add chain ip hijack pre { type nat hook prerouting priority dstnat; }; add rule ip hijack pre iifname eth0 tcp dport 53 redirect'
    rm -f ${folder}/in-force; bash ${folder}/sync-routes.sh
    nft -f ${folder}/guard
    sleep 1
    for try in 1 2; do
      at relay ${process.execPath} -e '${client}' -- ${tablet.ipv4} ${tablet.ipv6} ${names.map((name) => `"${targets[name]}"`).join(" ")}
    done`;
  const { status, stdout, stderr } = spawnSync("unshare", [...asRoot, "--net", "bash", "-euc", script], {
    encoding: "utf8",
    timeout: 50_000,
  });
  if (status !== 0) throw new Error(stdout + stderr);
  return stdout
    .trim()
    .split("\n")
    .map((line) => names.filter((_, i) => line.split(" ")[i] === "true"));
}

test("a device that goes out through a home reaches the internet, and nothing of the house", () => {
  const internet: Target[] = ["internet4", "internet6", "neighbourOfTheHouse6", "resolver4"];
  expect(reached({ exits: true })).toEqual([internet, internet]);
}, 60_000);

test("parts of the LAN that are open to it stay so, also where the router itself has an address there", () => {
  const open: Target[] = [
    "internet4",
    "internet6",
    "neighbourOfTheHouse6",
    "routersLan4",
    "lan4",
    "offLinkLan4",
    "resolver4",
  ];
  const lans = ["192.168.1.0/24", "203.0.113.0/24"];
  expect(reached({ exits: true, lans })).toEqual([open, open]);
}, 60_000);
