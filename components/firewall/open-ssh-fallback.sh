#!/bin/bash
# Run by a timer on a relay whose SSH goes through the tunnel. When no peer has been heard for so long that the tunnel
# must be down, SSH is opened to the outside (to adminCidrs), for a little longer than until the next run: it closes by
# itself when the tunnel is back, and also when this is not run any more.
# Argument: that long, in seconds.
set -euo pipefail
export LC_ALL=C

# shellcheck source=../firewall/table.sh
. /usr/local/lib/homerelay/table.sh

readonly open_seconds=40
# Of the first run since the boot: until a peer has called, the silence is counted from here.
readonly begun=/run/homerelay-ssh-fallback

main() { # SECONDS
  local port
  [ -e "$begun" ] || touch "$begun"
  [ "$(($(date +%s) - $(last_heard)))" -ge "$1" ] || return 0
  sshd -T | awk '$1 == "port" { print $2 }' | while read -r port; do open_for_a_while "$port"; done
}

# In seconds since 1970. WireGuard shakes hands every two minutes while a peer sends anything, as a home always does.
last_heard() {
  {
    stat -c %Y "$begun"
    # Without its interface the tunnel is as silent as can be.
    wg show homerelay latest-handshakes 2>/dev/null | awk '{ print $2 }' || :
    # Of those that were made anew since (mend-homes.sh).
    awk '{ print $2 }' /var/lib/homerelay/last-heard 2>/dev/null || :
  } | sort -n | tail -n 1
}

open_for_a_while() { # PORT
  local now
  now=$(nft get element inet homerelay ssh_public "{ $1 }" 2>/dev/null) || now=''
  # Open for good, by rules that are on their way in or out.
  if [[ $now == *elements* && $now != *expires* ]]; then return; fi
  # Adding alone would leave an element that is there with the time it has.
  change_table nft -f - <<RULES
add element inet homerelay ssh_public { $1 }
delete element inet homerelay ssh_public { $1 }
add element inet homerelay ssh_public { $1 timeout ${open_seconds}s }
RULES
  if [ -z "$now" ]; then echo "the tunnel is down: SSH is open to the outside on port $1"; fi
}

main "$@"
