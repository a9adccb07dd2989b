#!/bin/bash
# Run by a timer when a ruleset on trial was not confirmed: what was in force before is in force again.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh

readonly live=$etc/firewall.nft

main() {
  if [ -f "$live" ]; then
    nft -f "$live"
  else
    nft delete table inet homerelay
  fi
  rm -f "$etc/firewall-on-trial.nft"
  say "the ruleset on trial was not confirmed over a new SSH connection; the one before it is in force again"
}

main "$@"
