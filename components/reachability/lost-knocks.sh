# shellcheck shell=bash
# Sourced by prove-forwards.sh, behind verdicts.sh: where knocks were lost that did not come out of the tunnel.
# shellcheck disable=SC2034,SC2154 # the arrays are prove-forwards.sh's

# Ports that most lines let nothing out to, so that only strangers can try them.
readonly often_shut=' 25 135 137 138 139 445 '
# Tenths of a second for the word of a router on the way.
readonly short_patience=7

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
        "it did not come out of the tunnel: a firewall between here and the relay, or on it, swallows it" way
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
      place["$index $family"]=relay
    fi
  done
}
