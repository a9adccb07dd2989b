#!/bin/bash
# Notices that a home is away, and that it is back, and puts a message for each into the outbox. A timer runs it.
#
# A home is heard when WireGuard has made a new handshake with it, or has got packets from it in a session that is
# still good. What counts is for how long somebody has watched and heard nothing, by a clock that nobody sets: neither a
# reboot of the relay nor a wrong clock makes a home look away. A home is known by its address in the tunnel, which stays
# while its keys change.
#
# /var/lib/homerelay/notify/homes is what was told, `NAME there|away SINCE TIMES` a line: SINCE when it was last heard, or
# when it came back, TIMES how often it went within a day. `heard` beside it is what was seen the last time.
set -euo pipefail
export LC_ALL=C
umask 077

# shellcheck source=../host/messages.sh
. /usr/local/lib/homerelay/messages.sh
# shellcheck source=../host/files.sh
. /usr/local/lib/homerelay/files.sh
# shellcheck source=outbox.sh
. /usr/local/lib/homerelay/outbox.sh

readonly interface=homerelay
# A session is good for 180 s, and a home that lives makes a new one every 120 s.
readonly session_seconds=200
# Longer than any home is silent that restarts its tunnel, gets another address or new keys.
readonly away_seconds=300
# More than one run without a packet: it is not there to stay yet.
readonly missed_seconds=120
# For how long a home has to stay before it is told as back: twice as long each time that it goes within a day.
readonly first_stay_seconds=120 longest_stay_seconds=3600
readonly calm_seconds=86400
# A run that comes late knows nothing of the time between.
readonly longest_step_seconds=90

# By the home's name. handshake, packets: as WireGuard counts them; stale: since the last handshake; silent: since it
# was heard; stays: since it is heard without a gap.
declare -A address=() state=() since=() times=() handshake=() packets=() stale=() silent=() stays=()
# By the address in the tunnel.
declare -A handshake_now=() packets_now=()
declare -a homes=()

read_memory() {
  local name word moment count
  while read -r name word; do
    homes+=("$name")
    address[$name]=$word
  done < <(setting_of_notify home)
  if [ -f "$memory_of_notify/homes" ]; then
    while read -r name word moment count; do
      [[ $word =~ ^(there|away)$ && $moment =~ ^[0-9]+$ && $count =~ ^[0-9]+$ ]] || continue
      state[$name]=$word
      since[$name]=$moment
      times[$name]=$count
    done <"$memory_of_notify/homes"
  fi
}

# Sets `step`, the seconds since the last run, as far as they were watched.
read_heard() {
  local boot up name numbers
  now_boot=$(cat /proc/sys/kernel/random/boot_id)
  now_up=$(cut -d. -f1 /proc/uptime)
  step=0
  [ -f "$memory_of_notify/heard" ] || return 0
  {
    read -r boot up || return 0 # a power cut left it empty
    while read -r name numbers; do
      [[ $numbers =~ ^[0-9]+( [0-9]+){4}$ ]] || continue
      read -r "handshake[$name]" "packets[$name]" "stale[$name]" "silent[$name]" "stays[$name]" <<<"$numbers"
    done
  } <"$memory_of_notify/heard"
  if [ "$boot" != "$now_boot" ]; then
    silent=()
    stays=()
  elif [[ $up =~ ^[0-9]+$ ]] && [ "$now_up" -gt "$up" ]; then
    step=$((now_up - up))
    if [ "$step" -gt "$longest_step_seconds" ]; then step=$longest_step_seconds; fi
  fi
}

# Without an interface nobody is heard.
ask_wireguard() {
  local key rest prefix in
  declare -A key_of=()
  while read -r key rest; do
    for prefix in $rest; do key_of[$key]+=" ${prefix%/32} "; done
  done < <(wg show "$interface" allowed-ips 2>/dev/null)
  while read -r key in; do note_of_peer handshake_now "$key" "$in"; done \
    < <(wg show "$interface" latest-handshakes 2>/dev/null)
  while read -r key in _; do note_of_peer packets_now "$key" "$in"; done \
    < <(wg show "$interface" transfer 2>/dev/null)
}

# shellcheck disable=SC2034,SC2004 # by its name, and in an array that has no numbers
note_of_peer() { # INTO KEY NUMBER
  local -n into=$1
  local one
  for one in ${key_of[$2]-}; do into[$one]=$3; done
}

# Whether the home was heard since the last run. What was there before the first run says nothing.
is_heard() { # NAME
  local made=${handshake_now[${address[$1]}]:-0} got=${packets_now[${address[$1]}]:-0}
  local before=${handshake[$1]-} before_got=${packets[$1]-0}
  handshake[$1]=$made
  packets[$1]=$got
  stale[$1]=$((${stale[$1]:-0} + step))
  [ -n "$before" ] && [ "$made" != 0 ] || return 1
  if [ "$made" != "$before" ]; then
    stale[$1]=0
    return 0
  fi
  [ "$got" != "$before_got" ] && [ "${stale[$1]}" -le "$session_seconds" ]
}

