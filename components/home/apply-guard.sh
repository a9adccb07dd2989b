#!/bin/bash
# stdin: a document with what a home needs before packets come through the tunnel: `guard` (nftables), `rules`
# (routing), `sysctls`. A changed forward touches nothing else at home.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh
# shellcheck source=../host/restore-sysctls.sh
. /usr/local/lib/homerelay/restore-sysctls.sh

readonly sysctls=/etc/sysctl.d/60-homerelay.conf
# What this host had before us, for uninstall-home.sh.
readonly before=$etc/before

main() {
  local swallowing
  document=$(mktemp -d)
  trap 'rm -rf "$document"' EXIT
  split_document "$document"
  apply_guard "$document/guard"
  apply_sysctls "$document/sysctls"
  apply_rules "$document/rules"
  say "the guard is as it should be"
  # Forwards are tried at the end, and told then what swallows them.
  swallowing=$(/usr/local/lib/homerelay/name-neighbours.sh guests)
  [ -z "$swallowing" ] || die "$swallowing
Devices do not get through until that is done. The guard is in force; run the same command again then."
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

# Only keys that we need: what one had before us is noted when it is first needed, and given back when no longer.
apply_sysctls() { # FILE
  local key old ours
  [ -e "$before" ] || note_bridges >"$before"
  touch "$sysctls"
  for key in net.ipv4.conf.all.src_valid_mark net.ipv4.ip_local_reserved_ports net.ipv4.ip_forward; do
    if is_wanted "$key" "$1"; then remember "$key"; fi
  done
  if is_wanted net.ipv6.conf.all.forwarding "$1"; then
    keep_router_advertisements >>"$1"
    remember net.ipv6.conf.all.forwarding
  fi
  : >"$1.merged"
  : >"$1.given-back"
  while IFS='=' read -r key old; do
    if [[ $key == '#'* ]]; then continue; fi
    if ! is_wanted "$key" "$1"; then
      printf '%s=%s\n' "$key" "$old" >>"$1.given-back"
      continue
    fi
    ours=$(sed -n "s|^$key=||p" "$1")
    # Ports that somebody else has reserved stay reserved.
    if [ "$key" = net.ipv4.ip_local_reserved_ports ]; then ours=$old${old:+,}$ours; fi
    printf '%s=%s\n' "$key" "$ours" >>"$1.merged"
  done <"$before"
  restore_sysctls "$1.given-back"
  grep -vxFf "$1.given-back" "$before" | write_if_changed 0644 "$before" || : # nothing was given back
  write_if_changed 0644 "$sysctls" <"$1.merged" || return 0
  # -e: an interface may be gone since.
  sysctl -q -e -p "$sysctls"
}

is_wanted() { # KEY FILE
  grep -q "^$1=" "$2"
}

# Notes the value that a key has before us.
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
  sed -n 's|^\(net/ipv6/.*/accept_ra\)=1$|\1=2|p' "$before"
}

# With no tunnel there is nothing to route yet: it sets the rules itself when it starts.
apply_rules() { # FILE
  if write_if_changed 0644 "$etc/rules" <"$1"; then say "the routing rules have changed"; fi
  ip link show dev "$interface" >/dev/null 2>&1 || return 0
  /usr/local/lib/homerelay/sync-routes.sh
}

main "$@"
