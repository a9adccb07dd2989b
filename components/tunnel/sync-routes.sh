#!/bin/bash
# Brings our routing rules and the routes of our table in line with /etc/homerelay/routes. Run when the tunnel has come up,
# by the steps that write that file, and by homerelay-mend.timer, since others change rules as well; `remove` takes all of
# them away again, and so does any run where the tunnel is not there. `look` changes nothing: it prints what somebody has
# changed since, as mend-host.sh has it, and its exit code is 3 where this host has become one that needs other rules.
#
# The file says first which table is ours, then which rules and routes there should be, each behind its address family
# and in the words of `ip rule` and `ip route`; routes lead into the tunnel:
#   table N
#   4 route PREFIX
#   4 rule priority N SELECTOR lookup TABLE
#   4 rule first SELECTOR lookup TABLE    before everybody else's, in the order of the file
#   6 rule refused SELECTOR lookup TABLE  among those, while the main table refuses what it knows no way for
#   6 rule allowed SELECTOR lookup TABLE  among those, while it does not
#   6 rule lost SELECTOR lookup TABLE     among those, while it does, and no other table knows a way to the internet
#   4 rule shield SELECTOR lookup TABLE   behind those, where they have priority 0
# No other rule and no other route is ever deleted.
set -euo pipefail
export LC_ALL=C

# shellcheck source=families.sh
. /usr/local/lib/homerelay/families.sh

readonly interface=homerelay wanted=/etc/homerelay/routes
# The lines that last came into force, with priorities for all: what they say is ours as well. It is gone after a
# reboot, as rules and routes are.
readonly in_force=/run/homerelay-routes

# Lines of the first text that are, or are not, in the second one.
common() { # LINES LINES
  grep -xF -f <(printf '%s\n' "$2") <<<"$1" | grep . || : # none
}

except() { # LINES LINES
  grep -vxF -f <(printf '%s\n' "$2") <<<"$1" | grep . || : # none
}

# All rules of the kernel in the words of the file, in their order.
shown_rules() { # FAMILY
  # Where there is no IPv6 there are no rules for it.
  { ip -"$1" rule show 2>/dev/null || :; } | awk -v family="$1" '{
    priority = $1; sub(":", "", priority)
    $1 = ""; sub("^ *from all", ""); sub("^ +", ""); gsub(" +", " "); sub(" $", "")
    # As older versions of iproute2 put it; the name of a protocol, where the machine knows it; and what is added to a
    # rule whose target or interface is not there yet.
    sub("suppress_prefixlen ", "suppress_prefixlength "); sub("ipproto (ipproto-17|udp)", "ipproto 17")
    gsub(" \\[(unresolved|detached)\\]", "")
    print family " rule priority " priority " " $0
  }'
}

# Those of the rules that lead into our tables, or came into force by us.
our_rules() { # RULES
  awk -v tables="$tables" -v previous="$previous" '
    BEGIN {
      n = split(previous, lines, "\n")
      for (i = 1; i <= n; i++) ours[lines[i]]
      n = split(tables, table, " ")
    }
    { mine = $0 in ours; for (i = 1; i <= n; i++) mine = mine || $0 ~ " lookup " table[i] "$" }
    mine' <<<"$1"
}

# The priority of the rules that come first. 0, behind the kernel's own rule, keeps out whoever comes later. But a shield
# must not come before rules by which somebody tells senders or targets apart: then ours only come before theirs, with
# room for two more, since what is added without a priority gets the number below.
first_priority() { # RULES-OF-OTHERS
  awk '
    # Some move the rule for local addresses, which is the first of the kernel; ours come directly behind it.
    / lookup local$/ { if ($4 > 0) moved = $4; next }
    $4 == 0 || $4 >= 32766 { next }
    { sub("^[46] rule priority [0-9]+ ", "") }
    /^not from all fwmark 0x[0-9a-f]+ lookup [^ ]+$/ || $0 == "lookup main suppress_prefixlength 0" { next }
    { told_apart = 1 }
    END { print moved ? moved : told_apart ? 2 : 0 }' <<<"$1"
}

