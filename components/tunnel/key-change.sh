# shellcheck shell=bash
# Sourced, behind messages.sh, by both halves of a change of keys that loses no packet (change-keys.sh at the relay,
# await-new-keys.sh at a home), and what they agree on.
#
# Each end has one private key, and takes packets from the other end's key alone. But the sessions of before go on
# receiving when an end takes a new key of its own; its packets wait in a queue until the other end has a session with the
# new key. So the other end must learn of it at once, and neither sooner, since it would take nothing more from the old
# key, nor later. It learns of it by the first call that its WireGuard leaves without an answer: by then every packet of
# the old session has arrived.
# Which packets are calls and answers: https://www.wireguard.com/protocol (the message's type is its first byte)

: "${interface:?}"

readonly watch=homerelay_key_change
[ -n "${config-}" ] || readonly config=/etc/wireguard/$interface.conf
# Bytes in a ping through the tunnel: a home is ready; the relay is about to take its new key; it waits for the home's.
# shellcheck disable=SC2034 # by one half each
readonly ready_ping=1031 relay_ping=1033 home_ping=1035

# Counts, in counters named `KIND_NUMBER`, the calls from an endpoint and the answers to it (`calls`, `answers`), and pings
# of a size from an address in the tunnel.
count_calls() { # NUMBER ADDRESS:PORT
  local address=${2%:*} port=${2##*:} family=ip
  address=${address//[][]/}
  if [[ $address == *:* ]]; then family=ip6; fi
  counters+="counter calls_$1 { }"$'\n'"counter answers_$1 { }"$'\n'
  arrivals+="$family saddr $address udp sport $port @th,64,32 0x1000000 counter name calls_$1"$'\n'
  departures+="$family daddr $address udp dport $port @th,64,32 { 0x2000000, 0x3000000 } counter name answers_$1"$'\n'
}

count_pings() { # KIND NUMBER BYTES ADDRESS
  counters+="counter $1_$2 { }"$'\n'
  arrivals+="iifname \"$interface\" ip saddr $4 icmp type echo-request ip length $(($3 + 28)) counter name $1_$2"$'\n'
}

begin_counting() {
  nft -f - <<RULES
table inet $watch
delete table inet $watch
table inet $watch {
$counters
chain arrivals {
type filter hook prerouting priority raw; policy accept;
$arrivals
}
chain departures {
type filter hook output priority raw; policy accept;
$departures
}
}
RULES
}

end_counting() {
  nft "table inet $watch; delete table inet $watch"
}

# All counters at once, in $counted.
declare -A counted
read_counters() {
  local name packets
  while read -r name packets; do counted[$name]=$packets; done < <(nft list counters table inet "$watch" |
    awk '$1 == "counter" { name = $2 } $1 == "packets" { print name, $2 }')
}

# How many more calls came than were answered.
calls_in_vain() { # NUMBER
  echo $((${counted[calls_$1]} - ${counted[answers_$1]}))
}

# Seconds since 1970; 0 for a peer that was never heard, or is none.
last_handshake() { # PUBLIC-KEY
  wg show "$interface" latest-handshakes | awk -v peer="$1" '$1 == peer { at = $2 } END { print at + 0 }'
}

# Until another second than the peer's last handshake has begun: the next one is told from it by its time.
await_next_second() { # PUBLIC-KEY
  while [ "$(date +%s)" = "$(last_handshake "$1")" ]; do sleep 0.1; done
}

# A peer of a configuration a line: its first address, its key, what is shared with it, and all of its addresses.
list_peers() { # CONFIG
  awk '
    $1 == "PublicKey" { key = $3 }
    $1 == "PresharedKey" { shared = $3 }
    $1 == "AllowedIPs" { sub("^AllowedIPs = ", ""); gsub(" ", ""); split($0, each, ","); print each[1], key, shared, $0 }' "$1"
}

own_key() { # CONFIG
  sed -n 's/^PrivateKey = //p' "$1"
}
