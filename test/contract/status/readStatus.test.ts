/** What a host says of itself, with the real nft where packets pass, and a `wg` that has peers. */
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { runTool } from "../tool.ts";
import { apart, needTools, ownNames } from "../world/namespaces.ts";

jest.setTimeout(60_000);

const components = join(__dirname, "../../../components");

let folder: string;
beforeEach(() => {
  needTools({ nft: "nftables", ip: "iproute2", python3: "python3" });
  folder = mkdtempSync(join(tmpdir(), "home-relay-status-"));
  mkdirSync(join(folder, "bin"));
  mkdirSync(join(folder, "lib/homerelay"), { recursive: true });
  for (const room of ["host", "status"])
    for (const script of readdirSync(join(components, room)).filter((name) => name.endsWith(".sh")))
      install(`${room}/${script}`);
});
afterEach(() => rmSync(folder, { recursive: true }));

function install(source: string): void {
  const path = join(folder, "lib/homerelay", basename(source));
  copyFileSync(join(components, source), path);
  chmodSync(path, 0o755);
}

function tool(name: string, text: string): void {
  writeFileSync(join(folder, "bin", name), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
}

/** Runs lines of shell where our scripts lie in place and nothing of this machine is touched. */
function inWorld(lines: string): string {
  const world = `${ownNames}; mount --bind ${folder}/lib /usr/local/lib; export PATH=${folder}/bin:$PATH
${lines}`;
  return runTool("util-linux", "unshare", [...apart, "bash", "-ec", world]);
}

const read = "/usr/local/lib/homerelay/read-status.sh";
const facts = (said: string) =>
  said
    .trim()
    .split("\n")
    .filter((line) => !/^(now|up|disk|tracked|restart|updates|traffic) /.test(line));

/** A stranger, a relay whose tunnel is a wire, and a home that answers. */
const world = `for n in stranger relay home; do ip netns add $n; ip -n $n link set lo up; done
ip link add s0 netns stranger type veth peer name wan netns relay
ip link add homerelay netns relay type veth peer name homerelay netns home
ip -n stranger addr add 192.0.2.2/24 dev s0; ip -n stranger link set s0 up
ip -n relay addr add 192.0.2.1/24 dev wan; ip -n relay link set wan up
ip -n relay addr add 10.77.0.1/24 dev homerelay; ip -n relay link set homerelay up
ip -n home addr add 10.77.0.2/24 dev homerelay; ip -n home link set homerelay up
ip -n home route add default via 10.77.0.1
ip netns exec relay sysctl -qw net.ipv4.ip_forward=1
ip netns exec relay nft -f - <<'RULES'
table inet homerelay {
	chain prerouting {
		type nat hook prerouting priority dstnat - 10
		iifname wan tcp dport 80 dnat ip to 10.77.0.2:8080
		iifname wan udp dport 53 dnat ip to 10.77.0.2:5353
	}
	chain postrouting {
		type nat hook postrouting priority srcnat
		oifname homerelay udp dport 5353 masquerade
	}
}
RULES
ip netns exec relay nft -f ${join(components, "firewall/counters.nft")}
ip netns exec home python3 - <<'SERVICE' &
import socket, threading
page = socket.create_server(("0.0.0.0", 8080), backlog=50)
names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
names.bind(("0.0.0.0", 5353))
def answer():
    while True:
        data, caller = names.recvfrom(100)
        names.sendto(data * 2, caller)
threading.Thread(target=answer, daemon=True).start()
while True:
    caller, _ = page.accept()
    caller.sendall(b"x" * 5000)
    caller.recv(10)
    caller.close()
SERVICE
service=$!
for try in $(seq 50); do ip netns exec home ss -ltn 2>/dev/null | grep -q :8080 && break; sleep 0.1; done
ip netns exec stranger python3 - <<'STRANGER'
import socket
for _ in range(7):
    page = socket.create_connection(("192.0.2.1", 80), 5)
    left = 5000
    while left:
        left -= len(page.recv(9000))
    page.sendall(b"thanks")
    page.close()
for _ in range(3):
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.settimeout(5)
    for _ in range(4):
        names.sendto(b"ab", ("192.0.2.1", 53))
        names.recv(100)
STRANGER
`;

test("a relay tells what its peers and its forwards carry: seven connections and three flows are seven and three, also where the caller is hidden", () => {
  install("firewall/counters.nft");
  tool(
    "wg",
    `case "$*" in
  "show homerelay public-key") echo own ;;
  "show homerelay endpoints") printf 'a=\\t203.0.113.5:4000\\nb=\\t(none)\\n' ;;
  "show homerelay latest-handshakes") printf 'a=\\t1795969453\\nb=\\t0\\n' ;;
  "show homerelay transfer") printf 'a=\\t100\\t2000\\nb=\\t0\\t0\\n' ;;
  *) echo "not asked for: $*" >&2; exit 1 ;;
esac`,
  );
  tool("systemctl", "echo 'homerelay-dyndns.service loaded failed failed home-relay: names'");
  const said = inWorld(`${world}
ip netns exec relay ${read}
kill $service`);
  expect(facts(said)).toEqual([
    "status 1",
    "failed homerelay-dyndns.service",
    "peer a= 203.0.113.5:4000 1795969453 100 2000",
    "peer b= - 0 0 0",
    expect.stringMatching(/^count connections_tcp 80 7 \d+$/),
    expect.stringMatching(/^count connections_udp 53 3 \d+$/),
    expect.stringMatching(/^count received_tcp 80 \d+ \d+$/),
    "count received_udp 53 12 360",
    expect.stringMatching(/^count sent_tcp 80 \d+ 3\d{4}$/),
    "count sent_udp 53 12 384",
    "end",
  ]);
  expect(said).toMatch(/^now \d+\nup \d+$/m);
  expect(said).toMatch(/^disk \d+ \d+$/m);
  expect(said).toMatch(/^traffic \d{4}-\d\d \d+ \d+ \d+$/m);
});

test("a host with nothing of ours in its kernel says so, to the end", () => {
  tool("wg", "exit 1");
  tool("systemctl", "exit 1");
  tool("apt-get", "exit 100");
  rmSync(join(folder, "lib/homerelay/remember-traffic.sh"));
  expect(facts(inWorld(read))).toEqual(["status 1", "missing interface", "missing rules", "end"]);
});

test("a restart that is due is told with what wants it, and updates with those of security", () => {
  tool("wg", "exit 1");
  tool("systemctl", "exit 1");
  tool(
    "apt-get",
    "printf 'Inst bash [5] (6 Debian:13.1/stable [amd64])\\nInst openssl [3] (4 Debian-Security:13/stable-security [amd64])\\nConf bash\\n'",
  );
  const said =
    inWorld(`echo restart >/run/reboot-required; printf 'linux-image\\nlibc6\\nlibc6\\n' >/run/reboot-required.pkgs
${read}`);
  expect(said.split("\n").filter((line) => /^(restart|updates)/.test(line))).toEqual([
    "restart libc6 linux-image",
    "updates 2 1",
  ]);
});
