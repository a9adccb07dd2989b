#!/bin/sh
# Restarts the container of container.sh as Docker does when others were started meanwhile: it comes back with the next
# address, its rules lead there, and what the tracker knows of the old address is forgotten.
# usage: move-container.sh UNIT PORT, a unit that runs in the container, and the port that it published over TCP and UDP
set -eu
export LC_ALL=C

main() {
  systemctl stop "$1"
  ip -n container address delete 172.17.0.2/16 dev eth0
  ip -n container address delete fd00:d0c::2/64 dev eth0
  ip -n container address add 172.17.0.3/16 dev eth0
  ip -n container address add fd00:d0c::3/64 dev eth0 nodad
  ip -n container route replace default via 172.17.0.1
  ip -n container route replace default via fd00:d0c::1
  for protocol in tcp udp; do
    move iptables 172.17.0 . '' '' "$2" "$protocol"
    move ip6tables fd00:d0c: : '[' ']' "$2" "$protocol"
  done
  # Where the tracker knows none there is nothing to forget.
  conntrack --delete --reply-src 172.17.0.2 >/dev/null 2>&1 || :
  conntrack --delete --family ipv6 --reply-src fd00:d0c::2 >/dev/null 2>&1 || :
  systemctl start "$1"
}

move() { # COMMAND NETWORK SEPARATOR OPENING CLOSING PORT PROTOCOL
  "$1" -t nat -D DOCKER ! -i docker0 -p "$7" --dport "$6" -j DNAT --to-destination "$4$2$3""2$5:$6"
  "$1" -t nat -A DOCKER ! -i docker0 -p "$7" --dport "$6" -j DNAT --to-destination "$4$2$3""3$5:$6"
  "$1" -D DOCKER -d "$2$3""2" ! -i docker0 -o docker0 -p "$7" --dport "$6" -j ACCEPT
  "$1" -A DOCKER -d "$2$3""3" ! -i docker0 -o docker0 -p "$7" --dport "$6" -j ACCEPT
}

main "$@"
