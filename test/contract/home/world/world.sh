# shellcheck shell=bash
# A small world in network namespaces, sourced by homeWorld.test.ts: a stranger and the relay on the internet; a home
# router that translates IPv4, forwards ports of its own, and has native IPv6 for the LAN; the home and somebody else in
# that LAN; a container behind the home. The cable between relay and home stands in for the tunnel: what it lets through
# is what WireGuard would, but nothing on it is encrypted, and it needs neighbours where WireGuard needs none.
#
# $documents is a folder with what is rendered: guard, relay.nft, routes, sysctls, ruleset; $scripts one with
# sync-routes.sh, ready to run.
: "${documents:?}" "${scripts:?}"
readonly places=(internet stranger relay router lan home container)

at() { # PLACE COMMAND…
  ip netns exec "$1" "${@:2}"
}

address() { # PLACE ADDRESS DEVICE
  local early=()
  if [[ $2 == *:* ]]; then early=(nodad); fi
  ip -n "$1" address add "$2" dev "$3" "${early[@]}"
}

way() { # PLACE GATEWAY…
  local gateway
  for gateway in "${@:2}"; do ip -n "$1" route add default via "$gateway"; done
}

cable() { # PLACE DEVICE PLACE DEVICE
  ip link add "$2" netns "$1" type veth peer name "$4" netns "$3"
  ip -n "$1" link set "$2" up
  ip -n "$3" link set "$4" up
}

raise() { # [public]
  local place
  for place in "${places[@]}"; do
    ip netns add "$place"
    ip -n "$place" link set lo up
  done
  cable internet to-stranger stranger eth0
  cable internet to-relay relay eth0
  cable internet to-router router outside
  cable router to-home home eth0
  cable router to-lan lan eth0
  cable relay homerelay home homerelay
  for place in relay home; do ip -n "$place" link set homerelay mtu 1420; done
  cable home to-container container eth0
  address internet 203.0.113.1/24 to-stranger
  address internet 2001:db8:1::1/64 to-stranger
  address internet 198.51.100.1/24 to-relay
  address internet 2001:db8:2::1/64 to-relay
  address internet 192.0.2.1/24 to-router
  address internet 2001:db8:f::1/64 to-router
  address stranger 203.0.113.10/24 eth0
  address stranger 2001:db8:1::10/64 eth0
  way stranger 203.0.113.1 2001:db8:1::1
  address relay 198.51.100.2/24 eth0
  address relay 2001:db8:2::2/64 eth0
  way relay 198.51.100.1 2001:db8:2::1
  address router 192.0.2.77/24 outside
  address router 2001:db8:f::2/64 outside
  way router 192.0.2.1 2001:db8:f::1
  ip -n router link add lan type bridge
  ip -n router link set lan up
  ip -n router link set to-home master lan
  ip -n router link set to-lan master lan
  address router "${lan4:=192.168.1}.1/24" lan
  address router 2001:db8:aa::1/64 lan
  address home "$lan4.10/24" eth0
  address home 2001:db8:aa::10/64 eth0
  way home "$lan4.1" 2001:db8:aa::1
  address lan "$lan4.50/24" eth0
  address lan 2001:db8:aa::50/64 eth0
  way lan "$lan4.1" 2001:db8:aa::1
  ip -n internet route add 2001:db8:aa::/64 via 2001:db8:f::2
  address relay 10.77.0.1/16 homerelay
  address relay fd77::1/64 homerelay
  address home 10.77.0.2/16 homerelay
  address home fd77::2/64 homerelay
  address home 172.17.0.1/16 to-container
  address container 172.17.0.2/16 eth0
  way container 172.17.0.1
  know_each_other
  for place in internet relay router; do
    at "$place" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  done
  at home sysctl -qw net.ipv4.ip_forward=1
  at router nft -f - <<<"
    table ip nat {
      chain postrouting { type nat hook postrouting priority srcnat; oifname outside ip saddr 192.168.0.0/16 masquerade; }
      chain prerouting { type nat hook prerouting priority dstnat; ip daddr 192.0.2.77 udp dport { 5000, 5060 } dnat to $lan4.10; }
    }"
  if [ "$lan4" != 192.168.1 ]; then ip -n internet route add "$lan4.0/24" via 192.0.2.77; fi
  at relay nft -f "$documents/ruleset"
}

# The guard lets no neighbour discovery through the tunnel, and WireGuard needs none.
know_each_other() {
  local mac
  for pair in "home relay fd77::1 10.77.0.1" "relay home fd77::2 10.77.0.2"; do
    read -r one other six four <<<"$pair"
    mac=$(at "$other" cat /sys/class/net/homerelay/address)
    ip -n "$one" neighbour replace "$six" lladdr "$mac" dev homerelay nud permanent
    ip -n "$one" neighbour replace "$four" lladdr "$mac" dev homerelay nud permanent
  done
}

# Over a cable a route needs somebody to send to, as the script's own does not.
sync_routes() {
  ip -n home -4 route flush table 18546 2>/dev/null || :
  ip -n home -6 route flush table 18546 2>/dev/null || :
  at home bash "$scripts/sync-routes.sh"
  ip -n home -4 route replace default via 10.77.0.1 dev homerelay table 18546
  ip -n home -6 route replace default via fd77::1 dev homerelay table 18546
}

# What the steps of a home do.
join_relay() {
  at home nft -f "$documents/guard"
  at home nft -f "$documents/relay.nft"
  sync_routes
  sed 's/^-//; s/[+>]=/=/' "$documents/sysctls" | at home sysctl -qp -
  at home sysctl -qw "net.ipv4.conf.all.rp_filter=${rp_filter:=0}" "net.ipv4.conf.eth0.rp_filter=$rp_filter" "net.ipv4.conf.homerelay.rp_filter=$rp_filter"
}

# Docker's, without its proxy.
publish_container() { # UDP-PORT TCP-PORT
  at home nft -f - <<<"
    table ip docker {
      chain published { fib daddr type local udp dport $1 dnat to 172.17.0.2:$1; fib daddr type local tcp dport $2 dnat to 172.17.0.2:$2; }
      chain prerouting { type nat hook prerouting priority dstnat; jump published; }
      chain output { type nat hook output priority -100; ip daddr != 127.0.0.0/8 jump published; }
      chain postrouting { type nat hook postrouting priority srcnat; ip saddr 172.17.0.0/16 oifname != \"to-container\" masquerade; }
    }"
}

take_down() {
  local place pids
  for place in "${places[@]}"; do
    pids=$(ip netns pids "$place" 2>/dev/null || :)
    # shellcheck disable=SC2086 # a list of numbers
    if [ -n "$pids" ]; then kill -9 $pids 2>/dev/null || :; fi
    ip netns delete "$place" 2>/dev/null || :
  done
}
