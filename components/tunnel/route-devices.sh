#!/bin/bash
# Brings the relay's routes and rules for what devices reach behind homes in line with /etc/homerelay/routes. Run by
# wg-quick when the tunnel comes up and by apply-tunnel.sh; `remove` takes them away again.
# Rules of ours are known by their priority, 5180-5199, and routes by their table.
set -euo pipefail
export LC_ALL=C

# shellcheck source=families.sh
. /usr/local/lib/homerelay/families.sh

readonly interface=homerelay table=51820 wanted=/etc/homerelay/routes

# The kernel's as "4 route PREFIX" and "4 rule priority N from ADDRESS lookup …", one a line, as in the wanted file.
current() {
  local family
  for family in 4 6; do
    # A table without a route does not exist.
    { ip -"$family" route show table "$table" 2>/dev/null || :; } |
      awk -v family="$family" -v device="$interface" '$2 == "dev" && $3 == device { print family " route " $1 }'
    { ip -"$family" rule show 2>/dev/null || :; } | awk -v family="$family" '
      { priority = $1; sub(":", "", priority) }
      priority >= 5180 && priority <= 5199 {
        $1 = ""; gsub(" +", " "); sub("^ ", ""); sub(" $", ""); print family " rule priority " priority " " $0
      }'
  done
}

wanted_ways() {
  sed -n "/^[${families[*]}] /p" "$wanted" | sort -u
}

change() { # add|delete FAMILY KIND WORDS…
  local verb=$1 family=$2 kind=$3
  shift 3
  if [ "$kind" = route ]; then
    ip -"$family" route "$verb" "$1" dev "$interface" table "$table"
  elif [ "$verb" = add ]; then
    # As the kernel's own: systemd-networkd removes all others that it did not make, whenever it sets up an interface.
    ip -"$family" rule add "$@" protocol kernel
  else
    ip -"$family" rule delete "$@"
  fi
}

main() {
  local family kind words lines
  lines=$(if [ "${1-}" != remove ] && [ -f "$wanted" ]; then wanted_ways; fi)
  # First what is missing, then what is too much: at no moment does a wanted way not exist.
  comm -13 <(current | sort -u) <(printf '%s' "${lines:+$lines$'\n'}") | while read -r family kind words; do
    # shellcheck disable=SC2086 # a rule is a list of words
    change add "$family" "$kind" $words
  done
  comm -23 <(current | sort -u) <(printf '%s' "${lines:+$lines$'\n'}") | while read -r family kind words; do
    # shellcheck disable=SC2086
    change delete "$family" "$kind" $words
  done
}

main "$@"
