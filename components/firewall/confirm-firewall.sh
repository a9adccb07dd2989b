#!/bin/bash
# stdin: the SHA-256 of the ruleset that should be in force. That this script runs is the proof: it came over an SSH
# connection that the new rules let in.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh

sha256() {
  sha256sum "$1" | cut -d ' ' -f 1
}

main() {
  local expected
  read -r expected
  if [ -f "$firewall_on_trial" ] && [ "$(sha256 "$firewall_on_trial")" = "$expected" ] &&
    systemctl is-active --quiet homerelay-rollback.timer; then
    systemctl stop homerelay-rollback.timer
    move_into_place "$firewall_on_trial" "$firewall_file"
    write_if_changed 0600 "$firewall_confirmed" <<<"$expected" || : # the same rules as before
    systemctl enable --quiet homerelay-firewall.service
    systemctl start homerelay-firewall.service
    say "confirmed over a new SSH connection"
  elif [ -f "$firewall_file" ] && [ "$(sha256 "$firewall_file")" = "$expected" ]; then
    systemctl start homerelay-firewall.service
    say "the firewall was confirmed before"
  else
    die "The relay has gone back to its firewall from before: no new SSH connection came through while the new one
was on trial. Unless pulumi was interrupted in between, check adminCidrs and sshPort. Then load the rules again:
  pulumi up --replace '**relay-firewall-rules'"
  fi
}

main "$@"
