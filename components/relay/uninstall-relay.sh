# shellcheck shell=bash
# Read by `bash -s` on a relay that was there before, behind host/begin-uninstall.sh: takes away all that home-relay put
# there. Running it twice is fine.

# From paths.sh.
: "${sshd_drop_in:?}" "${upgrades_file:?}"

restore_sshd() {
  rm -f "$sshd_drop_in.next"
  [ -f "$sshd_drop_in" ] || return 0
  rm "$sshd_drop_in"
  # With a socket that starts one sshd for each connection there is nobody to tell.
  if systemctl is-active --quiet ssh.service; then systemctl reload ssh.service; fi
}

main() {
  systemctl stop homerelay-rollback.timer 2>/dev/null || : # only while rules are on trial
  stop_units
  remove_tunnel
  remove_tables homerelay homerelay_counters
  give_back_kernel_settings
  restore_sshd
  rm -f "$upgrades_file" "$upgrades_file.next"
  remove_files
  say "nothing of home-relay is left here"
}

# On one line: what follows on stdin is not for the shell.
main "$@"; exit
