#!/bin/bash
# Run by a timer when a ruleset on trial was not confirmed: what was in force before is in force again.
# No step like the others: it waits for one that is at work, but not for ever, since nobody else may be able to come in.
set -euo pipefail
export LC_ALL=C

# shellcheck source=../host/paths.sh
. /usr/local/lib/homerelay/paths.sh
# shellcheck source=../host/lock.sh
. /usr/local/lib/homerelay/lock.sh
# shellcheck source=../firewall/table.sh
. /usr/local/lib/homerelay/table.sh

main() {
  { open_lock && flock -w 30 9; } || echo "another step is at work; it is not waited for"
  if [ -f "$firewall_file" ]; then
    /usr/local/lib/homerelay/load-firewall.sh
  else
    change_table nft delete table inet homerelay
  fi
  rm -f "$firewall_on_trial"
  echo "the ruleset on trial was not confirmed over a new SSH connection; the one before it is in force again"
}

main "$@"
