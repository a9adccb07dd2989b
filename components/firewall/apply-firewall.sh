#!/bin/bash
# stdin: the relay's ruleset. Loads it on trial: unless confirm-firewall.sh comes over a new SSH connection within
# the trial, the ruleset before it returns.
# Arguments on a machine that is not only ours: `shared`, and WireGuard's UDP port.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh

readonly live=$etc/firewall.nft
readonly candidate=$etc/firewall-on-trial.nft
readonly trial_seconds=60

main() { # [shared LISTEN-PORT]
  next=$(mktemp "$etc/firewall.XXXXXX")
  trap 'rm -f "$next"' EXIT
  cat >"$next"
  nft -c -f "$next" || die "nft refuses these rules; the ones before them stay in force"
  if [ "${1-}" = shared ]; then make_way "$next" "$2"; fi
  end_trial
  if cmp -s "$next" "$live"; then
    # Proven before. Loaded all the same: somebody may have changed the table by hand.
    nft -f "$live"
    say "the firewall is as it should be"
    return
  fi
  mv "$next" "$candidate"
  systemd-run --quiet --collect --unit=homerelay-rollback --on-active="$trial_seconds" \
    /usr/local/lib/homerelay/roll-back-firewall.sh
  nft -f "$candidate"
  nft -f /usr/local/lib/homerelay/counters.nft
  if ! admits_operator; then
    end_trial
    die "adminCidrs leaves out ${SSH_CONNECTION%% *}, the address that this very connection comes from: you could not come back.
The rules from before are in force again."
  fi
  say "new rules are on trial for $trial_seconds s"
}

# What the owner of the machine has on it comes first.
make_way() { # RULESET LISTEN-PORT
  local taken
  taken=$(/usr/local/lib/homerelay/name-services.sh <"$1")
  [ -z "$taken" ] || die "$taken
These are services of this machine. Publish other ports, or stop them; nothing was changed."
  taken=$(/usr/local/lib/homerelay/name-firewalls.sh "$2")
  [ -z "$taken" ] || die "$taken
Nothing was changed; run pulumi up again then."
}

# Also one that an interrupted run left neither confirmed nor taken back.
end_trial() {
  [ -e "$candidate" ] || return 0
  systemctl stop homerelay-rollback.timer 2>/dev/null || : # gone, if the relay was rebooted meanwhile
  if [ -f "$live" ]; then
    nft -f "$live"
  else
    nft delete table inet homerelay
  fi
  rm "$candidate"
}

# Whether the rules now loaded would let in again whoever sent them.
admits_operator() {
  local client=${SSH_CONNECTION-} family=4
  client=${client%% *}
  # No SSH connection: somebody at the relay's own console.
  [ -n "$client" ] || return 0
  if [[ $client == *:* ]]; then family=6; fi
  nft get element inet homerelay "admin$family" "{ $client }" >/dev/null 2>&1
}

main "$@"
