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
  if [ ! -f "$before" ]; then
    for key in conf.all.src_valid_mark ip_local_reserved_ports ip_forward; do
      printf 'net.ipv4.%s=%s\n' "$key" "$(sysctl -n "net.ipv4.$key")"
    done >"$before"
  fi
  touch "$sysctls"
  while IFS='=' read -r key old; do
    ours=$(sed -n "s/^$key=//p" "$1")
    [ -n "$ours" ] || grep -q "^$key=" "$sysctls" || continue
    # Ports that somebody else has reserved stay reserved.
    if [ "$key" = net.ipv4.ip_local_reserved_ports ]; then ours=$old${old:+${ours:+,}}$ours; fi
    printf '%s=%s\n' "$key" "${ours:-$old}"
  done <"$before" >"$1.merged"
  write_if_changed 0644 "$sysctls" <"$1.merged" || return 0
  sysctl -q -p "$sysctls"
}

# With no tunnel there is nothing to route yet: it sets the rules itself when it starts.
apply_rules() { # FILE
  if write_if_changed 0644 "$etc/rules" <"$1"; then say "the routing rules have changed"; fi
  ip link show dev "$interface" >/dev/null 2>&1 || return 0
  /usr/local/lib/homerelay/sync-routes.sh
}

main "$@"
