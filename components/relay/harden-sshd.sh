#!/bin/bash
# stdin: our drop-in for the sshd of a relay that was there before; empty where this program itself comes in by a
# password.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh

main() {
  local wanted
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  wanted=$folder/sshd
  cat >"$wanted"
  if [ -s "$wanted" ]; then apply_sshd "$wanted"; else allow_passwords; fi
}

allow_passwords() {
  if [ -e "$sshd_drop_in" ]; then
    rm "$sshd_drop_in"
    reload_sshd
  fi
  say "sshd takes passwords as before, since this program comes in by one"
}

# A faulty sshd would be the end of every way in, so it is asked before it is told.
apply_sshd() { # FILE
  [ -d "${sshd_drop_in%/*}" ] || {
    say "sshd here reads no drop-ins, so it goes on as it is"
    return
  }
  if [ -f "$sshd_drop_in" ]; then cp -p "$sshd_drop_in" "$1.before"; fi
  write_if_changed 0644 "$sshd_drop_in" <"$1" || return 0
  # Where sshd is started for each connection, its own folder may be gone.
  install -d -m 0755 /run/sshd
  if ! complaint=$(/usr/sbin/sshd -t 2>&1); then
    if [ -f "$1.before" ]; then write_if_changed 0644 "$sshd_drop_in" <"$1.before" || :; else rm "$sshd_drop_in"; fi
    die "sshd refuses its settings with ours among them, so ours are taken back: $complaint"
  fi
  reload_sshd
  # Read whole before it is searched: with pipefail, a search that ends early would look like a failure.
  complaint=$(/usr/sbin/sshd -T)
  if [[ $complaint == *$'\n'"passwordauthentication no"$'\n'* ]]; then
    say "sshd takes keys alone"
  else
    say "sshd still takes passwords: something in /etc/ssh/sshd_config says so before $sshd_drop_in"
  fi
}

# With a socket that starts one sshd for each connection there is nobody to tell: the next one reads the new settings.
reload_sshd() {
  if systemctl is-active --quiet ssh.service; then systemctl reload ssh.service; fi
}

main "$@"
