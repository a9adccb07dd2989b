# shellcheck shell=bash
# Read by `bash -s` on a home, behind host/begin-uninstall.sh: takes away all that home-relay put there. Running it
# twice is fine.

# Only what we have set: of all that was noted, somebody else may count on the rest by now.
noted() {
  local key
  while IFS='=' read -r key _; do
    grep "^$key=" /etc/homerelay/before || : # noted by nobody
  done </etc/sysctl.d/60-homerelay.conf
}

main() {
  stop_units wg-quick@homerelay.service homerelay-firewall.service
  if [ -x /usr/local/lib/homerelay/sync-routes.sh ]; then /usr/local/lib/homerelay/sync-routes.sh remove; fi
  ip link delete dev homerelay 2>/dev/null || : # wg-quick has done it, unless it was not running
  remove_tables homerelay
  if [ -f /etc/homerelay/before ] && [ -f /etc/sysctl.d/60-homerelay.conf ]; then restore_sysctls <(noted); fi
  remove_files
  rm -f /run/homerelay.lock
  echo "nothing of home-relay is left here"
}

# On one line: what follows on stdin is not for the shell.
main "$@"; exit
