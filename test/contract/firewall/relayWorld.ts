import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { media, nas, relay } from "../../unit/generators/examples.ts";
import { runTool } from "../tool.ts";
import { apart, ownNames } from "../world/namespaces.ts";

/** Where the people and machines of the world are. The operator and the stranger share a machine, and have an address each. */
export const at = {
  relay: { ipv4: "203.0.113.1", ipv6: "2001:db8:1::1" },
  operator: { ipv4: "203.0.113.9", ipv6: "2001:db8:1::9" },
  stranger: { ipv4: "198.51.100.10", ipv6: "2001:db8:2::10" },
} as const;

/**
 * A relay between the internet and two homes, each in a network namespace; a bridge stands for the tunnel:
 *   outside ── eth0 relay homerelay ── tunnel ── homerelay nas
 *                                            ── homerelay media
 * All that the homes send goes into the tunnel, and there to the relay alone. Everything ends with the call.
 */
const raise = `
  ${ownNames}
  for name in outside relay tunnel nas media; do
    ip netns add $name
    ip netns exec $name sysctl -qw net.ipv6.conf.default.accept_dad=0
    ip -n $name link set lo up
  done
  ip -n relay link add eth0 type veth peer name eth0 netns outside
  ip -n tunnel link add bridge type bridge
  ip -n tunnel link set bridge up
  for name in relay nas media; do
    ip -n $name link add homerelay type veth peer name $name netns tunnel
    ip -n tunnel link set $name master bridge up
    ip -n $name link set homerelay up
  done
  ip netns exec relay sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  ip -n relay -batch - <<END
    link set eth0 up
    address add ${at.relay.ipv4}/24 dev eth0
    address add ${at.relay.ipv6}/64 nodad dev eth0
    route add 198.51.100.0/24 dev eth0
    route add 2001:db8:2::/64 dev eth0
    address add ${relay.ipv4}/16 dev homerelay
    address add ${relay.ipv6}/64 nodad dev homerelay
END
  ip -n outside -batch - <<END
    link set eth0 up
    address add ${at.stranger.ipv4}/24 dev eth0
    address add ${at.stranger.ipv6}/64 nodad dev eth0
    address add ${at.operator.ipv4}/24 dev eth0
    address add ${at.operator.ipv6}/64 nodad dev eth0
    route replace ${at.relay.ipv4}/32 dev eth0 src ${at.stranger.ipv4}
    route replace ${at.relay.ipv6}/128 dev eth0 src ${at.stranger.ipv6}
END
  home() { # NAME IPV4 IPV6
    ip -n tunnel link set $1 type bridge_slave isolated on
    ip -n $1 -batch - <<END
      address add $2/32 dev homerelay
      address add $3/128 nodad dev homerelay
      route add ${relay.ipv4} dev homerelay
      route add ${relay.ipv6} dev homerelay
      route add default via ${relay.ipv4}
      route add default via ${relay.ipv6}
END
  }
  home nas ${nas.ipv4} ${nas.ipv6}
  home media ${media.ipv4} ${media.ipv6}
`;

/**
 * For the lines of bash: `on NAME COMMAND…` runs in a namespace, `load NAME` loads a file of the world at the relay,
 * `serve NAME PORT WORD` and `listen NAME PORT` start services, `stop` the last of them, and `ask NAME FROM ADDRESS PORT
 * [TRIES]` and `connect NAME ADDRESS PORT COUNT` print what talk.ts says.
 */
const verbs = `
  on() { ip netns exec "$@"; }
  load() { on relay nft -f "$folder/$1"; }
  talk="${process.execPath} ${join(__dirname, "talk.ts")}"
  ready() { # NAME PROTOCOL PORT
    for _ in {1..100}; do
      if [ -n "$(on $1 ss -Hln$2 "sport = :$3")" ]; then return; fi
      sleep 0.05
    done
    echo "nothing listens in $1 at $3"; return 1
  }
  serve() { ip netns exec $1 $talk serve $2 $3 & last=$!; ready $1 u $2; }
  listen() { ip netns exec $1 $talk listen $2 & last=$!; ready $1 t $2; }
  stop() { kill $last; wait $last || :; }
  ask() { on $1 $talk ask $2 $3 $4 \${5:-1}; }
  connect() { on $1 $talk connect $2 $3 $4; }
`;

/** Runs lines of bash in the world and returns what they print; `files` are there by their names. */
export function inRelayWorld(files: Readonly<Record<string, string>>, ...lines: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "home-relay-world-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const script = ["set -euo pipefail", `folder=${folder}`, raise, verbs, ...lines].join("\n");
    writeFileSync(join(folder, "script"), script);
    return runTool("util-linux iproute2 nftables conntrack", "unshare", [
      ...apart,
      "bash",
      join(folder, "script"),
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
