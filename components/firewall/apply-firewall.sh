#!/bin/bash
# stdin: the relay's ruleset. Loads it on trial: unless confirm-firewall.sh comes over a new SSH connection within
# the trial, the ruleset before it returns.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh

readonly live=$etc/firewall.nft
readonly candidate=$etc/firewall-on-trial.nft
readonly trial_seconds=60

main() {
  cat >"$candidate"
  if cmp -s "$candidate" "$live" && nft list table inet homerelay >/dev/null 2>&1; then
    rm "$candidate"
    say "the firewall is as it should be"
    return
  fi
  nft -c -f "$candidate" || die "nft refuses these rules; the ones before them stay in force"
  systemctl stop homerelay-rollback.timer 2>/dev/null || : # there is none but after an interrupted trial
  systemd-run --quiet --collect --unit=homerelay-rollback --on-active="$trial_seconds" \
    /usr/local/lib/homerelay/roll-back-firewall.sh
  nft -f "$candidate"
  say "new rules are on trial for $trial_seconds s"
}

main "$@"