look_at() { # NAME
  local name=$1 before=${silent[$1]:-0}
  if is_heard "$name"; then
    silent[$name]=0
    if [ "$before" -ge "$missed_seconds" ]; then stays[$name]=0; else stays[$name]=$((${stays[$name]:-0} + step)); fi
    # A home that was never there is not away.
    if [ -z "${state[$name]-}" ]; then note "$name" there "$now" 0; fi
  else
    silent[$name]=$((before + step))
    if [ "${silent[$name]}" -ge "$missed_seconds" ]; then stays[$name]=0; fi
  fi
  case ${state[$name]-} in
    there)
      if [ "${silent[$name]}" -ge "$away_seconds" ]; then
        tell_away "$name"
      elif [ "${times[$name]}" -gt 0 ] && [ $((now - since[$name])) -ge "$calm_seconds" ]; then
        note "$name" there "${since[$name]}" 0
      fi
      ;;
    away)
      if [ "${silent[$name]}" -lt "$missed_seconds" ] && [ "${stays[$name]:-0}" -ge "$(stay_of "$name")" ]; then
        tell_back "$name"
      fi
      ;;
  esac
}

stay_of() { # NAME
  local seconds=$first_stay_seconds i
  for ((i = 1; i < times[$1] && seconds < longest_stay_seconds; i++)); do seconds=$((seconds * 2)); done
  if [ "$seconds" -gt "$longest_stay_seconds" ]; then seconds=$longest_stay_seconds; fi
  echo "$seconds"
}

note() { # NAME STATE SINCE TIMES
  state[$1]=$2
  since[$1]=$3
  times[$1]=$4
}

tell_away() { # NAME
  local text
  note "$1" away $((now - silent[$1])) $((times[$1] + 1))
  text="The relay of $stack has heard nothing from $1 since $(moment "${since[$1]}"). Nobody reaches what is forwarded to it."
  text+=" Is $1 switched on, and does its line work? Then, on $1, as root: systemctl restart wg-quick@homerelay"
  if [ "${times[$1]}" -gt 2 ]; then
    text+=" It comes and goes, ${times[$1]} times within a day: you are told that it is back when it has stayed for $(span "$(stay_of "$1")")."
  fi
  say "$1 is away: nothing was heard from it since $(moment "${since[$1]}")"
  queue_message away "$1 is away" "$text"
}

tell_back() { # NAME
  local came=$((now - stays[$1])) away
  away=$((came - since[$1]))
  say "$1 is back"
  queue_message back "$1 is back" \
    "The relay of $stack hears from $1 again, since $(moment "$came"). It was away for $(span "$away")."
  note "$1" there "$now" "${times[$1]}"
}

moment() { # SECONDS
  date -u -d "@$1" '+%Y-%m-%d %H:%M UTC'
}

# In words, of which the second one may be left out.
span() { # SECONDS
  local minutes=$((($1 + 30) / 60)) hours
  if [ "$minutes" -lt 1 ]; then minutes=1; fi
  hours=$((minutes / 60))
  if [ "$minutes" -lt 120 ]; then
    counted "$minutes" minute
  elif [ "$hours" -lt 48 ]; then
    printf '%s %s' "$(counted "$hours" hour)" "$(counted $((minutes % 60)) minute)"
  else
    printf '%s %s' "$(counted $((hours / 24)) day)" "$(counted $((hours % 24)) hour)"
  fi
}

counted() { # NUMBER NOUN
  if [ "$1" = 1 ]; then printf '1 %s' "$2"; else printf '%s %ss' "$1" "$2"; fi
}

write_memory() {
  local name
  for name in "${homes[@]}"; do
    if [ -n "${state[$name]-}" ]; then printf '%s %s %s %s\n' "$name" "${state[$name]}" "${since[$name]}" "${times[$name]}"; fi
  done | write_if_changed 0600 "$memory_of_notify/homes" || : # everybody is as before
  # A power cut may cost it, which is as good as a reboot.
  {
    printf '%s %s\n' "$now_boot" "$now_up"
    for name in "${homes[@]}"; do
      printf '%s %s %s %s %s %s\n' "$name" "${handshake[$name]}" "${packets[$name]}" "${stale[$name]}" "${silent[$name]}" \
        "${stays[$name]:-0}"
    done
  } >"$memory_of_notify/heard.next"
  mv "$memory_of_notify/heard.next" "$memory_of_notify/heard"
}

main() {
  local name
  # Not there before the step that says who is watched.
  [ -f "$settings_of_notify/watched" ] || return 0
  take_turn
  stack=$(setting_of_notify stack)
  now=$(date +%s)
  read_memory
  read_heard
  ask_wireguard
  for name in "${homes[@]}"; do look_at "$name"; done
  write_memory
}

main "$@"
