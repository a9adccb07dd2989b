#!/bin/bash
# Where each peer was last heard from, kept over a reboot. Without it the relay would wait until the homes call
# again, up to two minutes, since WireGuard's keepalives are not answered by a relay that forgot its sessions.
#   save     writes the endpoints down, if one changed
#   restore  sets them again, together with a keepalive: set apart, the first handshake would be tried with no
#            endpoint, fail, and block the next one for five seconds
set -euo pipefail
export LC_ALL=C
umask 077

readonly interface=homerelay
readonly memory=/var/lib/homerelay/endpoints
readonly config=/etc/wireguard/homerelay.conf

# The public keys of devices. They call by themselves when they want something; a phone must be left asleep, and where
# it was yesterday somebody else may be today.
devices() {
  awk '/^# .*, a device$/ { device = 1 } /^PublicKey = / { if (device) print $3; device = 0 }' "$config"
}

save() {
  install -d -m 0700 "${memory%/*}"
  wg show "$interface" endpoints |
    awk 'NR == FNR { device[$1]; next } $2 != "(none)" && !($1 in device)' <(devices; echo) - | sort >"$memory.next"
  # Before the first peer has called, what was remembered is worth more than an empty list.
  if [ -s "$memory.next" ] && ! cmp -s "$memory.next" "$memory"; then
    # A power cut must find either list, and never an empty file.
    sync "$memory.next"
    mv "$memory.next" "$memory"
  else
    rm "$memory.next"
  fi
}

restore() {
  local peer endpoint current
  [ -f "$memory" ] || return 0
  current=$(wg show "$interface" endpoints)
  while read -r peer endpoint; do
    # A peer that is gone stays gone: `wg set` would make it again.
    grep -q "^$peer" <<<"$current" || continue
    if grep -qF "$peer	(none)" <<<"$current"; then
      wg set "$interface" peer "$peer" endpoint "$endpoint" persistent-keepalive 25
    else
      wg set "$interface" peer "$peer" persistent-keepalive 25
    fi
  done <"$memory"
}

"$1"
