# shellcheck shell=bash
# Read by mend-host.sh on a relay: what it does about its homes while they are there, and when one has been away.

# From mend-host.sh.
: "${interface:?}"
readonly homes=/etc/homerelay/homes memory=/var/lib/homerelay/endpoints last_heard=/var/lib/homerelay/last-heard
# `PUBLIC-KEY BYTES SECONDS`: bytes received by then, and when that number last grew, in seconds since the boot: a clock
# that is set says nothing of a home.
readonly heard=/run/homerelay-silence
# After a start a home is called at each look. WireGuard by itself repeats a call only after five seconds, and the first one
# may have been made before the network was there.
readonly start_seconds=20

# A home that is there sends something at each keepalive, so that of one that was not heard for so many seconds nothing is
# left to be interrupted. One that its owner set up may have any keepalive that a stack can have.
forget_after() { # KEEPALIVE [by-hand]
  if [ "${2-}" = by-hand ]; then echo 360; else echo "$(($1 > 10 ? 3 * $1 : 30))"; fi
}

look() {
  :
}

# `PUBLIC-KEY ENDPOINT HANDSHAKE BYTES KEEPALIVE SECONDS [by-hand]` of each home.
shown_homes() {
  wg show "$interface" dump | awk -F '\t' '
    NR == FNR { split($0, home, " "); seconds[home[1]] = home[2] " " home[3]; next }
    $1 in seconds { print $1, $3, $5, $6, $8, seconds[$1] }' "$homes" -
}

keep() {
  local now key endpoint handshake bytes keepalive seconds by before since silent known='' next=''
  [ -s "$homes" ] && [ -e "/sys/class/net/$interface" ] || return 0
  read -r now _ </proc/uptime
  now=${now%.*}
  before=$(cat "$heard" 2>/dev/null || :)
  while read -r key endpoint handshake bytes keepalive seconds by; do
    if [ "$endpoint" = '(none)' ]; then continue; fi
    since=$now
    if [[ $'\n'$before == *$'\n'"$key $bytes "* ]]; then
      since=${before#*"$key $bytes "}
      since=${since%%$'\n'*}
    fi
    silent=$((now - since))
    if [ "$silent" -ge "$(forget_after "$seconds" "$by")" ]; then
      forget "$key" "$endpoint" "$handshake" "$silent"
      continue
    fi
    next+="$key $bytes $since"$'\n'
    known+="$key"$'\t'"$endpoint"$'\n'
    if [ "$handshake" = 0 ] && [ "$silent" -lt "$start_seconds" ] && is_remembered "$key" "$endpoint"; then make_anew "$key"; fi
    # One that called for the first time, or was away.
    if [ "$keepalive" = off ]; then wg set "$interface" peer "$key" persistent-keepalive "$seconds"; fi
  done < <(shown_homes)
  printf '%s' "$next" >"$heard"
  if [ "$(sort <<<"${known%$'\n'}")" != "$(cat "$memory" 2>/dev/null)" ]; then /usr/local/lib/homerelay/remember-endpoints.sh save; fi
}

# It may be one whose clock was set back: a peer that is made anew takes its calls, which the one before had to refuse. It
# has no endpoint until it calls, so that the relay does not call a stranger for ever who has its address by now.
forget() { # PUBLIC-KEY ENDPOINT HANDSHAKE SECONDS
  tell "away $1" "the home with the public key $1 was not heard for $4 s; nothing is sent to $2 any more until it calls"
  if [ -f "$memory" ]; then
    { grep -vF "$1	" "$memory" || :; } | write_if_changed 0600 "$memory" || : # it was not there
  fi
  make_anew "$1"
  if [ "$3" != 0 ]; then
    { grep -vF "$1	" "$last_heard" 2>/dev/null || :; printf '%s\t%s\n' "$1" "$3"; } | write_if_changed 0600 "$last_heard" || : # the same
  fi
}

is_remembered() { # PUBLIC-KEY ENDPOINT
  grep -qxF "$1	$2" "$memory" 2>/dev/null
}

# It is called at once where its endpoint is remembered.
make_anew() { # PUBLIC-KEY
  wg set "$interface" peer "$1" remove
  wg syncconf "$interface" <(wg-quick strip "$interface")
  /usr/local/lib/homerelay/remember-endpoints.sh restore
}
