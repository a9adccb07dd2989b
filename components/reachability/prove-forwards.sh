#!/bin/bash
# Runs at home and tries each forward from outside, at the relay's public addresses. stdin, besides the knocks:
#   group N          the knocks' own
#   address A        the relay's; `address6` where it has one and IPv6 leads to this home
#   left N           ports for which those that are tried stand
#   PROTOCOL PUBLISHED TARGET MACHINE SOURCES
# MACHINE is one in the LAN or `home`, SOURCES `anybody` or `some`. Argument: the relay's address in the tunnel.
#
# A forward whose service is not up, or that cannot be tried from here, is told; one that a firewall refuses or that gives
# no answer fails the step, with the rule or the hop. The last line is for the program: `reachability` and JSON.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh
# shellcheck source=knock-table.sh
. /usr/local/lib/homerelay/knock-table.sh

# Knocks at a time: fewer than the relay lets in of one source in a second.
readonly at_once=64
# Tenths of a second for an answer, and for the word of a router on the way.
readonly patience=32 short_patience=7
# Seconds after which nothing more is tried, so that all is told before the step is ended.
readonly deadline=240
# Ports that most lines let nothing out to, so that only strangers can try them.
readonly often_shut=' 25 135 137 138 139 445 '

# By forward.
protocols=() published=() targets=() machines=() sources=() arrivals=()
declare -A address=()
group='' left=0 failures=0
# By forward and address family, as "3 6". Verdict: open, nothing listens, refused by a firewall, no answer, not tried.
declare -A verdict=() why=()
# What is known of the knocks under way: by forward their answers, and by "SET PORT" how far they got.
declare -A answers=() noted=() stopped_by=()

read_document() {
  local word a b c d
  while read -r word a b c d; do
    case $word in
      group) group=$a ;;
      address) address[4]=$a ;;
      address6) address[6]=$a ;;
      left) left=$a ;;
      tcp | udp)
        protocols+=("$word") published+=("$a") targets+=("$b") machines+=("$c") sources+=("$d")
        # A forward into the LAN arrives at its published port.
        if [ "$c" = home ]; then arrivals+=("$b"); else arrivals+=("$a"); fi
        ;;
    esac
  done
}

# The relay answers where it last heard this home's keys. That may have been a machine that had them before this one, and
# was on again for a moment. WireGuard makes a new session by itself when nothing has come back for 15 seconds.
call_relay() { # RELAY-ADDRESS
  for _ in {1..25}; do
    if ping -c 1 -W 1 -I "$interface" "$1" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  say "the relay does not answer through the tunnel"
}

has_time() {
  [ "$SECONDS" -lt "$deadline" ]
}

# One knock at each of these forwards, no two of which arrive at one port.
knock() { # FAMILY HOPS TENTHS TRACE INDEX…
  local family=$1 hops=$2 tenths=$3 trace=$4 token segment watching='' index word port
  shift 4
  token=$(od -An -N4 -tx1 /dev/urandom | tr -d ' \n')
  segment=$((600 + RANDOM % 400))
  load_knock_table "$group" "$token" "$segment" "${address[$family]}" "$hops" "$trace"
  if [ -n "$trace" ]; then
    timeout 60 nft monitor trace >"$trace" 2>/dev/null 9>&- &
    watching=$!
    sleep 0.2
  fi
  answers=()
  while read -r index word; do answers[$index]=$word; done < <(
    for index; do
      echo "$index ${protocols[$index]} ${address[$family]} ${published[$index]}"
    done | setpriv --regid "$group" --keep-groups /usr/local/lib/homerelay/send-knocks.sh "$token" "$tenths" 9>&-
  )
  noted=()
  while read -r word port; do noted["$word $port"]=yes; done < <(read_knock_table)
  if [ -n "$watching" ]; then
    kill "$watching" 2>/dev/null || : # its time may be over
    while read -r word port index; do stopped_by["$word $port"]=$index; done < <(read_trace <"$trace")
  fi
}

