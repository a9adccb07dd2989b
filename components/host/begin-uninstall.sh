# shellcheck shell=bash
# Read by `bash -s` on a host, before the script that takes our things away there. Packages stay.
# Arguments: the stack's id, and what the stack calls the host.
set -euo pipefail
export LC_ALL=C
exec 2>&1
trap '' PIPE HUP

take_lock() {
  exec 9>/run/homerelay.lock
  flock -w 120 9 || {
    echo "another home-relay step has been running here for two minutes"
    exit 1
  }
}

# What another stack set up is not ours to remove, nor what this one has under another name by now. Neither is a reason
# to fail: of what this name had here nothing is left.
leave_to_owner() { # STACK-ID NAME…
  local owner=/etc/homerelay/owner id name
  [ -f "$owner" ] || return 0
  id=$(sed -n 's/^id //p' "$owner")
  name=$(sed -n 's/^host //p' "$owner")
  if [ "$id" != "$1" ]; then
    echo "this host belongs to another stack, $(sed -n 's/^stack //p' "$owner"), which calls it $name; nothing was touched"
    exit 0
  fi
  if [ "$name" != "${*:2}" ]; then
    echo "this host goes on as $name; nothing was touched"
    exit 0
  fi
}

stop_units() { # UNIT…
  local unit
  for unit; do
    systemctl disable --now --quiet "$unit" 2>/dev/null || : # not there: nothing to stop
    systemctl reset-failed "$unit" 2>/dev/null || :
  done
}

remove_tables() { # NAME…
  local table
  command -v nft >/dev/null || return 0
  for table; do nft "table inet $table; delete table inet $table"; done
}

remove_files() {
  rm -rf /etc/homerelay /usr/local/lib/homerelay /var/lib/homerelay
  rm -rf /etc/systemd/system/wg-quick@homerelay.service.d /etc/wireguard/homerelay.next
  # Also what a step that was cut off had not yet moved into place.
  rm -f /etc/systemd/system/nftables.service.d/homerelay.conf*
  rmdir --ignore-fail-on-non-empty /etc/systemd/system/nftables.service.d 2>/dev/null || : # not there
  rm -rf /etc/systemd/system/homerelay-* /etc/wireguard/homerelay.conf /etc/sysctl.d/60-homerelay.conf*
  systemctl daemon-reload
}

take_lock
leave_to_owner "$@"
