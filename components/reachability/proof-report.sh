# shellcheck shell=bash
# Sourced by prove-forwards.sh: what is told of the verdicts, to people and, in the last line, to the program.
# shellcheck disable=SC2034,SC2154 # the arrays are prove-forwards.sh's

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
  local index comma='' line
  line='reachability {'
  for index in "${!protocols[@]}"; do
    line+="$comma\"${published[$index]}/${protocols[$index]}\":{\"ipv4\":\"$(result "$index 4")\""
    if [ -n "${verdict["$index 6"]-}" ]; then line+=",\"ipv6\":\"$(result "$index 6")\""; fi
    line+='}' comma=,
  done
  say "$line}"
}

# Of what is open, and when this was.
print_measured() {
  local index family line comma='' between
  line="measured {\"at\":$EPOCHSECONDS,\"ports\":{"
  for index in "${!protocols[@]}"; do
    line+="$comma\"${published[$index]}/${protocols[$index]}\":{" comma=, between=''
    for family in 4 6; do
      [ "${verdict["$index $family"]-}" = open ] || continue
      line+="$between\"ipv$family\":{$(measured "$index $family")}" between=,
    done
    line+='}'
  done
  say "$line}}"
}

measured() { # "INDEX FAMILY"
  local saw=${sender[$1]-} micros=${took[$1]-}
  if [ -n "$saw" ]; then printf '"saw":"%s"' "$saw"; fi
  if [ -n "$micros" ]; then
    printf '%s"milliseconds":%d.%d' "${saw:+,}" $((micros / 1000)) $((micros % 1000 / 100))
  fi
}

# For a program: `finding PORT/PROTOCOL FAMILY VERDICT PLACE WHY RULE` with tabs between.
print_findings() {
  local index family IFS=$'\t'
  for index in "${!protocols[@]}"; do
    for family in 4 6; do
      if [ -z "${verdict["$index $family"]-}" ]; then continue; fi
      say "finding$IFS${published[$index]}/${protocols[$index]}$IFS$family$IFS${verdict["$index $family"]}$IFS${place["$index $family"]-}$IFS${why["$index $family"]-}$IFS${ended_by["$index $family"]-}"
    done
  done
}

result() { # "INDEX FAMILY"
  if [ "${verdict[$1]}" = "not tried" ]; then echo "not tried: ${why[$1]}"; else echo "${verdict[$1]}"; fi
}
