#!/bin/bash
# stdin: a document with the home's WireGuard configuration, keys by name (`interface`), and what tells the guard the
# relay's public addresses (`relay.nft`). Argument: the relay's address in the tunnel.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh
# shellcheck source=../tunnel/sync-interface.sh
. /usr/local/lib/homerelay/sync-interface.sh

main() { # RELAY-ADDRESS
  document=$(mktemp -d)
  trap 'rm -rf "$document" "$next_folder"' EXIT
  split_document "$document"
  if grep -q '^Address = .*, ' "$document/interface" && [ ! -e /proc/sys/net/ipv6/conf/default ]; then
    die "This home's kernel has no IPv6 (it was started with ipv6.disable=1), so strangers who come over IPv6 would wait in vain.
Take that word off its command line, or write at this home in the stack file:
  ipv6: false"
  fi
  require_same_change "$(sed -n 's/^PublicKey = //p' "$document/interface")"
  require_way_to "$(sed -n 's/^Endpoint = //p' "$document/interface")"
  write_if_changed 0644 "$relay_addresses" <"$document/relay.nft" || : # the same addresses
  # The guard takes them in.
  /usr/local/lib/homerelay/load-firewall.sh
  former='' milliseconds=''
  # What works at this moment, and did before.
  if [ -f "$config" ] && [ ! -e "$unproven" ] && milliseconds=$(round_trip "$1"); then
    former=$document/former
    cp "$config" "$former"
    cat "$address6" >"$former-address6" 2>/dev/null || : # there is none
  fi
  sync_interface "$document/interface"
  # A new relay at the old address knows of no session; without a call from here it would stay silent for minutes.
  answers "$1" || touch "$unproven"
  if [ -e "$unproven" ]; then
    /usr/local/lib/homerelay/sync-routes.sh
    prove_tunnel "$1"
    rm "$unproven"
  fi
  say "joined the relay"
}

# With the relay's key of one generation and its own of another, a home is served by nobody. A step that is run again
# after a change of keys that was cut off would join just these; await-new-keys.sh knows better.
require_same_change() { # PUBLIC-KEY
  local stored
  if [ ! -f "$keys/relay" ] || ! read -r stored _ <"$keys/relay" || [ "$stored" = "$1" ]; then return 0; fi
  die "A change of keys has begun here and has not ended, and this step is of before it. The tunnel is left as it is. To end the
change:  pulumi up"
}

# WireGuard itself waits in silence where there is none.
require_way_to() { # ADDRESS:PORT
  local address=${1%:*} lacks=IPv4 other=ipv6
  address=${address//[][]/}
  if [[ $address == *:* ]]; then lacks=IPv6 other=ipv4; fi
  if ip route get "$address" >/dev/null 2>&1; then return; fi
  die "This home has no way to the relay's address $address. Has its line no $lacks? Then write at this home in the stack file:
  endpoint: $other"
}

answers() { # RELAY-ADDRESS
  round_trip "$1" >/dev/null
}

# Milliseconds; fails where no answer comes.
round_trip() { # RELAY-ADDRESS
  ping -c 1 -W 2 -I "$interface" "$1" 2>/dev/null | sed -n 's/.* time=\([0-9]*\).*/\1/p' | grep .
}

# Only a handshake that began after now shows that both ends have the same keys: an old session outlives a wrong one.
prove_tunnel() { # RELAY-ADDRESS
  local received sent answered=''
  say "waiting for a handshake with the relay"
  call_anew
  if [ -n "$former" ]; then take_turns "$1"; fi
  if [ -n "$answered" ] || answers_within 40 "$1"; then
    say "the relay answers through the tunnel"
    return
  fi
  read -r _ received sent < <(wg show "$interface" transfer)
  die "The relay does not answer through the tunnel: $sent bytes sent to it over UDP, $received came back.
If nothing came back, a network on the way or a firewall at one of the two ends stops UDP; else the ends have different
keys, and this mends it:
  pulumi up --replace '**:Command::**-keys' --replace '**:Command::**-tunnel'"
}

# What is new and what worked a moment ago take turns, so short that what is sent meanwhile waits and is not lost. A call
# may get lost as well, so there are some turns, and time for a relay that is being made. Where neither works, what is
# new stays. Sets `answered`.
take_turns() { # RELAY-ADDRESS
  local turn
  cp "$config" "$former-next"
  cat "$address6" >"$former-next-address6"
  for ((turn = 1; turn <= 5; turn++)); do
    if answers_at_once "$1"; then
      answered=yes
      return
    fi
    go_by "$former"
    if ! answers_within 10 "$1"; then
      go_by "$former-next"
      return
    fi
    sleep 1.5
    [ "$turn" = 5 ] || go_by "$former-next"
  done
  rm "$unproven"
  die "The relay does not answer what changed here, and answers this home as it was before. So the tunnel goes on as before. Have the
two ends different keys? Then this mends it:
  pulumi up --replace '**:Command::**-keys' --replace '**:Command::**-tunnel'"
}

# From here on nothing is sent without a new handshake, which is asked for at once; what comes is taken all the same.
# WireGuard does so where its own key changes, and has no other word for it.
call_anew() {
  wg set "$interface" private-key /dev/null
  wg set "$interface" private-key <(sed -n 's/^PrivateKey = //p' "$config")
}

# In the time of an answer from before, four times over for the handshake, and a little more.
answers_at_once() { # RELAY-ADDRESS
  local wait=$((200 + 4 * milliseconds))
  timeout "$((wait / 1000)).$(printf %03d $((wait % 1000)))" ping -c 1 -I "$interface" "$1" >/dev/null 2>&1
}

answers_within() { # SECONDS RELAY-ADDRESS
  local end=$((SECONDS + $1))
  while ((SECONDS < end)); do
    if ping -c 1 -W 1 -I "$interface" "$2" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  return 1
}

# Brings the interface and its files in line with a configuration, keys included, beside which lies the address of IPv6.
go_by() { # CONFIG
  write_if_changed 0600 "$config" <"$1" || : # the same one
  sync_peers "$config"
  call_anew
  write_if_changed 0644 "$address6" <"$1-address6" || : # the same one
  sync_link
  /usr/local/lib/homerelay/set-address6.sh
}

main "$@"