# Whether a default route of the main table says that there is no way, with which the search for one ends: the kernel
# passes over no such route. Several are shown in the order in which they count.
main_refuses() { # FAMILY
  ip -"$1" route show table main 2>/dev/null |
    awk '/^([a-z]+ )?default/ && !seen++ { refused = /^(unreachable|blackhole|prohibit) / } END { exit !refused }'
}

# Which of the lines for FAMILY that come first count now.
first_lines() { # FAMILY
  if ! main_refuses "$1"; then
    echo 'first|allowed'
  elif [ "$1" = 6 ] && ! ip -6 route get 2000:: >/dev/null 2>&1; then
    echo 'first|refused|lost'
  else
    echo 'first|refused'
  fi
}

# The networks of the internet over IPv6 that the main table knows all the same come before what leads into the tunnel.
with_known_networks() { # TEXT
  local known
  known=$(ip -6 route show table main | awk '$1 ~ /^[23][0-9a-f]*:/ { print "6 rule refused to " $1 " lookup main" }' | sort -u)
  awk -v known="$known" '/^6 rule refused / && known { print known; known = "" } { print }' <<<"$1"
}

# Lines of the wanted ones for FAMILY, if this machine speaks it.
wanted_lines() { # FAMILY KIND
  if [[ " ${families[*]} " == *" $1 "* ]]; then grep -E "^$1 $2 " <<<"$text" || :; fi
}

change_rules() { # add|delete RULES
  local family words
  if [ -n "$looking" ]; then
    note_difference rule "$1" "$2"
    return
  fi
  # As the kernel's own: systemd-networkd removes all others that it did not make, whenever it sets up an interface.
  local maker=(protocol kernel)
  if [ "$1" = delete ]; then maker=(); fi
  while read -r family _ words; do
    # shellcheck disable=SC2086 # a rule is a list of words
    if [ -n "$words" ]; then ip -"$family" rule "$1" $words "${maker[@]}"; fi
  done <<<"$2"
  if [ -n "$2" ]; then changed=yes; fi
}

note_difference() { # rule|route add|delete LINES
  local family words states=$'missing\tthere'
  if [ "$2" = delete ]; then states=$'there\tmissing'; fi
  while read -r family _ words; do
    if [ -n "$words" ]; then differences+="$1"$'\t'"IPv$family $words"$'\t'"$states"$'\n'; fi
  done <<<"$3"
}

# First what is missing, then what is too much: at no moment does a wanted rule not exist. Only where one in the middle of
# those that come first is missing, these come anew, since they count in the order in which they were added.
sync_rules() { # FAMILY
  local shown first kinds front rest mine kept
  shown=$(shown_rules "$1")
  first=$(first_priority "$(except "$shown" "$(our_rules "$shown")")")
  kinds=$(first_lines "$1")
  front=$(wanted_lines "$1" "rule ($kinds)" | sed -E "s/ ($kinds) / priority $first /")
  # A shield before a table that refuses would refuse for everybody.
  if [ "$first" = 0 ] && [[ $kinds != *refused* ]]; then front+=$'\n'$(wanted_lines "$1" 'rule shield' | sed "s/ shield / priority 0 /"); fi
  front=$(grep . <<<"$front" || :)
  rest=$(wanted_lines "$1" 'rule priority')
  mine=$(common "$shown" "$front"$'\n'"$rest"$'\n'"$(our_rules "$shown")")
  kept=$(common "$mine" "$front")
  if [[ "$front"$'\n' != "$kept"$'\n'* ]] && [ -n "$kept" ] && [ -n "$looking" ]; then
    if [ -z "$(except "$front" "$kept")" ]; then
      differences+=$'rule\t'"order of the first rules of IPv$1"$'\tanother\t'"as in $wanted"$'\n'
    fi
  elif [[ "$front"$'\n' != "$kept"$'\n'* ]] && [ -n "$kept" ]; then
    # Also those that are too much: to the kernel, one that asks for less is the same as one that asks for more.
    change_rules delete "$(except "$mine" "$rest")"
    kept='' mine=$(common "$mine" "$rest")
  fi
  change_rules add "$(except "$front" "$kept")"
  change_rules add "$(except "$rest" "$mine")"
  change_rules delete "$(except "$mine" "$front"$'\n'"$rest")"
  force+=$front$'\n'$rest$'\n'
}

