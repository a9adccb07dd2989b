#!/bin/bash
# stdin: a document with what a home needs before packets come through the tunnel: `guard` (nftables), `rules`
# (routing), `reserved-ports`. A changed forward touches nothing else at home.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh

readonly sysctls=/etc/sysctl.d/60-homerelay.conf
# What this host had before us, for uninstall-home.sh.
readonly before=$etc/before

main() {
  document=$(mktemp -d)
  trap 'rm -rf "$document"' EXIT
  split_document "$document"
  apply_guard "$document/guard"
  apply_sysctls "$(cat "$document/reserved-ports")"
  apply_rules "$document/rules"
  say "the guard is as it should be"
}

# In force before the tunnel can carry its first packet.
apply_guard() { # FILE
  nft -c -f "$1" || die "nft refuses the guard; nothing was changed"
  if write_if_changed 0644 "$etc/firewall.nft" <"$1"; then
    nft -f "$etc/firewall.nft"
    say "guard loaded"
  fi
  systemctl enable --quiet homerelay-firewall.service
  systemctl start homerelay-firewall.service
}

# Marked packets must pass the reverse path filter by their mark, and no program of the home's own may be given a
# source port that a forward uses.
apply_sysctls() { # RESERVED-PORTS
  local ports
  if [ ! -f "$before" ]; then
    printf 'net.ipv4.conf.all.src_valid_mark=%s\nnet.ipv4.ip_local_reserved_ports=%s\n' \
      "$(sysctl -n net.ipv4.conf.all.src_valid_mark)" "$(sysctl -n net.ipv4.ip_local_reserved_ports)" >"$before"
  fi
  ports=$(sed -n 's/^net.ipv4.ip_local_reserved_ports=//p' "$before")
  ports=$ports${ports:+${1:+,}}$1
  printf 'net.ipv4.conf.all.src_valid_mark=1\nnet.ipv4.ip_local_reserved_ports=%s\n' "$ports" |
    write_if_changed 0644 "$sysctls" || return 0
  sysctl -q -p "$sysctls"
}

# With no tunnel there is nothing to route yet: it sets the rules itself when it starts.
apply_rules() { # FILE
  write_if_changed 0644 "$etc/rules" <"$1" || return 0
  ip link show dev "$interface" >/dev/null 2>&1 || return 0
  /usr/local/lib/homerelay/sync-routes.sh
  say "routing rules brought in line"
}

main "$@"
