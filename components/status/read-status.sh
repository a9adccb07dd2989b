#!/bin/bash
# Prints what this host, a relay or a home, is doing at this moment, a fact a line, FIELD and its values. It changes
# nothing. hostStatus.ts and print-metrics.sh read it; the last line is `end`.
# Argument: `brief` leaves out what takes a second or more.
#   status 1                        what follows is of this form
#   now SECONDS                     since 1970
#   up SECONDS                      since the boot
#   restart PACKAGE…                it waits for a restart, because of these
#   updates COUNT SECURITY          packages that wait to be installed, and how many of them are of security
#   disk AVAILABLE TOTAL            bytes of the file system with our files
#   tracked COUNT MOST              connections that the kernel keeps track of, and how many it can
#   failed UNIT                     one of ours that has failed
#   missing interface|rules         what of ours the kernel has not got
#   peer KEY ENDPOINT HANDSHAKE RECEIVED SENT     seconds since 1970, bytes; `-` and 0: never
#   count SET PORT PACKETS BYTES    see counters.nft
#   traffic MONTH SINCE RECEIVED SENT             see remember-traffic.sh
set -euo pipefail
export LC_ALL=C

readonly interface=homerelay library=/usr/local/lib/homerelay

tell_machine() {
  local packages
  echo "now $(date +%s)"
  echo "up $(cut -d . -f 1 /proc/uptime)"
  if [ -e /run/reboot-required ]; then
    packages=$(sort -u /run/reboot-required.pkgs 2>/dev/null | tr '\n' ' ') || : # not every version notes them
    echo "restart ${packages% }"
  fi
  df -B1 --output=avail,size /usr/local/lib | awk 'NR == 2 { print "disk", $1, $2 }'
  if [ -r /proc/sys/net/netfilter/nf_conntrack_count ]; then
    echo "tracked $(</proc/sys/net/netfilter/nf_conntrack_count) $(</proc/sys/net/netfilter/nf_conntrack_max)"
  fi
}

# What apt would do, by the lists that it has; it takes no lock.
tell_updates() {
  command -v apt-get >/dev/null || return 0
  timeout 15 nice apt-get -qq -s -o Debug::NoLocking=true -o APT::Get::Show-User-Simulation-Note=false upgrade 2>/dev/null |
    awk '$1 == "Inst" { all++; if (tolower($0) ~ /security/) security++ } END { print "updates", all + 0, security + 0 }' || : # apt is busy or broken
}

tell_units() {
  systemctl list-units --state=failed --plain --no-legend 'homerelay-*' wg-quick@homerelay.service 2>/dev/null |
    awk '{ print "failed", $1 }' || : # no systemd
}

# One line a peer, of three lists: `wg show dump` has keys that are secret.
tell_tunnel() {
  if ! wg show "$interface" public-key >/dev/null 2>&1; then
    echo "missing interface"
    return
  fi
  {
    wg show "$interface" endpoints | awk '{ print "endpoint", $1, $2 }'
    # Of those that were made anew since (mend-homes.sh).
    awk '{ print "handshake", $1, $2 }' /var/lib/homerelay/last-heard 2>/dev/null || :
    wg show "$interface" latest-handshakes | awk '{ print "handshake", $1, $2 }'
    wg show "$interface" transfer | awk '{ print "transfer", $1, $2, $3 }'
  } | awk '
    # As it came: not every awk writes a large number out.
    function known(text) { return text == "" ? 0 : text }
    $1 == "endpoint" { order[++peers] = $2; endpoint[$2] = $3 == "(none)" ? "-" : $3 }
    $1 == "handshake" && $3 != 0 { handshake[$2] = $3 }
    $1 == "transfer" { received[$2] = $3; sent[$2] = $4 }
    END {
      for (i = 1; i <= peers; i++) {
        key = order[i]
        print "peer", key, endpoint[key], known(handshake[key]), known(received[key]), known(sent[key])
      }
    }'
}

tell_firewall() {
  local set
  nft list chain inet homerelay prerouting >/dev/null 2>&1 || echo "missing rules"
  [ -e "$library/counters.nft" ] || return 0
  for set in {connections,received,sent}_{tcp,udp}; do
    # Not there before the first rules, or with an older table.
    nft list set inet homerelay_counters "$set" 2>/dev/null | grep -o '[0-9]* counter packets [0-9]* bytes [0-9]*' |
      awk -v name="$set" '{ print "count", name, $1, $4, $6 }' || : # none has counted yet
  done
}

tell_traffic() {
  local traffic
  [ -e "$library/remember-traffic.sh" ] || return 0
  traffic=$("$library/remember-traffic.sh" show) || return 0
  echo "traffic $traffic"
}

main() { # [brief]
  echo "status 1"
  tell_machine
  tell_units
  tell_tunnel
  tell_firewall
  tell_traffic
  [ "${1-}" = brief ] || tell_updates
  echo "end"
}

main "$@"