# Whether the last knock at a forward was seen at a place of the table of knocks.
was_seen() { # PLACE INDEX
  [ -n "${noted["$1_${protocols[$2]} ${arrivals[$2]}"]-}" ]
}

# What has the port at home, by its addresses; nothing where another machine has it.
listeners() { # INDEX
  ss -Hln"${protocols[$1]:0:1}" "sport = :${targets[$1]}" | awk '{ print $4 }' | sort -u | tr '\n' ' '
}

judge() { # FAMILY INDEX VERDICT [WHY]
  verdict["$2 $1"]=$3
  why["$2 $1"]=${4-}
}

# From the answer and from how far the knock got.
judge_knock() { # FAMILY INDEX
  local answer=${answers[$2]-silent} port=${targets[$2]} machine=${machines[$2]} protocol=${protocols[$2]} rule
  rule=${stopped_by["$protocol ${arrivals[$2]}"]-}
  if [ "$answer" = open ]; then
    # A network on the way may make a connection of its own out of ours, so any one that came will do.
    if was_seen any_came_out "$2"; then
      judge "$1" "$2" open
    else
      judge "$1" "$2" "no answer" "something answers, but not this home: no connection came out of the tunnel"
    fi
  elif ! was_seen came_out "$2"; then
    judge "$1" "$2" lost
  elif was_seen own_sender "$2"; then
    judge_own_knock "$1" "$2"
  elif was_seen reached_here "$2"; then
    judge_at_home "$1" "$2"
  elif ! was_seen passed_on "$2"; then
    if [ "$answer" = refused ]; then
      judge "$1" "$2" "refused by a firewall" "${rule:+at home, by this rule: $rule}"
    else
      if [ -n "$rule" ]; then rule="this rule at home drops it: $rule"; else rule="a firewall at home drops it (port $port)"; fi
      judge "$1" "$2" "no answer" "it came out of the tunnel, and $rule"
    fi
  elif was_seen unreachable "$2" && [ "$protocol" = tcp ]; then
    # Of a port at which nothing listens TCP says so itself.
    judge "$1" "$2" "refused by a firewall" "behind the home's own, at $machine, port $port"
  elif [ "$answer" = refused ] || was_seen unreachable "$2"; then
    judge "$1" "$2" "nothing listens" "on $port at $machine"
  elif [ "$protocol" = udp ]; then
    judge "$1" "$2" open
  else
    judge "$1" "$2" "no answer" \
      "it came out of the tunnel and was passed on, so a firewall or the service at $machine swallows it (port $port)"
  fi
}

# With IPv6, or a public address on its own card, this home is the sender of what it knocks with: the guard lets in none who
# poses as this machine, and no answer could leave by the tunnel. What can be seen is that the knock came out of it.
judge_own_knock() { # FAMILY INDEX
  if [ "${machines[$2]}" != home ]; then
    judge "$1" "$2" "not tried" "it comes out of the tunnel, and no answer can be seen from the home itself"
  elif [ -n "$(listeners "$2")" ]; then
    judge "$1" "$2" open
  else
    judge "$1" "$2" "nothing listens" "on ${targets[$2]} at home"
  fi
}

# The knock got past every firewall to this machine's own programs.
judge_at_home() { # FAMILY INDEX
  local listeners port=${targets[$2]}
  listeners=$(listeners "$2")
  if [ "${answers[$2]-silent}" = refused ] || [ -z "$listeners" ]; then
    judge "$1" "$2" "nothing listens" "on $port at home${listeners:+ for it: what has the port listens at ${listeners% } alone}"
  elif [ "${protocols[$2]}" = udp ]; then
    judge "$1" "$2" open
  else
    judge "$1" "$2" "no answer" \
      "it reached port $port at home, so the service is stuck, or its answers leave by another way than the tunnel"
  fi
}

