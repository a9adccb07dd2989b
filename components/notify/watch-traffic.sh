#!/bin/bash
# Puts a message into the outbox when the relay has sent 80% of what is included in a month: once a month. A timer runs it.
# /var/lib/homerelay/notify/traffic is the month of which it was told.
set -euo pipefail
export LC_ALL=C
umask 077

# shellcheck source=../host/messages.sh
. /usr/local/lib/homerelay/messages.sh
# shellcheck source=../host/files.sh
. /usr/local/lib/homerelay/files.sh
# shellcheck source=outbox.sh
. /usr/local/lib/homerelay/outbox.sh

# `15.9`, of a number of bytes, in what TB and GB are to providers.
in_units() { # BYTES UNIT-BYTES
  local tenths=$(($1 * 10 / $2))
  if [ $((tenths % 10)) = 0 ]; then echo $((tenths / 10)); else echo "$((tenths / 10)).$((tenths % 10))"; fi
}

readable() { # BYTES
  if [ "$1" -ge 1000000000000 ]; then
    printf '%s TB' "$(in_units "$1" 1000000000000)"
  else
    printf '%s GB' "$(in_units "$1" 1000000000)"
  fi
}

main() {
  local included stack month sent
  [ -f "$settings_of_notify/watched" ] || return 0
  included=$(setting_of_notify included)
  [ -n "$included" ] || return 0
  read -r month _ _ sent < <(/usr/local/lib/homerelay/remember-traffic.sh show)
  [ $((sent * 5)) -ge $((included * 4)) ] || return 0
  take_turn
  # Nobody was told yet, where there is no file.
  if [ "$(cat "$memory_of_notify/traffic" 2>/dev/null || :)" = "$month" ]; then return 0; fi
  stack=$(setting_of_notify stack)
  say "80% of the traffic that is included in $month are sent"
  queue_message traffic "80% of the month's traffic are sent" \
    "The relay of $stack has sent $(readable "$sent") of the $(readable "$included") that are included in $month. Its provider may bill what is above, or slow it down. Which forward sends most: npm run status"
  write_if_changed 0600 "$memory_of_notify/traffic" <<<"$month" || : # never the same
}

main "$@"
