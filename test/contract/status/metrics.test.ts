/** What a relay tells Prometheus, and whom: with the real nft and WireGuard, and a socket that starts the real script. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import { metricsPort } from "../../../components/network/ourNumbers.ts";
import { renderMetricNames } from "../../../components/status/metrics.ts";
import { firewall, media, mediaForwards, nas, nasForwards, relay } from "../../unit/generators/examples.ts";
import { runTool } from "../tool.ts";
import { apart, needTools, ownNames } from "../world/namespaces.ts";
import { lintExposition, parseExposition } from "./expositionGrammar.ts";

jest.setTimeout(120_000);

const components = join(__dirname, "../../../components");
const phone = { ipv4: "10.77.9.9", ipv6: "fd77::909" };
const scripts = [
  ...["host/paths.sh", "host/messages.sh", "host/files.sh"],
  ...[
    "status/print-metrics.sh",
    "status/read-status.sh",
    "status/remember-traffic.sh",
    "firewall/counters.nft",
  ],
];

/** All that print-metrics.sh may say, in its order. */
const everything = [
  ...readFileSync(join(components, "status/print-metrics.sh"), "utf8").matchAll(/"(homerelay_[a-z_]+)"/g),
].map(([, name]) => name);

let folder: string;
beforeAll(() => {
  needTools({
    nft: "nftables",
    ip: "iproute2",
    wg: "wireguard-tools",
    "wireguard-go": "wireguard-go",
    python3: "python3",
    "systemd-socket-activate": "systemd",
  });
  folder = mkdtempSync(join(tmpdir(), "home-relay-metrics-"));
  for (const name of ["lib", "etc", "var"]) mkdirSync(join(folder, name));
  for (const script of scripts) {
    const path = join(folder, "lib", basename(script));
    writeFileSync(
      path,
      readFileSync(join(components, script), "utf8")
        .replaceAll("/usr/local/lib/homerelay", `${folder}/lib`)
        .replaceAll("/var/lib/homerelay", `${folder}/var`)
        .replaceAll("/etc/homerelay", `${folder}/etc`),
    );
    chmodSync(path, 0o755);
  }
  const homes = [
    { name: "nas", tunnelAddress: nas, forwards: nasForwards },
    { name: "media", tunnelAddress: media, forwards: mediaForwards },
  ];
  write("etc/metrics", renderMetricNames(homes, [{ name: "phone", tunnelAddress: phone }]));
  const metrics = { address: relay, peers: [nas] };
  write("own", renderRelayRuleset({ ...firewall, metrics }));
  write("shared", renderRelayRuleset({ ...firewall, metrics, shared: true }));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(path: string, text: string): void {
  writeFileSync(join(folder, path), text);
}

/**
 * A stranger, a relay, the home nas and a phone on one wire; the tunnel is WireGuard, and the home never comes that is
 * called media. `read NAME ADDRESS` prints what a reader there gets.
 */
const raise = (rules: string) => `
set -euo pipefail
${ownNames}
ip netns add wire; ip -n wire link add bridge type bridge; ip -n wire link set bridge up
machine() { # NAME ADDRESS
  ip netns add $1; ip -n $1 link set lo up
  ip -n $1 link add eth0 type veth peer name $1 netns wire
  ip -n wire link set $1 master bridge up
  ip -n $1 addr add $2/24 dev eth0; ip -n $1 link set eth0 up
}
machine relay 203.0.113.1; machine nas 203.0.113.2; machine phone 203.0.113.3; machine stranger 203.0.113.9
tunnel() { # NAME INTERFACE ADDRESS
  ip netns exec $1 wireguard-go $2 >/dev/null 2>&1
  wg genkey >$1.key; wg pubkey <$1.key >$1.pub
  ip netns exec $1 wg set $2 listen-port 51820 private-key $1.key
  ip -n $1 addr add $3/16 dev $2; ip -n $1 link set $2 mtu 1420 up
}
umask 077; cd $(mktemp -d -p /run)
tunnel relay homerelay ${relay.ipv4}; tunnel nas wg-nas ${nas.ipv4}; tunnel phone wg-phone ${phone.ipv4}
for peer in "nas ${nas.ipv4}" "phone ${phone.ipv4}"; do
  set -- $peer
  ip netns exec relay wg set homerelay peer "$(<$1.pub)" allowed-ips $2/32
  ip netns exec $1 wg set wg-$1 peer "$(<relay.pub)" allowed-ips 0.0.0.0/0 endpoint 203.0.113.1:51820 persistent-keepalive 1
done
wg genkey | wg pubkey >media.pub
ip netns exec relay wg set homerelay peer "$(<media.pub)" allowed-ips ${media.ipv4}/32
ip -n nas route add 203.0.113.9 dev wg-nas
ip -n stranger route add 10.77.0.0/16 via 203.0.113.1
ip netns exec relay sysctl -qw net.ipv4.ip_forward=1
ip netns exec relay nft -f ${folder}/${rules}
ip netns exec relay nft -f ${folder}/lib/counters.nft
ip netns exec relay systemd-socket-activate --accept --inetd -l ${relay.ipv4}:${metricsPort} ${folder}/lib/print-metrics.sh 2>/dev/null &
ip netns exec nas python3 -c '
import socket
page = socket.create_server(("0.0.0.0", 8080))
while True:
    caller, _ = page.accept()
    caller.sendall(b"x" * 5000)
    caller.recv(10)
    caller.close()' &
ready() { for _ in {1..100}; do if [ -n "$(ip netns exec $1 ss -Hltn "sport = :$2")" ]; then return; fi; sleep 0.05; done; echo "nothing listens at $2"; exit 1; }
ready relay ${metricsPort}; ready nas 8080
for _ in {1..100}; do
  if [ "$(ip netns exec relay wg show homerelay latest-handshakes | grep -c '[1-9][0-9]*$')" = 2 ]; then break; fi
  sleep 0.05
done
read_at() { # NAME ADDRESS
  ip netns exec $1 timeout 3 bash -c 'exec 3<>/dev/tcp/$0/${metricsPort}; printf "GET /metrics HTTP/1.1\\r\\nHost: relay\\r\\n\\r\\n" >&3; cat <&3' $2 2>/dev/null || echo "nothing for $1 at $2"
}
`;

const inWorld = (rules: string, lines: string) =>
  runTool("util-linux", "unshare", [...apart, "bash", "-c", raise(rules) + lines]);

const call = `ip netns exec stranger python3 -c '
import socket
for _ in range(7):
    page = socket.create_connection(("203.0.113.1", 80), 5)
    left = 5000
    while left:
        left -= len(page.recv(9000))
    page.sendall(b"thanks")
    page.close()'
`;

describe("a reader in the tunnel", () => {
  let head: string;
  let body: string;
  beforeAll(() => {
    const said = inWorld("own", `${call}\nread_at nas ${relay.ipv4}`);
    [head = "", body = ""] = said.split("\r\n\r\n");
  });

  test("gets text that is of Prometheus' grammar, by its conventions, and is told so", () => {
    expect(head.split("\r\n")).toEqual([
      "HTTP/1.0 200 OK",
      "Content-Type: text/plain; version=0.0.4; charset=utf-8",
      `Content-Length: ${body.length}`,
      "Connection: close",
    ]);
    expect(lintExposition(parseExposition(body))).toEqual([]);
    expect(parseExposition(body).map(({ name }) => name)).toEqual(everything);
  });

  test("gets each peer and each forward by its name, a stranger's seven connections as seven, and zeros of what never was", () => {
    const all = parseExposition(body);
    const samples = (one: RegExp) =>
      all.filter(({ name }) => one.test(name)).flatMap((metric) => metric.samples);
    expect(samples(/_(up|loaded|units)$|forward_connections/)).toEqual([
      ["homerelay_interface_up", 1],
      ["homerelay_rules_loaded", 1],
      ["homerelay_failed_units", expect.any(Number)],
      ['homerelay_forward_connections_total{home="nas",protocol="tcp",port="80"}', 7],
      ['homerelay_forward_connections_total{home="nas",protocol="tcp",port="443"}', 0],
      ['homerelay_forward_connections_total{home="nas",protocol="tcp",port="64738"}', 0],
      ['homerelay_forward_connections_total{home="nas",protocol="udp",port="64738"}', 0],
      ['homerelay_forward_connections_total{home="media",protocol="udp",port="50000-50002"}', 0],
      ['homerelay_forward_connections_total{home="media",protocol="tcp",port="2200-2201"}', 0],
    ]);
    const [http = 0, ...others] = samples(/forward_transmit_bytes/).map(([, value]) => value);
    expect(http).toBeGreaterThan(35_000);
    expect(others).toEqual([0, 0, 0, 0, 0]);
    const handshakes = samples(/handshake/);
    expect(handshakes.map(([series]) => series.replace(/^.*\{/, "{"))).toEqual([
      '{peer="nas",kind="home"}',
      '{peer="media",kind="home"}',
      '{peer="phone",kind="device"}',
    ]);
    expect(handshakes.map(([, value]) => value > Date.now() / 1000 - 600)).toEqual([true, false, true]);
    expect(samples(/peer_transmit/).map(([, value]) => value > 35_000)).toEqual([false, false, false]);
    expect(samples(/peer_receive/).map(([, value]) => value > 35_000)).toEqual([true, false, false]);
  });
});

test.each([
  ["of our own", "own"],
  ["that is shared", "shared"],
])(
  "on a machine %s a named peer is let in, and nobody else: no other peer, nobody outside, by no address",
  (_, rules) => {
    const said = inWorld(
      rules,
      `read_at phone ${relay.ipv4}
read_at stranger ${relay.ipv4}
read_at stranger 203.0.113.1
ip -n phone route add ${relay.ipv4} via 203.0.113.1; read_at phone ${relay.ipv4}
ip -n nas route add ${relay.ipv4} via 203.0.113.1 src ${nas.ipv4}; read_at nas ${relay.ipv4}
ip -n nas route delete ${relay.ipv4}; read_at nas ${relay.ipv4} | sed -n 1p`,
    );
    expect(said.split("\n")).toEqual([
      `nothing for phone at ${relay.ipv4}`,
      `nothing for stranger at ${relay.ipv4}`,
      "nothing for stranger at 203.0.113.1",
      `nothing for phone at ${relay.ipv4}`,
      `nothing for nas at ${relay.ipv4}`,
      "HTTP/1.0 200 OK\r",
      "",
    ]);
  },
);

test("a peer that asks again and again is let in ten times at once, and keeps nobody else out", () => {
  write("two", renderRelayRuleset({ ...firewall, metrics: { address: relay, peers: [nas, phone] } }));
  const said = inWorld(
    "two",
    `ip netns exec nas python3 -c '
import socket, time
all = [socket.socket() for _ in range(200)]
for one in all:
    one.setblocking(False)
    one.connect_ex(("${relay.ipv4}", ${metricsPort}))
time.sleep(0.8)
def connected(one):
    try:
        one.getpeername()
        return True
    except OSError:
        return False
print(sum(connected(one) for one in all))'
read_at phone ${relay.ipv4} | sed -n 1p`,
  );
  const [admitted, other] = said.split("\n");
  expect(Number(admitted)).toBeGreaterThanOrEqual(10);
  expect(Number(admitted)).toBeLessThanOrEqual(15);
  expect(other).toBe("HTTP/1.0 200 OK\r");
});

describe("a request", () => {
  /** In a network of its own, where there is neither a tunnel nor a rule. */
  function ask(input: string | Buffer, timeout = 60_000) {
    const { status, stdout, stderr } = spawnSync(
      "unshare",
      [...apart, "bash", join(folder, "lib/print-metrics.sh")],
      { input, encoding: "utf8", timeout, env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } },
    );
    const [head = "", body = ""] = stdout.split("\r\n\r\n");
    return { status, first: head.split("\r\n")[0], body, stderr };
  }

  test("of a relay with no tunnel and no rules is answered by the same grammar, and both are missed", () => {
    const { first, body, stderr } = ask("GET /metrics HTTP/1.1\r\n\r\n");
    expect([first, stderr]).toEqual(["HTTP/1.0 200 OK", ""]);
    const metrics = parseExposition(body);
    expect(lintExposition(metrics)).toEqual([]);
    expect(metrics.flatMap(({ samples }) => samples)).toEqual(
      expect.arrayContaining([
        ["homerelay_interface_up", 0],
        ["homerelay_rules_loaded", 0],
      ]),
    );
  });

  test.each([
    ["with a query", "GET /metrics?name=x HTTP/1.1\r\nAccept: */*\r\n\r\n", "200 OK"],
    ["by hand", "GET /metrics\n", "200 OK"],
    ["for another page", "GET / HTTP/1.1\r\n\r\n", "404 Not Found"],
    ["to change something", "POST /metrics HTTP/1.1\r\n\r\nx", "405 Method Not Allowed"],
    ["of another kind", "\u0016\u0003\u0001\n\n", "405 Method Not Allowed"],
    [
      "of a thousand lines",
      `GET /metrics HTTP/1.1\r\n${"A: b\r\n".repeat(1000)}\r\n`,
      "431 Request Header Fields Too Large",
    ],
    ["of 16 MB", Buffer.alloc(16 * 1024 * 1024, "x"), "431 Request Header Fields Too Large"],
  ])("%s", (_, input, answer) => {
    expect(ask(input).first).toBe(`HTTP/1.0 ${answer}`);
  });

  test("of nothing gets nothing", () => {
    expect(ask("")).toEqual({ status: 0, first: "", body: "", stderr: "" });
  });

  test("that cannot be answered is told what to type", () => {
    const names = readFileSync(join(folder, "etc/metrics"), "utf8");
    rmSync(join(folder, "etc/metrics"));
    const { first, body, stderr } = ask("GET /metrics HTTP/1.1\r\n\r\n");
    write("etc/metrics", names);
    expect(first).toBe("HTTP/1.0 500 Internal Server Error");
    expect(body).toBe(
      "The relay cannot read its own counters. On the relay, as root, see why:\n  echo 'GET /metrics' | " +
        `${folder}/lib/print-metrics.sh\n`,
    );
    expect(stderr).toContain("etc/metrics: No such file");
  });
});

test("a text that is none of the format, or goes by other names than it should, is seen", () => {
  expect(() => parseExposition("homerelay_up 1\n")).toThrow("no metric begins here");
  const metric = (name: string, type: string, samples: string) =>
    `# HELP ${name} Something.\n# TYPE ${name} ${type}\n${samples}`;
  expect(() => parseExposition(metric("homerelay_up", "gauge", "homerelay_up 1"))).toThrow();
  expect(() => parseExposition(metric("homerelay_up", "gauge", 'homerelay_up{a="b"c"} 1\n'))).toThrow();
  expect(() => parseExposition(metric("homerelay_up", "gauge", "homerelay_up none\n"))).toThrow();
  const lint = (name: string, type: string, samples: string) =>
    lintExposition(parseExposition(metric(name, type, samples)));
  expect(lint("homerelay_calls", "counter", "homerelay_calls 1\n")).toHaveLength(1);
  expect(lint("homerelay_age_minutes", "gauge", "homerelay_age_minutes 1\n")).toHaveLength(1);
  expect(lint("homerelay_up", "gauge", 'homerelay_up{a="b"} 1\nhomerelay_up{a="b"} 2\n')).toHaveLength(1);
});
