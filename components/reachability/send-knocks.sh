#!/bin/bash
# stdin: `NAME PROTOCOL ADDRESS PORT` a line, each one knock; all are sent at once. stdout: `NAME ANSWER` a line, where the
# answer is open, refused or silent, and behind `open` stands after how many microseconds. Whoever runs it gives it a group of its own, by which knocks are known as they leave.
# Arguments: the eight characters with which a knock over UDP begins, and how long to wait, in tenths of a second.
set -uo pipefail
export LC_ALL=C

# A firewall's refusal may read "No route to host" or "Permission denied" as well.
knock_tcp() { # ADDRESS PORT
  local complaint begin
  if complaint=$({ begin=${EPOCHREALTIME/./} && : <>"/dev/tcp/$1/$2" && echo $((${EPOCHREALTIME/./} - begin)); } 2>&1); then
    echo "open $complaint"
  elif [[ $complaint == *'timed out'* ]]; then
    echo silent
  else
    echo refused
  fi
}

# A service may say nothing to a knock, so silence is no bad sign. A refusal comes back before the next one is sent.
knock_udp() { # ADDRESS PORT TOKEN
  {
    printf '%s' "$3" >&8
    sleep 0.25
    printf '%s' "$3" >&8 && sleep 0.25 && printf '%s' "$3" >&8 && sleep 0.1 && echo silent || echo refused
  } 8<>"/dev/udp/$1/$2"
}

main() { # TOKEN TENTHS
  local name protocol address port tenths answer
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  while read -r name protocol address port; do
    : >"$folder/$name"
    "knock_$protocol" "$address" "$port" "$1" </dev/null >"$folder/$name" 2>/dev/null &
  done
  for ((tenths = $2; tenths > 0; tenths--)); do
    [ -n "$(jobs -pr)" ] || break
    sleep 0.1
  done
  # shellcheck disable=SC2046 # a word each
  kill $(jobs -pr) 2>/dev/null
  wait 2>/dev/null
  for name in "$folder"/*; do
    answer=$(cat "$name")
    printf '%s %s\n' "${name##*/}" "${answer:-silent}"
  done
}

main "$@"
