import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { renderGuard } from "../../../components/home/guard.ts";
import { parseForward } from "../../../components/network/forward.ts";
import { relay } from "../../unit/generators/examples.ts";
import { runTool } from "../tool.ts";
import { apart, ownNames } from "../world/namespaces.ts";

const home = { ipv4: "10.77.0.2", ipv6: "fd77::2" };
const stranger = { ipv4: "203.0.113.10", ipv6: "2001:db8:1::10" };
const forwards = ["80:8080", "9000-9100", "5000/udp", "5100-5200/udp"].map(parseForward);
const kept = ["80:8080"].map(parseForward);

const folder = mkdtempSync(join(tmpdir(), "home-relay-removed-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What the home's services hear of callers who talk before and after the guard has changed. */
const talk = `
import socket, subprocess, sys

kinds = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}

def inside(place):
    import ctypes, os
    with open("/run/netns/" + place) as it:
        if ctypes.CDLL(None, use_errno=True).setns(it.fileno(), 0): raise OSError(ctypes.get_errno(), place)

def hears(service):
    service.settimeout(0.3)
    try:
        return service.recv(100).decode()
    except TimeoutError:
        return "nothing"

def bound(family, kind, address, port):
    it = socket.socket(family, kinds[kind])
    it.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    it.bind((address, port))
    return it

flows = []
for line in sys.argv[2:]:
    kind, caller, to, port = line.split(" ")
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    inside("relay")
    call = bound(family, kind, caller, 0)
    inside("home")
    service = bound(family, kind, to, int(port))
    if kind == "udp":
        service.connect(call.getsockname())
        call.connect((to, int(port)))
    else:
        service.listen()
        call.connect((to, int(port)))
        listener = service
        service = listener.accept()[0]
        listener.close()
    call.send(b"before")
    before = hears(service)
    # A flow that is answered is established.
    service.send(b"answer")
    hears(call)
    flows.append((line, call, service, before))
subprocess.run(["ip", "netns", "exec", "home", "nft", "-f", sys.argv[1]], check=True)
for _, call, _, _ in flows: call.send(b"after")
for line, _, service, before in flows: print(line, before, hears(service))
`;

test("an open connection ends when its port is no longer forwarded, whoever the relay says is calling", () => {
  const files = {
    guard: renderGuard({ home, relay, forwards }),
    changed: renderGuard({ home, relay, forwards: kept }),
    "talk.py": talk,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const flows = [relay, stranger].flatMap((caller) =>
    (["ipv4", "ipv6"] as const).flatMap((family) =>
      ["tcp 8080", "tcp 9050", "udp 5000", "udp 5150"].map((what) => {
        const [kind = "", port = ""] = what.split(" ");
        return `${kind} ${caller[family]} ${home[family]} ${port}`;
      }),
    ),
  );
  const script = `set -euo pipefail
    ${ownNames}
    for name in relay home; do ip netns add $name; ip -n $name link set lo up; done
    ip -n relay link add homerelay type veth peer name homerelay netns home
    for name in relay home; do ip -n $name link set homerelay up; done
    for address in ${relay.ipv4}/16 ${stranger.ipv4}/24 "${relay.ipv6}/64 nodad" "${stranger.ipv6}/64 nodad"; do ip -n relay address add $address dev homerelay; done
    for address in ${home.ipv4}/16 "${home.ipv6}/64 nodad"; do ip -n home address add $address dev homerelay; done
    for gateway in ${relay.ipv4} ${relay.ipv6}; do ip -n home route add default via $gateway; done
    # The guard lets no neighbour discovery through the tunnel, and WireGuard needs none.
    ip -n relay neighbour add ${home.ipv6} lladdr $(ip netns exec home cat /sys/class/net/homerelay/address) dev homerelay
    ip -n home neighbour add ${relay.ipv6} lladdr $(ip netns exec relay cat /sys/class/net/homerelay/address) dev homerelay
    ip netns exec home nft -f ${folder}/guard
    python3 ${folder}/talk.py ${folder}/changed ${flows.map((flow) => `"${flow}"`).join(" ")}`;
  expect(
    runTool("util-linux iproute2 nftables python3", "unshare", [...apart, "bash", "-c", script])
      .trim()
      .split("\n"),
  ).toEqual(flows.map((flow) => `${flow} before ${flow.endsWith(" 8080") ? "after" : "nothing"}`));
});
