/** Ports of a machine that others' rules send elsewhere, so that nothing listens on them: real rules in a real kernel. */
import { join, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { renderPublishedPorts } from "../../../components/firewall/publishedPorts.ts";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import { parseForward } from "../../../components/network/forward.ts";
import { firewall, nas, toHome } from "../../unit/generators/examples.ts";
import { debianProgram } from "../debianFiles.ts";
import { asRoot, runTool } from "../tool.ts";

const script = resolve(__dirname, "../../../components/firewall/name-translations.sh");
const forwards = toHome(
  nas,
  ["80:8080", "8000-8010", "5353:53/udp", "443/tcp+udp", "30080"].map(parseForward),
);
const published = renderPublishedPorts(forwards);
const iptables = debianProgram("/usr/sbin/iptables", ["iptables", "libip4tc2", "libip6tc2", "libxtables12"]);

/** Runs lines of bash on a machine with the public address 203.0.113.5, and a bridge with containers. */
function onMachine(lines: string, env: Readonly<Record<string, string>> = {}): string {
  const exports = Object.entries(env).map(([key, value]) => `export ${key}='${value}'`);
  return runTool("util-linux iproute2", "unshare", [
    ...asRoot,
    "--net",
    ...["bash", "-euc"],
    `${exports.join("\n")}
    ip link set lo up
    ip link add eth0 type veth peer name outside
    ip address add 203.0.113.5/24 dev eth0
    ip address add 2001:db8::5/64 dev eth0 nodad
    ip link set eth0 up
    ip link set outside up
    ip link add bridge0 type bridge
    ip address add 10.88.0.1/16 dev bridge0
    ip link set bridge0 up
    { ${lines}\n} 2>&1`,
  ]);
}

/** What is named where these rules of nft are loaded, as `PORTS/PROTOCOL CHAIN`. */
function namedWith(rules: string): string[] {
  return summary(onMachine(`nft -f - <<'RULES'\n${rules}\nRULES\n${ask()}`));
}

function ask(ports = published): string {
  return `bash ${script} <<'PORTS'\n${ports}PORTS`;
}

function summary(said: string): string[] {
  return said
    .split("\n")
    .filter((line) => line !== "")
    .map((line) =>
      line.replace(
        /^port (\S+) is to be forwarded, and chain (\S+) of the table (.*) sends it elsewhere$/,
        "$1 $3 $2",
      ),
    );
}

describe("what nft's own rules send elsewhere is named", () => {
  test("as netavark and CNI write them: chains behind a lookup for this machine's addresses", () => {
    expect(
      namedWith(`
        table inet netavark {
          chain NETAVARK-HOSTPORT-DNAT { tcp dport 80 jump nv_1_dnat; udp dport 5353 jump nv_1_dnat; }
          chain nv_1_dnat {
            ip saddr 10.88.0.0/16 tcp dport 80 counter
            tcp dport 80 dnat ip to 10.88.0.2:8080
            ip daddr 203.0.113.5 udp dport 5353 dnat ip to 10.88.0.2:53
          }
          chain PREROUTING {
            type nat hook prerouting priority dstnat; policy accept;
            fib daddr type local jump NETAVARK-HOSTPORT-DNAT
          }
        }`),
    ).toEqual(["80/tcp inet netavark nv_1_dnat", "5353/udp inet netavark nv_1_dnat"]);
  });

  test("as kube-proxy writes them: maps of verdicts by address, protocol and port", () => {
    const service = (address: string) => `${address} . tcp . 80 : goto service`;
    const rules = (...addresses: string[]) => `
      table ip kube-proxy {
        map service-ips {
          type ipv4_addr . inet_proto . inet_service : verdict
          elements = { ${[...addresses, ...Array.from({ length: 9 }, (_, i) => `10.96.0.1${i}`)].map(service).join(", ")} }
        }
        map nodeports {
          type inet_proto . inet_service : verdict
          elements = { tcp . 30080 : goto external, udp . 30080 : goto external }
        }
        chain endpoint { meta l4proto tcp dnat to 10.88.0.2:8080; }
        chain service { ip saddr != 10.88.0.0/16 meta mark set 0x4000; numgen random mod 1 vmap { 0 : goto endpoint }; }
        chain external { goto service; }
        chain services {
          ip daddr . meta l4proto . th dport vmap @service-ips
          ip daddr != 127.0.0.0/8 fib daddr type local meta l4proto . th dport vmap @nodeports
        }
        chain nat-prerouting { type nat hook prerouting priority dstnat; jump services; }
      }`;
    const nodePort = "30080/tcp ip kube-proxy endpoint";
    expect(namedWith(rules())).toEqual([nodePort]);
    expect(namedWith(rules("203.0.113.5"))).toEqual(["80/tcp ip kube-proxy endpoint", nodePort]);
  });

  test.each([
    ["by a map of ports", "dnat ip to tcp dport map { 80 : 10.88.0.2, 81 : 10.88.0.3 }", ["80/tcp"]],
    [
      "by a named map",
      "dnat ip addr . port to meta l4proto . th dport map @ports",
      ["8005/tcp", "443/udp", "5353/udp"],
    ],
    ["to another port of this machine", "tcp dport { 443, 8443 } redirect to :9443", ["443/tcp"]],
    ["in ranges", "tcp dport 8008-8020 dnat ip to 10.88.0.2", ["8008-8010/tcp"]],
    ["all but one port", "meta l4proto udp udp dport != 443 dnat ip to 10.88.0.2", ["5353/udp"]],
    [
      "all ports",
      'iifname "eth0" ip protocol tcp dnat ip to 10.88.0.2',
      ["80/tcp", "443/tcp", "8000-8010/tcp", "30080/tcp"],
    ],
    ["over IPv6", "ip6 daddr 2001:db8::/64 tcp dport 80 dnat ip6 to [fd00::2]:80", ["80/tcp"]],
  ])("%s", (_, rule, ports) => {
    expect(
      namedWith(`
        table inet owner {
          map ports {
            type inet_proto . inet_service : ipv4_addr . inet_service
            elements = { tcp . 8005 : 10.88.0.2 . 80, udp . 443 : 10.88.0.2 . 443, udp . 5353 : 10.88.0.2 . 53 }
          }
          chain pre { type nat hook prerouting priority -90; ${rule}; }
        }`),
    ).toEqual(ports.map((port) => `${port} inet owner pre`));
  });
});

describe("what takes nothing from strangers is not named", () => {
  test.each([
    ["other ports", "tcp dport { 81, 7999, 8011 } dnat ip to 10.88.0.2"],
    ["the other protocol", "udp dport 80 dnat ip to 10.88.0.2"],
    ["addresses of other machines", "ip daddr 203.0.113.6 tcp dport 80 dnat ip to 10.88.0.2"],
    ["networks of other machines", "ip daddr { 10.96.0.0/12, 192.0.2.1 } tcp dport 80 dnat ip to 10.88.0.2"],
    ["the machine's own loopback", "ip daddr 127.0.0.0/8 tcp dport 80 dnat ip to 10.88.0.2"],
    ["what is no address of the machine", "fib daddr type != local tcp dport 80 dnat ip to 10.88.0.2"],
    ["what comes out of the tunnel", 'iifname "homerelay" tcp dport 80 dnat ip to 10.88.0.2'],
    ["what is only counted", "tcp dport 80 counter accept"],
  ])("%s", (_, rule) => {
    expect(
      namedWith(`table inet owner { chain pre { type nat hook prerouting priority dstnat; ${rule}; }; }`),
    ).toEqual([]);
  });

  test("a chain that no packet from outside comes to", () => {
    expect(
      namedWith(`
        table inet owner {
          chain nobody { tcp dport 80 dnat ip to 10.88.0.2; }
          chain out { type nat hook output priority -100; tcp dport 80 dnat ip to 10.88.0.2; }
        }`),
    ).toEqual([]);
  });

  test("our own forwards, which are there already", () => {
    expect(namedWith(renderRelayRuleset({ ...firewall, forwards, shared: true }))).toEqual([]);
  });
});

describe("what iptables sends elsewhere is named", () => {
  // As netavark 1.4 and CNI's portmap 1.1 set them.
  const rules = `*nat
:CNI-DN-1 - [0:0]
:CNI-HOSTPORT-DNAT - [0:0]
:CNI-HOSTPORT-SETMARK - [0:0]
:NETAVARK-DN-1 - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A PREROUTING -p udp -m udp --dport 5353 -m comment --comment "dnat name: \\"podman\\" id: 1" -j NETAVARK-DN-1
-A PREROUTING -d 10.43.0.10/32 -p tcp -m comment --comment "a cluster's address" -m tcp --dport 8001 -j DNAT --to-destination 10.88.0.3:80
-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"cbr0\\" id: \\"abc\\"" -m multiport --dports 80,81,443 -j CNI-DN-1
-A CNI-DN-1 -s 10.88.0.0/16 -p tcp -m tcp --dport 80 -j CNI-HOSTPORT-SETMARK
-A CNI-DN-1 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.88.0.2:8080
-A CNI-DN-1 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.88.0.2:8443
-A CNI-HOSTPORT-SETMARK -m comment --comment "masquerade mark" -j MARK --set-xmark 0x2000/0x2000
-A NETAVARK-DN-1 -d 203.0.113.5/32 -p udp -m udp --dport 5350:5360 -j DNAT --to-destination 10.88.0.2:5350-5360/5350
COMMIT
`;
  const restore = `$IPTABLES iptables-restore <<'RULES'\n${rules}RULES`;
  const env = { ...iptables.env, IPTABLES: join(iptables.root, "usr/sbin/xtables-nft-multi") };
  const expected = ["80/tcp ip nat CNI-DN-1", "443/tcp ip nat CNI-DN-1", "5353/udp ip nat NETAVARK-DN-1"];

  test("as its own command lists it", () => {
    const own = `
      mkdir -p "$TMPDIR/bin"; ln -sf $IPTABLES "$TMPDIR/bin/iptables-save"
      PATH=$TMPDIR/bin:$PATH
      # nft alone must not be what finds them.
      printf '#!/bin/sh\\n' >"$TMPDIR/bin/nft"; chmod +x "$TMPDIR/bin/nft"`;
    expect(
      summary(onMachine(`TMPDIR=$(mktemp -d); ${restore}\n${own}\n${ask()}\nrm -r "$TMPDIR"`, env)),
    ).toEqual(expected);
  });

  /** A folder of programs in which there is no iptables, whatever this machine has. */
  const withoutIptables = `
    programs=$(mktemp -d); trap 'rm -r "$programs"' EXIT
    ln -s /usr/sbin/* /usr/bin/* "$programs/" 2>/dev/null || :
    rm -f "$programs"/ip{,6}tables* "$programs"/xtables*`;

  test("as nft lists it where the command is not on the machine", () => {
    const asked = `${restore}\n${withoutIptables}\nPATH=$programs\n${ask()}`;
    expect(summary(onMachine(asked, env))).toEqual(expected);
  });

  test("as nft lists it where it does not even know the extensions", () => {
    const without = `${withoutIptables}\nexport XTABLES_LIBDIR=/nowhere PATH=$programs`;
    expect(summary(onMachine(`${restore}\n${without}\n${ask()}`, env))).toEqual(expected);
  });
});

describe("who gets a port that somebody else sends elsewhere as well, from any time on", () => {
  const others = `table ip others {
    chain pre { type nat hook prerouting priority dstnat; udp dport 5353 dnat to 10.88.0.2:53; }
  }`;
  const ours = renderRelayRuleset({ ...firewall, forwards, shared: true });
  const load = { ours, others };

  test.each([
    ["ours", "others"],
    ["others", "ours"],
  ] as const)("is the home, with %s loaded first and %s after", (...order) => {
    const said = onMachine(`
      unshare --net sleep 30 >/dev/null 2>&1 & stranger=$!
      trap 'kill $stranger' EXIT
      sleep 0.3
      ip link set outside netns $stranger
      nsenter --target $stranger --net bash -ec 'ip address add 203.0.113.9/24 dev outside; ip link set outside up'
      ip link add homerelay type bridge
      ip address add 10.77.0.1/16 dev homerelay
      ip link set homerelay up
      sysctl -qw net.ipv4.ip_forward=1
      ${order.map((name) => `nft -f - <<'RULES'\n${load[name]}\nRULES`).join("\n")}
      nft -f - <<'RULES'
      table ip seen { chain seen { type filter hook forward priority -300; ip daddr ${nas.ipv4} counter; ip daddr 10.88.0.2 counter; }; }
RULES
      nsenter --target $stranger --net bash -c 'for i in 1 2 3; do echo >/dev/udp/203.0.113.5/5353; sleep 0.1; done'
      nft list table ip seen | grep -o 'daddr .* packets [0-9]*'`);
    expect(said).toMatch(
      new RegExp(`daddr ${nas.ipv4} counter packets [1-9]\\d*\\ndaddr 10.88.0.2 counter packets 0\\n`),
    );
  });
});
