#!/bin/bash
# Where each home was last heard from, kept over a reboot. Without it the relay would wait until the homes call again,
# up to two minutes, since WireGuard's keepalives are not answered by a relay that forgot its sessions.
#   save     writes the endpoints down, if one changed
#   restore  sets them again, together with a keepalive: set apart, the first handshake would be tried with no
#            endpoint, fail, and block the next one for five seconds
# /etc/homerelay/homes says which peers are homes, `PUBLIC-KEY SECONDS [by-hand]` a line, and how often to send each a keepalive.
# Devices call by themselves when they want something; a phone must be left asleep, and where it was yesterday somebody
# else may be today.
set -euo pipefail
export LC_ALL=C
umask 077

# shellcheck source=../host/messages.sh
. /usr/local/lib/homerelay/messages.sh
# shellcheck source=../host/files.sh
. /usr/local/lib/homerelay/files.sh

readonly interface=homerelay
readonly memory=/var/lib/homerelay/endpoints
readonly homes=/etc/homerelay/homes

save() {
  local known
  install -d -m 0700 "${memory%/*}"
  # The timer may come while the tunnel goes down.
  exec 8>/run/homerelay-endpoints.lock
  flock -w 5 8 || die "another run keeps the endpoints for long"
  known=$(wg show "$interface" endpoints | awk 'NR == FNR { home[$1]; next } $1 in home && $2 != "(none)"' "$homes" - | sort)
  # Before the first home has called, what was remembered is worth more than an empty list.
  [ -n "$known" ] || return 0
  write_if_changed 0600 "$memory" <<<"$known" || : # every home is where it was
}

restore() {
  local peer endpoint seconds current
  [ -f "$memory" ] || return 0
  current=$(wg show "$interface" endpoints)
  while read -r peer endpoint; do
    # A peer that is gone stays gone: `wg set` would make it again.
    grep -qF "$peer	" <<<"$current" || continue
    seconds=$(awk -v peer="$peer" '$1 == peer { print $2 }' "$homes")
    [ -n "$seconds" ] || continue
    if grep -qF "$peer	(none)" <<<"$current"; then
      wg set "$interface" peer "$peer" endpoint "$endpoint" persistent-keepalive "$seconds"
    else
      wg set "$interface" peer "$peer" persistent-keepalive "$seconds"
    fi
  done <"$memory"
}

main() { # save|restore
  # Not there before the first step that says which peers there are.
  [ -f "$homes" ] || return 0
  "$1"
}

main "$@"
