# shellcheck shell=bash
# Read by mend-host.sh at home: whether the relay is heard, which sends something every few seconds, and what is done
# while it is not. WireGuard by itself waits for two minutes, if nothing but keepalives is sent; it looks a name up once;
# and it never takes another port, so a NAT on the way that swallows packets from this one does so for ever.

# From mend-host.sh.
: "${interface:?}"
readonly config=/etc/wireguard/$interface.conf
# `BYTES SINCE TRIES NEXT TOLD`: bytes received, when that number last grew, how often the relay has been called anew
# since, when it is called next, and whether it was said. In seconds since the boot.
readonly heard=/run/homerelay-silence
# From so many seconds on the session is over for certain, and a reader should know.
readonly say_after=150
# From so many on the relay is called from another port. Before, its own call to the port that it remembers would be lost.
readonly other_port_after=60

look() {
  :
}

wanted_value() { # KEY
  sed -n "s/^$1 = //p" "$config"
}

keep() {
  local now bytes handshake before since tries next is_told keepalive silent
  [ -f "$config" ] && [ -e "/sys/class/net/$interface" ] || return 0
  keepalive=$(wanted_value PersistentKeepalive)
  # With none, silence says nothing.
  [ -n "$keepalive" ] || return 0
  read -r bytes handshake < <(bytes_and_handshake)
  now=$(seconds_since_boot)
  read -r before since tries next is_told 2>/dev/null <"$heard" || before=none
  if [ "$before" != "$bytes" ]; then
    is_heard "$bytes" "$now" "$before" "${since-}" "${is_told-}"
    return
  fi
  silent=$((now - since))
  if [ "$silent" -lt "$(patience "$handshake" "$keepalive")" ] || [ "$now" -lt "$next" ]; then return 0; fi
  # A relay of another version may be silent, and answer.
  if [ "$handshake" != 0 ] && ping -c 1 -W 1 -I "$interface" "$(relay_address)" >/dev/null 2>&1; then return 0; fi
  tries=$((tries + 1))
  if [ "$silent" -ge "$say_after" ] && [ "$is_told" = no ]; then
    say_silent "$silent" "$handshake"
    is_told=yes
  fi
  call_anew "$silent"
  # A peer that is made anew counts anew.
  bytes=$(bytes_and_handshake)
  printf '%s\n' "${bytes% *} $since $tries $(($(seconds_since_boot) + $(back_off "$tries" "$handshake"))) $is_told" >"$heard"
}

# BYTES SECONDS-SINCE-1970. To some an integer (%d) ends at 2 GB.
bytes_and_handshake() {
  wg show "$interface" dump |
    awk -F '\t' 'NR > 1 { bytes += $6; if ($5 > last) last = $5 } END { printf "%.0f %.0f\n", bytes, last }'
}

seconds_since_boot() {
  local seconds
  read -r seconds _ </proc/uptime
  echo "${seconds%.*}"
}

is_heard() { # BYTES NOW BEFORE SINCE TOLD
  if [ "$5" = yes ] && [ "$3" != none ] && [ "$1" -gt "$3" ]; then
    tell 'relay back' "the relay is heard again, after $(($2 - $4)) s"
  fi
  printf '%s\n' "$1 $2 0 0 no" >"$heard"
}

# Seconds without a word. The first call of all may have come before the relay, or the line, was there.
patience() { # HANDSHAKE KEEPALIVE
  if [ "$1" = 0 ]; then
    echo 1
  elif [ "$2" -gt 7 ]; then
    echo "$(($2 * 2))"
  else
    echo 15
  fi
}

# Seconds until the next try.
back_off() { # TRIES HANDSHAKE
  local tries=$1
  if [ "$2" = 0 ]; then
    if [ "$tries" -le 8 ]; then
      echo 0
      return
    fi
    tries=$((tries - 8))
  fi
  if [ "$tries" -gt 6 ]; then echo 600; else echo "$((15 << (tries - 1)))"; fi
}

# A peer that is made anew is called at once, and a name in the configuration is looked up for it.
call_anew() { # SILENT
  local key
  for key in $(wanted_value PublicKey); do wg set "$interface" peer "$key" remove; done
  if [ "$1" -ge "$other_port_after" ]; then wg set "$interface" listen-port 0; fi
  WG_ENDPOINT_RESOLUTION_RETRIES=1 timeout 10 wg syncconf "$interface" <(wg-quick strip "$interface") && return
  # A name that nobody can look up now; the peer is needed all the same, for what else looks for it.
  wg syncconf "$interface" <(wg-quick strip "$interface" | grep -v '^Endpoint = ')
}

# The first address of the tunnel's network.
relay_address() {
  local address length a b c d number
  address=$(wanted_value Address)
  length=${address#*/}
  IFS=. read -r a b c d <<<"${address%%/*}"
  number=$(((a << 24 | b << 16 | c << 8 | d) >> (32 - ${length%%,*}) << (32 - ${length%%,*}) | 1))
  echo "$((number >> 24 & 255)).$((number >> 16 & 255)).$((number >> 8 & 255)).$((number & 255))"
}

say_silent() { # SILENT HANDSHAKE
  local endpoint text latest
  endpoint=$(wanted_value Endpoint)
  text="the relay at $endpoint has not been heard for $1 s; this home calls it again and again, also from other ports"
  # Not later than one of these was it last right.
  latest=$(printf '%s\n' "$2" "$(stat -c %Y "$config")" | sort -n | tail -n 1)
  if [ "$(date +%s)" -lt "$latest" ]; then
    text+=". The clock of this machine is behind: it says $(date '+%F %R'), and it is later than $(date -d "@$latest" '+%F %R'). The relay refuses calls that seem to be older than one that it has heard, for up to a minute; set the clock: timedatectl set-ntp true"
  elif ! has_way "${endpoint%:*}"; then
    text+=". It has no way to the internet now (ip route)"
  fi
  tell 'relay silent' "$text"
}

has_way() { # HOST
  local host=${1//[][]/}
  # A name may be one that cannot be looked up for the same reason.
  [[ $host =~ ^[0-9.]+$|: ]] || host=$(timeout 3 getent ahosts "$host" | awk 'NR == 1 { print $1 }') || :
  [ -n "$host" ] && ip route get "$host" >/dev/null 2>&1
}
