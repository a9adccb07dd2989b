#!/bin/bash
# stdin: a document with what a home needs before packets come through the tunnel: `guard` (nftables), `rules`
# (routing), `sysctls`. A changed forward touches nothing else at home.
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
  apply_sysctls "$document/sysctls"
  apply_rules "$document/rules"
  say "the guard is as it should be"
  /usr/local/lib/homerelay/name-neighbours.sh
}

# In force before the tunnel can carry its first packet.
apply_guard() { # FILE
  nft -c -f "$1" || die "nft refuses the guard; nothing was changed"
  if write_if_changed 0644 "$etc/firewall.nft" <"$1"; then say "the guard has changed"; fi
  # Loaded in any case: somebody may have changed the table by hand.
  nft -f "$etc/firewall.nft"
  systemctl enable --quiet homerelay-firewall.service
  systemctl start homerelay-firewall.service
}

# Only keys that we need, or needed before: those get back the value from before us, and all others are left alone.
apply_sysctls() { # FILE
  local key old ours
  touch "$before" "$sysctls"
  for key in net.ipv4.conf.all.src_valid_mark net.ipv4.ip_local_reserved_ports net.ipv4.ip_forward; do
    remember "$key"
  done
  if grep -q '^net.ipv6.conf.all.forwarding=' "$1" "$before"; then
    keep_router_advertisements >>"$1"
    remember net.ipv6.conf.all.forwarding
  fi
  while IFS='=' read -r key old; do
    ours=$(sed -n "s|^$key=||p" "$1")
    [ -n "$ours" ] || grep -q "^$key=" "$sysctls" || continue
    # Ports that somebody else has reserved stay reserved.
    if [ "$key" = net.ipv4.ip_local_reserved_ports ]; then ours=$old${old:+${ours:+,}}$ours; fi
    printf '%s=%s\n' "$key" "${ours:-$old}"
  done <"$before" >"$1.merged"
  write_if_changed 0644 "$sysctls" <"$1.merged" || return 0
  # -e: an interface may be gone since.
  sysctl -q -e -p "$sysctls"
}

# Notes the value that a key had before us, once.
remember() { # KEY
  [ -e "/proc/sys/$(tr . / <<<"$1")" ] || [[ $1 == */* ]] || return 0
  grep -q "^$1=" "$before" || printf '%s=%s\n' "$1" "$(sysctl -n "$1")" >>"$before"
}

# Who passes IPv6 on takes no default route from a router, unless told to. Prints the setting for each interface on
# which this host has one from there, or had when we came; it has to stand before the one that lets packets through.
keep_router_advertisements() {
  local link
  ip -6 route show default proto ra | sed -n 's/.* dev \([^ ]*\).*/\1/p' | sort -u | while read -r link; do
    if [ "$(cat "/proc/sys/net/ipv6/conf/$link/accept_ra")" = 1 ]; then remember "net/ipv6/conf/$link/accept_ra"; fi
  done
  if grep -q '^net.ipv6.conf.all.forwarding=1' "$document/sysctls"; then
    sed -n 's|^\(net/ipv6/.*/accept_ra\)=1$|\1=2|p' "$before"
  fi
}

# With no tunnel there is nothing to route yet: it sets the rules itself when it starts.
apply_rules() { # FILE
  if write_if_changed 0644 "$etc/rules" <"$1"; then say "the routing rules have changed"; fi
  ip link show dev "$interface" >/dev/null 2>&1 || return 0
  /usr/local/lib/homerelay/sync-routes.sh
}

main "$@"
