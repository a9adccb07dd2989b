#!/bin/bash
# What this machine has received and sent in a month, for the kernel's own counters begin anew at each boot. A timer has it
# written down; what passed after the last time before a power cut is lost.
#   save   writes it down
#   show   prints it as it is at this moment: `MONTH SINCE RECEIVED SENT`. SINCE: from when on it was counted, in seconds
#          since 1970, which is later than the month's beginning on a relay that is new. Bytes. Months are those of UTC.
# Counted is what the interfaces of the default routes carry, as a provider counts it: the tunnel's own packets too.
set -euo pipefail
export LC_ALL=C
umask 077

# shellcheck source=../host/messages.sh
. /usr/local/lib/homerelay/messages.sh
# shellcheck source=../host/files.sh
. /usr/local/lib/homerelay/files.sh

readonly memory=/var/lib/homerelay/traffic
readonly about='# What this machine has received and sent in a month (UTC), in bytes, since SINCE (seconds since 1970). SEEN_RECEIVED and
# SEEN_SENT are the counters of the kernel at that time, in the boot named by BOOT: they begin anew at each. Written by
# remember-traffic.sh, FIELD VALUE a line.'
readonly -a fields=(month since received sent boot seen_received seen_sent)
readonly a_day=86400
declare -A noted=() current=()

read_memory() {
  local field value
  noted=()
  [ -f "$memory" ] || return 0
  while read -r field value; do
    case $field in
      month | boot) noted[$field]=$value ;;
      since | received | sent | seen_received | seen_sent) [[ $value =~ ^[0-9]{1,18}$ ]] && noted[$field]=$value ;;
    esac
  done <"$memory"
  # Damaged: as if nothing had been noted.
  for field in "${fields[@]}"; do [ -n "${noted[$field]-}" ] || { noted=(); return 0; }; done
}

# Adds up all interfaces by which this machine goes out; none of them is the tunnel.
read_counters() {
  local device
  current[seen_received]=0 current[seen_sent]=0
  while read -r device; do
    [ -r "/sys/class/net/$device/statistics/rx_bytes" ] || continue
    current[seen_received]=$((current[seen_received] + $(<"/sys/class/net/$device/statistics/rx_bytes")))
    current[seen_sent]=$((current[seen_sent] + $(<"/sys/class/net/$device/statistics/tx_bytes")))
  done < <({ ip -4 route show default; ip -6 route show default 2>/dev/null || :; } |
    grep -o ' dev [^ ]*' | cut -d ' ' -f 3 | grep -vx homerelay | sort -u) # IPv6 may be off
}

# What passed since the last time. A counter that is lower than it was has begun anew.
add() { # received|sent
  local seen=${current[seen_$1]} before=${noted[seen_$1]}
  if [ "${noted[boot]}" != "${current[boot]}" ] || [ "$seen" -lt "$before" ]; then before=0; fi
  current[$1]=$((current[$1] + seen - before))
}

count() {
  local now booted
  now=$(date +%s)
  read_memory
  read_counters
  current[month]=$(date -u +%Y-%m)
  current[boot]=$(</proc/sys/kernel/random/boot_id)
  current[received]=0 current[sent]=0
  if [ ${#noted[@]} -eq 0 ]; then
    booted=$((now - $(cut -d . -f 1 /proc/uptime)))
    current[since]=$now
    # All that was counted since the boot is of this month.
    if [ "$(date -u -d "@$booted" +%Y-%m)" = "${current[month]}" ]; then
      current[since]=$booted current[received]=${current[seen_received]} current[sent]=${current[seen_sent]}
    fi
    return
  fi
  if [ "${noted[month]}" = "${current[month]}" ] || ((now < noted[since] && noted[since] - now < a_day)); then
    # The same month, also for a clock that was set back a little.
    current[month]=${noted[month]} current[since]=${noted[since]}
    current[received]=${noted[received]} current[sent]=${noted[sent]}
  else
    current[since]=$(date -u -d "${current[month]}-01" +%s)
  fi
  add received
  add sent
}

save() {
  local field
  install -d -m 0700 "${memory%/*}"
  exec 8<"${memory%/*}"
  flock -w 5 8 || die "another run counts the traffic for long"
  count
  {
    echo "$about"
    for field in "${fields[@]}"; do echo "$field ${current[$field]}"; done
  } | write_if_changed 0600 "$memory" || : # nothing has passed
}

show() {
  count
  echo "${current[month]} ${current[since]} ${current[received]} ${current[sent]}"
}

main() { # save|show
  "$1"
}

main "$@"
