#!/bin/sh
# Makes tables such as others have on a machine: the owner's own, one that is called like ours in another family, and
# chains as ufw and Docker make them with iptables. None of them stops anything.
# usage: foreign-tables.sh
set -eu
export LC_ALL=C

main() {
  nft -f - <<'END'
table inet mine {
  set friends {
    type ipv4_addr
    flags interval
    elements = { 192.0.2.0/24, 203.0.113.7 }
  }
  chain input {
    type filter hook input priority filter + 10; policy accept;
    ip saddr @friends tcp dport 22 counter accept comment "friends"
  }
}
table ip homerelay {
  chain prerouting {
    type filter hook prerouting priority mangle; policy accept;
    ip daddr 192.0.2.77 counter drop
  }
}
END
  for iptables in iptables ip6tables; do
    "$iptables" -N ufw-user-input
    "$iptables" -A INPUT -j ufw-user-input
    "$iptables" -A ufw-user-input -p tcp --dport 22 -j ACCEPT
    "$iptables" -A FORWARD -p tcp --dport 25 -j DROP
    "$iptables" -t nat -N DOCKER
    "$iptables" -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
    "$iptables" -t nat -A DOCKER -i docker0 -j RETURN
  done
}

main "$@"
