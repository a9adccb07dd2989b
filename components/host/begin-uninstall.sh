# shellcheck shell=bash
# Read by `bash -s` on a host, before the script that takes our things away there. Packages stay.
# Arguments: the stack's id, and what the host is to that stack.
set -euo pipefail
export LC_ALL=C
exec 2>&1
trap '' PIPE HUP

# From paths.sh.
: "${etc:?}" "${installed_list:?}" "${owner_file:?}" "${sysctl_file:?}"

# What another stack set up is not ours to remove, nor what this one has under another name by now. Neither is a reason
# to fail: of what this name had here nothing is left.
leave_to_owner() { # STACK-ID NAME
  local id name
  [ -f "$owner_file" ] || return 0
  id=$(sed -n 's/^id //p' "$owner_file")
  name=$(sed -n 's/^host //p' "$owner_file")
  if [ "$id" != "$1" ]; then
    say "this host belongs to another stack, $(sed -n 's/^stack //p' "$owner_file"), which calls it $name; nothing was touched"
    exit 0
  fi
  if [ "$name" != "$2" ]; then
    say "this host goes on as $name; nothing was touched"
    exit 0
  fi
}

# The tunnel goes before the firewall that judges it, and once nothing starts any more by itself.
stop_units() {
  local unit
  # At once: the tunnel's unit keeps a timer going, and what that has begun starts the tunnel.
  # shellcheck disable=SC2046 # each unit is a word
  systemctl stop --quiet wg-quick@homerelay.service $(our_units timer) homerelay-mend.service 2>/dev/null || : # not there
  for unit in $(our_units timer) wg-quick@homerelay.service $(our_units service) $(our_units socket); do
    systemctl disable --now --quiet "$unit" 2>/dev/null || : # not there: nothing to stop
    systemctl reset-failed "$unit" 2>/dev/null || :
  done
  systemctl stop --quiet 'homerelay-*@*.service' 2>/dev/null || : # nobody reads the metrics at this moment
}

# The units on the list of what we have put here, and those that lie here, since the list may be damaged or missing.
our_units() { # timer|service|socket
  {
    sed -n 's|^file /etc/systemd/system/||p' "$installed_list" 2>/dev/null || : # no list
    ls /etc/systemd/system
  } | grep -x "homerelay-[^/ ]*\.$1" | sort -u || : # none
}

# Its unit has done it, unless it was not running.
remove_tunnel() {
  if [ -x /usr/local/lib/homerelay/sync-routes.sh ]; then
    /usr/local/lib/homerelay/sync-routes.sh remove || say "routing rules may be left here: ip rule"
  fi
  ip link delete dev homerelay 2>/dev/null || : # not there
}

remove_tables() { # NAME…
  local table
  command -v nft >/dev/null || return 0
  for table; do
    if nft -t list table inet "$table" >/dev/null 2>&1; then nft delete table inet "$table"; fi
  done
}

remove_files() {
  find "$etc/" -mindepth 1 -delete 2>/dev/null || : # not there; a link to somewhere else would go alone
  rm -rf "$etc" /usr/local/lib/homerelay /var/lib/homerelay
  rm -f /etc/systemd/system/wg-quick@homerelay.service.d/homerelay{,-relay}.conf{,.next}
  rmdir --ignore-fail-on-non-empty /etc/systemd/system/wg-quick@homerelay.service.d 2>/dev/null || : # not there
  # Also what a step that was cut off had not yet moved into place.
  rm -f /etc/systemd/system/nftables.service.d/homerelay.conf{,.next}
  rmdir --ignore-fail-on-non-empty /etc/systemd/system/nftables.service.d 2>/dev/null || : # not there
  rm -rf /etc/systemd/system/homerelay-* /etc/wireguard/homerelay.{conf,conf.next,next} "$sysctl_file"{,.next}
  rm -rf /run/homerelay.lock /run/homerelay-{routes,table,mended,silence}{,.*} /run/homerelay-ssh-fallback /run/homerelay-endpoints.lock
  rm -rf /run/homerelay-step /run/homerelay-document.*
  systemctl daemon-reload
}

take_lock
leave_to_owner "$@"
