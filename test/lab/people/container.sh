#!/bin/sh
# Makes what Docker makes for a container with published ports: a bridge, a network namespace and Docker's own chains
# of iptables, for both address families. The machine routes for everybody (FORWARD accepts), as where forwarding was
# on before Docker came: for a guard that is the hardest case.
# usage: container.sh [PUBLISHED:INSIDE/PROTOCOL...]
set -eu
export LC_ALL=C

main() {
  sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  ip link add docker0 type bridge
  ip address add 172.17.0.1/16 dev docker0
  ip address add fd00:d0c::1/64 dev docker0 nodad
  ip link set docker0 up
  ip netns add container
  ip link add veth-container type veth peer name eth0 netns container
  ip link set veth-container master docker0 up
  ip -n container link set lo up
  ip -n container link set eth0 up
  ip -n container address add 172.17.0.2/16 dev eth0
  ip -n container address add fd00:d0c::2/64 dev eth0 nodad
  ip -n container route add default via 172.17.0.1
  ip -n container route add default via fd00:d0c::1
  make_chains iptables 172.17.0.0/16 127.0.0.0/8
  make_chains ip6tables fd00:d0c::/64 ::1/128
  for port in "$@"; do
    publish iptables 172.17.0.2 172.17.0.2 "$port"
    publish ip6tables fd00:d0c::2 '[fd00:d0c::2]' "$port"
  done
}

make_chains() { # COMMAND NETWORK LOOPBACK
  "$1" -t nat -N DOCKER
  "$1" -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
  "$1" -t nat -A OUTPUT ! -d "$3" -m addrtype --dst-type LOCAL -j DOCKER
  "$1" -t nat -A POSTROUTING -s "$2" ! -o docker0 -j MASQUERADE
  "$1" -t nat -A DOCKER -i docker0 -j RETURN
  "$1" -N DOCKER
  "$1" -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
  "$1" -A FORWARD -o docker0 -j DOCKER
  "$1" -A FORWARD -i docker0 -j ACCEPT
}

publish() { # COMMAND ADDRESS BRACKETED-ADDRESS PUBLISHED:INSIDE/PROTOCOL
  protocol=${4#*/} ports=${4%/*}
  "$1" -t nat -A DOCKER ! -i docker0 -p "$protocol" --dport "${ports%:*}" \
    -j DNAT --to-destination "$3:${ports#*:}"
  "$1" -A DOCKER -d "$2" ! -i docker0 -o docker0 -p "$protocol" --dport "${ports#*:}" -j ACCEPT
}

main "$@"
