#!/bin/bash
# Runs at home and tries each forward from outside, at the relay's public addresses. stdin, besides the knocks:
#   group N          the knocks' own
#   address A        the relay's; `address6` where it has one and IPv6 leads to this home
#   left N           ports for which those that are tried stand
#   PROTOCOL PUBLISHED TARGET MACHINE SOURCES
# MACHINE is one in the LAN or `home`, SOURCES `anybody` or `some`. Arguments: the relay's address in the tunnel, and
# `findings`, where a program asks: then all is told for it alone, and no forward fails the script.
#
# A forward whose service is not up, or that cannot be tried from here, is told; one that a firewall refuses or that gives
# no answer fails the step, with the rule or the hop. The last two lines are for the program: `measured` and `reachability`,
# and JSON.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh
# shellcheck source=knock-table.sh
. /usr/local/lib/homerelay/knock-table.sh
# shellcheck source=verdicts.sh
. /usr/local/lib/homerelay/verdicts.sh
# shellcheck source=lost-knocks.sh
. /usr/local/lib/homerelay/lost-knocks.sh
# shellcheck source=proof-report.sh
. /usr/local/lib/homerelay/proof-report.sh

# Knocks at a time: fewer than the relay lets in of one source in a second.
readonly at_once=64
# Tenths of a second for an answer.
readonly patience=32
# Seconds after which nothing more is tried, so that all is told before the step is ended.
readonly deadline=240

# By forward.
protocols=() published=() targets=() machines=() sources=() arrivals=()
declare -A address=()
group='' left=0 failures=0
# By forward and address family, as "3 6". Verdict: open, nothing listens, refused by a firewall, no answer, not tried.
# Until it is known where a knock was lost: lost.
declare -A verdict=() why=() place=() ended_by=()
# By the same, of what is open: from which address the knock came to the service, and after how many microseconds it was
# answered, which UDP does not tell.
declare -A sender=() took=()
# What is known of the knocks under way: by forward their answers and how long these took, and by "SET PORT" how far they
# got.
declare -A answers=() delays=() noted=() stopped_by=()

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
  answers=() delays=()
  while read -r index word port; do answers[$index]=$word delays[$index]=$port; done < <(
    for index; do
      echo "$index ${protocols[$index]} ${address[$family]} ${published[$index]}"
    done | setpriv --regid "$group" --keep-groups /usr/local/lib/homerelay/send-knocks.sh "$token" "$tenths" 9>&-
  )
  noted=()
  while read -r word port index; do noted["$word $port"]=${index:-yes}; done < <(read_knock_table)
  if [ -n "$watching" ]; then
    kill "$watching" 2>/dev/null || : # its time may be over
    while read -r word port index; do stopped_by["$word $port"]=$index; done < <(read_trace <"$trace")
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
      for index in "${round[@]}"; do
        judge_knock "$family" "$index"
        measure "$family" "$index"
      done
    else
      for index in "${round[@]}"; do
        [ -n "${verdict["$index $family"]-}" ] || judge "$family" "$index" "not tried" "there was no time left"
      done
    fi
    waiting=("${rest[@]}")
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

main() { # RELAY-ADDRESS [findings]
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
  if [ "${2-}" = findings ]; then
    print_findings
    return
  fi
  for index in "${!protocols[@]}"; do tell "$index"; done
  say_not_tried_over_ipv6
  if [ "$left" -gt 0 ]; then say "$left more ports were not tried: these stand for them"; fi
  count_failures
  if [ "$failures" -gt 0 ]; then
    /usr/local/lib/homerelay/name-neighbours.sh
    die "$failures of the forwards do not work from outside"
  fi
  print_measured
  print_results
}

main "$@"
