#!/bin/bash
# stdin: a document with the relay's `ruleset`, and on a machine that is not only ours the ports that it publishes (for
# name-services.sh and name-translations.sh: `published`), and where somebody may read the metrics what these call peers
# and forwards (for print-metrics.sh: `metrics`). Loads the ruleset on trial: unless confirm-firewall.sh comes over a new
# SSH connection within the trial, the one before it returns.
# Arguments: how SSH comes in, `public` or `tunnel`; on a machine that is not only ours also `shared`, and WireGuard's
# UDP port.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh
# shellcheck source=../host/note-passing.sh
. /usr/local/lib/homerelay/note-passing.sh
# shellcheck source=../firewall/table.sh
. /usr/local/lib/homerelay/table.sh

readonly trial_seconds=60

main() { # public|tunnel [shared LISTEN-PORT]
  local ruleset
  document=$(mktemp -d)
  trap 'rm -rf "$document"' EXIT
  split_document "$document"
  ruleset=$document/ruleset
  check_table "$ruleset" || die "nft refuses these rules; the ones before them stay in force"
  if [ "${2-}" = shared ]; then
    respect_owner "$document/published" "$3"
    note_passing
  fi
  serve_metrics "$document/metrics"
  keep_ssh_fallback "$1"
  systemctl enable --quiet --now homerelay-traffic.timer
  end_trial
  if was_confirmed "$ruleset"; then
    # Loaded all the same: somebody may have changed the table by hand, or the file may be damaged.
    if write_if_changed 0600 "$firewall_file" <"$ruleset"; then say "the file of the rules was another one"; fi
    /usr/local/lib/homerelay/load-firewall.sh
    systemctl start homerelay-firewall.service
    say "the firewall is as it should be"
    return
  fi
  write_if_changed 0600 "$firewall_on_trial" <"$ruleset" || : # none was on trial
  systemd-run --quiet --collect --unit=homerelay-rollback --on-active="$trial_seconds" \
    /usr/local/lib/homerelay/roll-back-firewall.sh
  /usr/local/lib/homerelay/load-firewall.sh "$firewall_on_trial"
  nft -f /usr/local/lib/homerelay/counters.nft
  if ! admits_operator; then
    end_trial
    die "The new rules leave out ${SSH_CONNECTION%% *}, the address that this very connection comes from: you could not
come back. Outside the tunnel relay.adminCidrs has to name it, within the tunnel relay.sshPeers.
The rules from before are in force again."
  fi
  say "new rules are on trial for $trial_seconds s"
}

was_confirmed() { # RULESET
  cmp -s "$1" "$firewall_file" || [ "$(sha256sum "$1" | cut -d ' ' -f 1)" = "$(cat "$firewall_confirmed" 2>/dev/null)" ]
}

# What the owner of the machine has on it comes first.
respect_owner() { # PUBLISHED LISTEN-PORT
  local taken
  taken=$(/usr/local/lib/homerelay/name-services.sh <"$1" && /usr/local/lib/homerelay/name-translations.sh <"$1")
  [ -z "$taken" ] || die "$taken
These are services of this machine. Publish other ports, or stop them; nothing was changed."
  taken=$(/usr/local/lib/homerelay/name-firewalls.sh "$2")
  [ -z "$taken" ] || die "$taken
Nothing was changed; run pulumi up again then."
}

# Also one that an interrupted run left neither confirmed nor taken back.
end_trial() {
  [ -e "$firewall_on_trial" ] || return 0
  systemctl stop homerelay-rollback.timer 2>/dev/null || : # gone, if the relay was rebooted meanwhile
  if [ -f "$firewall_file" ]; then
    /usr/local/lib/homerelay/load-firewall.sh
  else
    change_table nft delete table inet homerelay
  fi
  rm "$firewall_on_trial"
}

# Whether the rules now loaded would let in again whoever sent them.
admits_operator() {
  local client port family=4
  read -r client _ _ port <<<"${SSH_CONNECTION-}"
  # No SSH connection: somebody at the relay's own console.
  [ -n "$client" ] || return 0
  if [[ $client == *:* ]]; then family=6; fi
  holds "ssh_peers$family" "$client . $port" || { holds "admin$family" "$client" && holds ssh_public "$port"; }
}

holds() { # SET ELEMENT
  nft get element inet homerelay "$1" "{ $2 }" >/dev/null 2>&1
}

# A socket that nobody may reach yet does no harm.
serve_metrics() { # NAMES
  local at holder
  if [ -f "$1" ]; then
    # Anew, since it may be at another address than before.
    systemctl restart homerelay-metrics.socket 2>/dev/null || {
      at=$(sed -n 's/^ListenStream=//p' /etc/systemd/system/homerelay-metrics.socket)
      holder=$(ss -Hltnp "sport = :${at##*:}" | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (process \2)/p' | head -n 1)
      systemctl reset-failed homerelay-metrics.socket 2>/dev/null || : # it has not failed
      die "The metrics cannot be read at $at: ${holder:-something on this machine} has the port. Have it listen elsewhere,
or at an address of its own, or take metricsPeers out of home-relay:relay; then run pulumi up again.
The rules were not changed."
    }
    systemctl enable --quiet homerelay-metrics.socket
    write_if_changed 0644 "$metric_names" <"$1" || : # the same peers and forwards
  elif [ -e "$metric_names" ]; then
    systemctl disable --quiet --now homerelay-metrics.socket
    rm "$metric_names"
  fi
}

# Before SSH is closed to the outside, and not after: nobody can come in to start it later.
keep_ssh_fallback() { # public|tunnel
  case $1 in
    tunnel) systemctl enable --quiet --now homerelay-ssh-fallback.timer ;;
    public) systemctl disable --quiet --now homerelay-ssh-fallback.timer ;;
  esac
}

main "$@"
