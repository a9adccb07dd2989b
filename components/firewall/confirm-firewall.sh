#!/bin/bash
# stdin: the SHA-256 of the ruleset that should be in force. That this script runs is the proof: it came over an SSH
# connection that the new rules let in.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh

sha256() {
  sha256sum "$1" | cut -d ' ' -f 1
}

# In this order: what is killed in between leaves rules that are confirmed, or that the timer takes back.
main() {
  local expected
  read -r expected
  if [ -f "$firewall_on_trial" ] && [ "$(sha256 "$firewall_on_trial")" = "$expected" ] &&
    systemctl is-active --quiet homerelay-rollback.timer; then
    move_into_place "$firewall_on_trial" "$firewall_file"
    systemctl stop homerelay-rollback.timer
    finish "$expected"
    say "confirmed over a new SSH connection"
  elif [ -f "$firewall_file" ] && [ "$(sha256 "$firewall_file")" = "$expected" ]; then
    # One that was killed behind its first act has left this.
    systemctl stop homerelay-rollback.timer 2>/dev/null || : # it runs only while rules are on trial
    finish "$expected"
    say "the firewall was confirmed before"
  else
    die "The relay has gone back to its firewall from before: no new SSH connection came through while the new one
was on trial. Unless pulumi was interrupted in between, check adminCidrs and sshPort. Then load the rules again:
  pulumi up --replace '**relay-firewall-rules'"
  fi
}

finish() { # SHA-256
  write_if_changed 0600 "$firewall_confirmed" <<<"$1" || : # the same rules as before
  systemctl enable --quiet homerelay-firewall.service
  systemctl start homerelay-firewall.service
}

main "$@"