# Of all forwards, those that anybody may knock at in this family.
prove_family() { # FAMILY
  local index waiting=() silent=() trace
  for index in "${!protocols[@]}"; do
    if [ "${sources[$index]}" = some ]; then
      # This home may be none of those that are let in, and need not be.
      judge "$1" "$index" "not tried" "open to some only"
    elif [ "$1" = 6 ] && [ "${machines[$index]}" != home ]; then
      judge "$1" "$index" "not tried" "IPv4 alone leads to a machine in the LAN"
    else
      waiting+=("$index")
    fi
  done
  [ "${#waiting[@]}" -gt 0 ] || return 0
  knock_in_rounds "$1" '' "${waiting[@]}"
  for index in "${waiting[@]}"; do
    case ${verdict["$index $1"]} in lost | 'no answer' | 'refused by a firewall') silent+=("$index") ;; esac
  done
  [ "${#silent[@]}" -gt 0 ] || return 0
  # A packet may get lost; and the rule that drops it can be named. When many are silent, it is no accident.
  trace=$(mktemp)
  knock_in_rounds "$1" "$trace" "${silent[@]:0:at_once}"
  rm "$trace"
  judge_lost "$1" "${silent[@]}"
}

knock_in_rounds() { # FAMILY TRACE INDEX…
  local family=$1 trace=$2 waiting round rest index
  local -A taken
  waiting=("${@:3}")
  while [ "${#waiting[@]}" -gt 0 ]; do
    round=() rest=() taken=()
    for index in "${waiting[@]}"; do
      if [ "${#round[@]}" -lt "$at_once" ] && [ -z "${taken["${protocols[$index]} ${arrivals[$index]}"]-}" ]; then
        taken["${protocols[$index]} ${arrivals[$index]}"]=yes
        round+=("$index")
      else
        rest+=("$index")
      fi
    done
    if has_time; then
      knock "$family" all "$patience" "$trace" "${round[@]}"
      for index in "${round[@]}"; do judge_knock "$family" "$index"; done
    else
      for index in "${round[@]}"; do
        [ -n "${verdict["$index $family"]-}" ] || judge "$family" "$index" "not tried" "there was no time left"
      done
    fi
    waiting=("${rest[@]}")
  done
}

# What did not come out of the tunnel is lost on the way to the relay or there. Strangers come another way, so the first
# is no fault of the forward.
judge_lost() { # FAMILY INDEX…
  local family=$1 index lost=() control=''
  shift
  for index; do
    [ "${verdict["$index $family"]}" = lost ] || continue
    if [[ $often_shut == *" ${published[$index]} "* ]]; then
      judge "$family" "$index" "not tried" "many lines let nothing out to port ${published[$index]}, and this one seems to be one of them"
    else
      judge "$family" "$index" "no answer" \
        "it did not come out of the tunnel: a firewall between here and the relay, or on it, swallows it"
      lost+=("$index")
    fi
  done
  [ "${#lost[@]}" -gt 0 ] || return 0
  for index in "${!protocols[@]}"; do
    case ${verdict["$index $family"]-} in open | 'nothing listens') control=$index ;; esac
  done
  if [ -n "$control" ]; then
    locate_loss "$family" "$control" "${lost[@]:0:3}"
  elif [ "$family" = 6 ] && ! ping -6 -c 3 -i 0.3 -W 2 "${address[6]}" >/dev/null 2>&1; then
    for index in "${lost[@]}"; do
      judge 6 "$index" "not tried" "from here nothing gets to the relay over IPv6, not even a ping"
    done
  fi
}

# Lets knocks pass one more router each time: those on the way say when they drop one for that, and so how far it came.
# Routers answer only a few such knocks a second, so three forwards stand for all that were lost.
locate_loss() { # FAMILY CONTROL INDEX…
  local family=$1 control=$2 hops index
  local -A reached=()
  shift
  for hops in {1..20}; do
    has_time || break
    knock "$family" "$hops" "$short_patience" '' "$@"
    for index; do
      if [ -n "${noted["expired_${protocols[$index]} ${published[$index]}"]-}" ]; then reached[$index]=$hops; fi
    done
    # The relay counts as a router, too, and here the knock is at home.
    if was_seen came_out "$control"; then break; fi
  done
  shift
  for index; do
    if [ "${reached[$index]-0}" -lt "${reached[$control]-0}" ]; then
      judge "$family" "$index" "not tried" \
        "this line lets nothing out to port ${published[$index]}: it is lost ${reached[$index]-0} routers from here, where port ${published[$control]} gets on"
    elif [ -n "${reached[$control]-}" ]; then
      why["$index $family"]="it gets as far as port ${published[$control]} does, ${reached[$control]} routers from here, and not out of the tunnel: a firewall on the relay, or its provider's, swallows it"
    fi
  done
}

