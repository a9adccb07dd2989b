# shellcheck shell=bash
# Sourced by prove-forwards.sh, whose arrays it reads and fills: what became of a forward, from the answer to a knock and
# from how far it got.
# shellcheck disable=SC2034,SC2154 # the arrays are prove-forwards.sh's

# Whether the last knock at a forward was seen at a place of the table of knocks.
was_seen() { # PLACE INDEX
  [ -n "${noted["$1_${protocols[$2]} ${arrivals[$2]}"]-}" ]
}

# What has the port at home, by its addresses; nothing where another machine has it.
listeners() { # INDEX
  ss -Hln"${protocols[$1]:0:1}" "sport = :${targets[$1]}" | awk '{ print $4 }' | sort -u | tr '\n' ' '
}

# PLACE, for programs: where a knock ended that did not get an answer. RULE: the one that ended it there.
judge() { # FAMILY INDEX VERDICT [WHY [PLACE [RULE]]]
  verdict["$2 $1"]=$3
  why["$2 $1"]=${4-}
  place["$2 $1"]=${5-}
  ended_by["$2 $1"]=${6-}
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
      judge "$1" "$2" "no answer" "something answers, but not this home: no connection came out of the tunnel" another
    fi
  elif ! was_seen came_out "$2"; then
    judge "$1" "$2" lost '' way
  elif was_seen own_sender "$2"; then
    judge_own_knock "$1" "$2"
  elif was_seen reached_here "$2"; then
    judge_at_home "$1" "$2"
  elif ! was_seen passed_on "$2"; then
    if [ "$answer" = refused ]; then
      judge "$1" "$2" "refused by a firewall" "${rule:+at home, by this rule: $rule}" firewall "$rule"
    else
      judge "$1" "$2" "no answer" \
        "it came out of the tunnel, and ${rule:+this rule at home drops it: }${rule:-a firewall at home drops it (port $port)}" \
        firewall "$rule"
    fi
  elif was_seen unreachable "$2" && [ "$protocol" = tcp ]; then
    # Of a port at which nothing listens TCP says so itself.
    judge "$1" "$2" "refused by a firewall" "behind the home's own, at $machine, port $port" lan
  elif [ "$answer" = refused ] || was_seen unreachable "$2"; then
    judge "$1" "$2" "nothing listens" "on $port at $machine" service
  elif [ "$protocol" = udp ]; then
    judge "$1" "$2" open
  else
    judge "$1" "$2" "no answer" \
      "it came out of the tunnel and was passed on, so a firewall or the service at $machine swallows it (port $port)" lan
  fi
}

# What else is known of the last knock at a forward.
measure() { # FAMILY INDEX
  sender["$2 $1"]=${noted["sender_${protocols[$2]} ${arrivals[$2]}"]-}
  took["$2 $1"]=${delays[$2]-}
}

# With IPv6, or a public address on its own card, this home is the sender of what it knocks with: the guard lets in none who
# poses as this machine, and no answer could leave by the tunnel. What can be seen is that the knock came out of it.
judge_own_knock() { # FAMILY INDEX
  if [ "${machines[$2]}" != home ]; then
    judge "$1" "$2" "not tried" "it comes out of the tunnel, and no answer can be seen from the home itself"
  elif [ -n "$(listeners "$2")" ]; then
    judge "$1" "$2" open
  else
    judge "$1" "$2" "nothing listens" "on ${targets[$2]} at home" service
  fi
}

# The knock got past every firewall to this machine's own programs.
judge_at_home() { # FAMILY INDEX
  local listeners port=${targets[$2]}
  listeners=$(listeners "$2")
  if [ "${answers[$2]-silent}" = refused ] || [ -z "$listeners" ]; then
    judge "$1" "$2" "nothing listens" "on $port at home${listeners:+ for it: what has the port listens at ${listeners% } alone}" service
  elif [ "${protocols[$2]}" = udp ]; then
    judge "$1" "$2" open
  else
    judge "$1" "$2" "no answer" \
      "it reached port $port at home, so the service is stuck, or its answers leave by another way than the tunnel" answer
  fi
}
