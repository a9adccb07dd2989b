# shellcheck shell=bash
# Read by `bash -s` on a home: takes away all that home-relay put there. Packages stay. Running it twice is fine.
set -euo pipefail
export LC_ALL=C
exec 2>&1
trap '' PIPE HUP

stop_units() {
  local unit
  for unit in wg-quick@homerelay.service homerelay-firewall.service; do
    systemctl disable --now --quiet "$unit" 2>/dev/null || : # not there: nothing to stop
    systemctl reset-failed "$unit" 2>/dev/null || :
  done
}

restore_sysctls() {
  local key
  [ -f /etc/homerelay/before ] && [ -f /etc/sysctl.d/60-homerelay.conf ] || return 0
  # Only what we had set; somebody else may count on the others by now.
  while IFS='=' read -r key _; do
    grep "^$key=" /etc/homerelay/before
  done </etc/sysctl.d/60-homerelay.conf | sysctl -q -e -p -
}

main() {
  exec 9>/run/homerelay.lock
  flock -w 120 9 || {
    echo "another home-relay step has been running here for two minutes"
    exit 1
  }
  stop_units
  if [ -x /usr/local/lib/homerelay/sync-routes.sh ]; then /usr/local/lib/homerelay/sync-routes.sh remove; fi
  ip link delete dev homerelay 2>/dev/null || : # wg-quick has done it, unless it was not running
  if command -v nft >/dev/null; then nft 'table inet homerelay; delete table inet homerelay'; fi
  restore_sysctls
  rm -rf /etc/homerelay /usr/local/lib/homerelay /var/lib/homerelay
  rm -rf /etc/systemd/system/wg-quick@homerelay.service.d /etc/wireguard/homerelay.next
  rm -f /etc/systemd/system/homerelay-*.service /etc/systemd/system/homerelay-*.timer
  rm -f /etc/wireguard/homerelay.conf /etc/sysctl.d/60-homerelay.conf
  systemctl daemon-reload
  rm -f /run/homerelay.lock
  echo "nothing of home-relay is left here"
}

# On one line: what follows on stdin is not for the shell.
main "$@"; exit
