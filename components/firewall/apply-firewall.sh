#!/bin/bash
# stdin: the relay's ruleset. Loads it on trial: unless confirm-firewall.sh comes over a new SSH connection within
# the trial, the ruleset before it returns.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh

readonly live=$etc/firewall.nft
readonly candidate=$etc/firewall-on-trial.nft
readonly trial_seconds=60

main() {
  next=$(mktemp "$etc/firewall.XXXXXX")
  trap 'rm -f "$next"' EXIT
  cat >"$next"
  nft -c -f "$next" || die "nft refuses these rules; the ones before them stay in force"
  end_earlier_trial
  if cmp -s "$next" "$live" && nft list table inet homerelay >/dev/null 2>&1; then
    say "the firewall is as it should be"
    return
  fi
  mv "$next" "$candidate"
  systemd-run --quiet --collect --unit=homerelay-rollback --on-active="$trial_seconds" \
    /usr/local/lib/homerelay/roll-back-firewall.sh
  nft -f "$candidate"
  nft -f /usr/local/lib/homerelay/counters.nft
  say "new rules are on trial for $trial_seconds s"
}

# One that was neither confirmed nor taken back yet, since the run that began it was interrupted.
end_earlier_trial() {
  [ -e "$candidate" ] || return 0
  systemctl stop homerelay-rollback.timer 2>/dev/null || : # gone, if the relay was rebooted meanwhile
  if [ -f "$live" ]; then nft -f "$live"; fi
  rm "$candidate"
}

main "$@"