# With their table.
shown_routes() { # FAMILY
  local number
  for number in $tables; do
    # A table without a route does not exist.
    { ip -"$1" route show table "$number" 2>/dev/null || :; } |
      awk -v family="$1" -v number="$number" -v device="$interface" '
        $2 == "dev" && $3 == device { print family " route " $1 " table " number }'
  done
}

wanted_routes() { # FAMILY
  wanted_lines "$1" route | sed "s/\$/ table $table/"
}

change_routes() { # add|delete ROUTES
  local family words
  if [ -n "$looking" ]; then
    note_difference route "$1" "$2"
    return
  fi
  while read -r family _ words; do
    # shellcheck disable=SC2086
    if [ -n "$words" ]; then ip -"$family" route "$1" $words dev "$interface"; fi
  done <<<"$2"
  if [ -n "$2" ]; then changed=yes; fi
}

main() { # [remove|look]
  local family before
  # The tunnel, a step and the timer may run this at once.
  umask 077
  exec 8>"$in_force.lock"
  flock -w 30 8 || echo "another run of this is under way for long" >&2
  before=$(cat "$in_force" 2>/dev/null || :)
  text='' table='' force='' changed='' differences='' looking=''
  if [ "${1-}" = look ]; then looking=yes; fi
  if [ "${1-}" != remove ] && [ -s "$wanted" ] && ip link show dev "$interface" >/dev/null 2>&1; then
    text=$(cat "$wanted")
    table=$(sed -n 's/^table \([0-9]\+\)$/\1/p' "$wanted")
    if [ -z "$table" ]; then
      echo "$wanted does not say which table is ours" >&2
      exit 1
    fi
    if main_refuses 6; then text=$(with_known_networks "$text"); fi
  fi
  # Whatever became of these files, what they still say is taken away.
  previous=$({ grep -E '^[46] rule priority [0-9]+ ' "$in_force" 2>/dev/null || :; } | sed 's/ipproto udp/ipproto 17/')
  tables=$(cat "$wanted" "$in_force" 2>/dev/null | sed -n 's/^table \([0-9]\+\)$/\1/p' | sort -u | tr '\n' ' ' || :)
  # Before the first change: whoever comes after a run that was killed has to know what may be ours.
  if [ -n "$text" ] && [ -z "$looking" ]; then
    printf '%s\n' "$(cat "$in_force" 2>/dev/null)" "$text" \
      "$(sed -n 'h; s/ rule \(allowed\|first\|lost\|refused\|shield\) / rule priority 0 /p; g; s/ rule \(allowed\|first\|lost\|refused\) / rule priority 2 /p' <<<"$text")" >"$in_force.next"
    mv "$in_force.next" "$in_force"
  fi
  # A rule comes after the route that it leads to, and goes before it.
  for family in 4 6; do
    change_routes add "$(except "$(wanted_routes $family)" "$(shown_routes $family)")"
    sync_rules $family
    change_routes delete "$(except "$(shown_routes $family)" "$(wanted_routes $family)")"
  done
  if [ -z "$text" ]; then
    [ -n "$looking" ] || rm -f "$in_force"
    return
  fi
  force="table $table"$'\n'$(grep . <<<"$force" || :)
  if [ -n "$looking" ]; then
    if [ "$force" != "$before" ]; then exit 3; fi
    printf '%s' "$differences"
    return
  fi
  if [ -n "$changed" ] && [ "$force" = "$before" ]; then
    # Nobody may be listening any more, which is no reason to stop.
    echo "somebody had taken away routes or rules of home-relay; they are back" || :
  fi
  printf '%s\n' "$force" >"$in_force"
}

main "$@"