# A way to the relay over IPv6 that is no tunnel of ours. Prints why there is none.
find_ipv6() {
  local route
  route=$(ip -6 route get "${address[6]}" 2>/dev/null || :) # no route at all
  if [[ $route != *' dev '* || $route == *" dev $interface "* || $route == *unreachable* ]]; then
    echo "this home has no IPv6 of its own"
  fi
}

# IPv6 is told apart only where it differs; what is not tried over it comes at the end.
tell() { # INDEX
  local name="${protocols[$1]} ${published[$1]}" four six
  four=$(describe "$1 4")
  say "$name: $four"
  if [ -z "${verdict["$1 6"]-}" ] || [ "${verdict["$1 6"]}" = "not tried" ]; then return; fi
  six=$(describe "$1 6")
  [ "$six" = "$four" ] || say "$name over IPv6: $six"
}

describe() { # "INDEX FAMILY"
  local reason=${why[$1]}
  case ${verdict[$1]} in
    open) if [ "${protocols[${1% *}]}" = udp ]; then echo "arrives at home"; else echo open; fi ;;
    'nothing listens') echo "the way is free, but nothing listens $reason" ;;
    *) echo "${verdict[$1]}${reason:+: $reason}" ;;
  esac
}

say_not_tried_over_ipv6() {
  local index reason
  for index in "${!protocols[@]}"; do
    reason=${why["$index 6"]-}
    if [ "${verdict["$index 6"]-}" = "not tried" ] && [ "$reason" != "${why["$index 4"]}" ]; then
      printf 'not tried over IPv6: %s\n' "$reason"
    fi
  done | sort -u
}

# A forward counts once, though it may fail over both families.
count_failures() {
  local index
  for index in "${!protocols[@]}"; do
    case "${verdict["$index 4"]} ${verdict["$index 6"]-}" in
      *'refused by a firewall'* | *'no answer'*) failures=$((failures + 1)) ;;
    esac
  done
}

# No text in it has a character that JSON would want quoted.
print_results() {
  local index family comma='' line
  line='reachability {'
  for index in "${!protocols[@]}"; do
    line+="$comma\"${published[$index]}/${protocols[$index]}\":{\"ipv4\":\"$(result "$index 4")\""
    if [ -n "${verdict["$index 6"]-}" ]; then line+=",\"ipv6\":\"$(result "$index 6")\""; fi
    line+='}' comma=,
  done
  say "$line}"
}

result() { # "INDEX FAMILY"
  if [ "${verdict[$1]}" = "not tried" ]; then echo "not tried: ${why[$1]}"; else echo "${verdict[$1]}"; fi
}

main() { # RELAY-ADDRESS
  local index without6=''
  read_document
  call_relay "$1"
  watch_over_table
  prove_family 4
  if [ -n "${address[6]-}" ]; then
    without6=$(find_ipv6)
    if [ -z "$without6" ]; then
      prove_family 6
    else
      for index in "${!protocols[@]}"; do judge 6 "$index" "not tried" "$without6"; done
    fi
  fi
  for index in "${!protocols[@]}"; do tell "$index"; done
  say_not_tried_over_ipv6
  if [ "$left" -gt 0 ]; then say "$left more ports were not tried: these stand for them"; fi
  count_failures
  if [ "$failures" -gt 0 ]; then
    /usr/local/lib/homerelay/name-neighbours.sh
    die "$failures of the forwards do not work from outside"
  fi
  print_results
}

main "$@"
