# shellcheck shell=bash
# Read by `bash -s` on a relay that was there before, behind host/begin-uninstall.sh: takes away all that home-relay put
# there. Running it twice is fine.

restore_sshd() {
  local dropin=/etc/ssh/sshd_config.d/10-homerelay.conf
  rm -f "$dropin.next"
  [ -f "$dropin" ] || return 0
  rm "$dropin"
  # With a socket that starts one sshd for each connection there is nobody to tell.
  if systemctl is-active --quiet ssh.service; then systemctl reload ssh.service; fi
}

main() {
  systemctl stop homerelay-rollback.timer 2>/dev/null || : # only while rules are on trial
  stop_units homerelay-endpoints.timer homerelay-endpoints.service homerelay-dyndns.timer homerelay-dyndns.service \
    homerelay-wayback.timer wg-quick@homerelay.service homerelay-firewall.service
  # wg-quick has done it, unless it was not running.
  if [ -x /usr/local/lib/homerelay/route-devices.sh ]; then /usr/local/lib/homerelay/route-devices.sh remove; fi
  ip link delete dev homerelay 2>/dev/null || : # wg-quick has done it, unless it was not running
  remove_tables homerelay homerelay_counters
  # As they were noted: without forwarding first, since that decides what some others may be.
  if [ -f /etc/homerelay/before ]; then restore_sysctls /etc/homerelay/before; fi
  restore_sshd
  rm -f /etc/apt/apt.conf.d/52homerelay /etc/apt/apt.conf.d/52homerelay.next
  remove_files
  rm -f /run/homerelay.lock
  echo "nothing of home-relay is left here"
}

# On one line: what follows on stdin is not for the shell.
main "$@"; exit
