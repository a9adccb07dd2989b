#!/bin/bash
# Brings our routing rules and the routes of our table in line with /etc/homerelay/routes. Run by wg-quick when the
# tunnel comes up and by the steps that write that file; `remove` takes all of them away again.
#
# The file says first which rules and routes are ours, then which of them there should be, each behind its address
# family and in the words of `ip rule` and `ip route`; routes lead into the tunnel:
#   table N
#   priorities FIRST-LAST
#   4 route PREFIX
#   4 rule priority N SELECTOR lookup TABLE
# No other rule and no other route is ever deleted.
set -euo pipefail
export LC_ALL=C

# shellcheck source=families.sh
. /usr/local/lib/homerelay/families.sh

readonly interface=homerelay wanted=/etc/homerelay/routes
# The file as it was when it last came into force: if it had other numbers, what stands under those is ours as well. It
# is gone after a reboot, as rules and routes are.
readonly in_force=/run/homerelay-routes

# "TABLE FIRST LAST" of one of these files; nothing for an empty one.
numbers() { # FILE
  [ -s "$1" ] || return 0
  awk '
    $1 == "table" { table = $2 }
    $1 == "priorities" { split($2, end, "-") }
    END {
      if (table == "" || end[2] == "") { print FILENAME " does not say which rules are ours" > "/dev/stderr"; exit 1 }
      print table, end[1], end[2]
    }' "$1"
}

# What stands under our numbers, in the words of the file of wanted ones; routes with their table.
current() {
  local family table first last
  sort -u <<<"$ours" | while read -r table first last; do
    if [ -z "$table" ]; then continue; fi
    for family in 4 6; do
      # A table without a route does not exist.
      { ip -"$family" route show table "$table" 2>/dev/null || :; } |
        awk -v family="$family" -v table="$table" -v device="$interface" '
          $2 == "dev" && $3 == device { print family " route " $1 " table " table }'
      # Where there is no IPv6 there are no rules for it.
      { ip -"$family" rule show 2>/dev/null || :; } | awk -v family="$family" -v first="$first" -v last="$last" '
        { priority = $1; sub(":", "", priority) }
        priority + 0 >= first + 0 && priority + 0 <= last + 0 {
          $1 = ""; sub("^ *from all", ""); sub("^ +", ""); gsub(" +", " "); sub(" $", "")
          # As older versions of iproute2 put it, and what they add to a rule whose target is not there yet.
          sub("suppress_prefixlen ", "suppress_prefixlength "); sub(" \\[unresolved\\]$", "")
          print family " rule priority " priority " " $0
        }'
    done
  done | sort -u
}

# In the address families that this machine speaks.
wanted_lines() {
  [ -s "$wanted" ] || return 0
  awk -v families="${families[*]}" '
    $1 == "table" { table = $2 }
    index(" " families " ", " " $1 " ") { print $0 ($2 == "route" ? " table " table : "") }' "$wanted" | sort -u
}

change() { # add|delete FAMILY KIND WORDS…
  local verb=$1 family=$2 kind=$3
  shift 3
  if [ "$kind" = route ]; then
    ip -"$family" route "$verb" "$@" dev "$interface"
  elif [ "$verb" = add ]; then
    # As the kernel's own: systemd-networkd removes all others that it did not make, whenever it sets up an interface.
    ip -"$family" rule add "$@" protocol kernel
  else
    ip -"$family" rule delete "$@"
  fi
}

main() { # [remove]
  local lines='' family kind words
  if [ "${1-}" = remove ]; then
    # Whatever became of these files, the rest is taken away.
    ours=$(numbers "$in_force" || :)$'\n'$(numbers "$wanted" || :)
  else
    ours=$(numbers "$in_force" || :)$'\n' # damaged: what stood under other numbers stays until the next boot
    ours+=$(numbers "$wanted")
    lines=$(wanted_lines)
  fi
  # First what is missing, then what is too much: at no moment does a wanted rule not exist. A rule comes after the
  # route that it leads to, and goes before it.
  comm -13 <(current) <(printf '%s' "${lines:+$lines$'\n'}") | while read -r family kind words; do
    # shellcheck disable=SC2086 # a rule is a list of words
    change add "$family" "$kind" $words
  done
  comm -23 <(current) <(printf '%s' "${lines:+$lines$'\n'}") | sort -r | while read -r family kind words; do
    # shellcheck disable=SC2086
    change delete "$family" "$kind" $words
  done
  if [ -n "$lines" ]; then cp "$wanted" "$in_force"; else rm -f "$in_force"; fi
}

main "$@"
