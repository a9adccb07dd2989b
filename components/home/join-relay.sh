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
  former='' is_proven=''
  # What works at this moment, and did before.
  if [ -f "$config" ] && [ ! -e "$unproven" ] && answers "$1"; then
    former=$document/former
    cp "$config" "$former"
    cat "$address6" >"$former-address6" 2>/dev/null || : # there is none
    if has_another_shared_key; then try_shared_key "$1"; fi
  fi
  sync_interface "$document/interface"
  # A new relay at the old address knows of no session; without a call from here it would stay silent for minutes.
  answers "$1" || touch "$unproven"
  if [ -e "$unproven" ]; then
    /usr/local/lib/homerelay/sync-routes.sh
    [ -n "$is_proven" ] || prove_tunnel "$1" "$(sed -n 's/^PublicKey = //p' "$document/interface")"
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
  ping -c 1 -W 2 -I "$interface" "$1" >/dev/null 2>&1
}

# Whether the preshared key is all that is to change. Then the configuration as it will be lies at $document/next.
has_another_shared_key() {
  local rest='^PresharedKey = '
  join_keys <"$document/interface" >"$document/next"
  ! cmp -s "$document/next" "$config" || return 1
  cmp -s <(grep -v "$rest" "$document/next") <(grep -v "$rest" "$config") || return 1
  [ "$(sed -n 's/^Address = [^,]*, //p' "$document/interface")" = "$(cat "$address6" 2>/dev/null || :)" ]
}

# Somebody may have changed it at one end alone, and an old session would outlive that. So the new key and the one of
# before take turns, each with a handshake of its own, and so short that what is sent meanwhile waits and is not lost. A
# call may get lost, so there are some turns. Nothing is written before the relay has answered to the new key.
try_shared_key() { # RELAY-ADDRESS
  local turn patience=200 begun
  say "waiting for a handshake with the relay"
  for ((turn = 1; turn <= 8; turn++)); do
    share_key "$document/next"
    if answers_within "$patience" "$1"; then
      is_proven=yes
      break
    fi
    begun=${EPOCHREALTIME/./}
    if ! answers_to "$document/former" 3 "$1"; then
      # Neither of the two, or the new one more slowly.
      if answers_to "$document/next" 5 "$1"; then is_proven=yes; fi
      break
    fi
    # Twice the time that the other one has just needed: a line may be slow, or in use.
    patience=$((100 + 2 * (${EPOCHREALTIME/./} - begun) / 1000))
    sleep 1
  done
  if [ -n "$is_proven" ]; then
    say "the relay answers through the tunnel"
    return
  fi
  share_key "$document/former"
  die "The relay does not answer to the preshared key that this home was just given. So the tunnel goes on with the one of before.
Have the two ends different keys? Then this mends it:
  pulumi up --replace '**:Command::**-keys' --replace '**:Command::**-tunnel'"
}

# WireGuard itself repeats a call that was lost only after five seconds.
answers_to() { # CONFIG CALLS RELAY-ADDRESS
  local call
  for ((call = 1; call <= $2; call++)); do
    share_key "$1"
    if answers_within 2000 "$3"; then return; fi
  done
  return 1
}

# From here on nothing is sent without a new handshake, which is asked for at once; what comes is taken all the same.
# WireGuard does so where its own key changes, and has no other word for it.
share_key() { # CONFIG
  wg set "$interface" private-key /dev/null \
    peer "$(sed -n 's/^PublicKey = //p' "$1")" preshared-key <(sed -n 's/^PresharedKey = //p' "$1")
  wg set "$interface" private-key <(sed -n 's/^PrivateKey = //p' "$1")
}

answers_within() { # MILLISECONDS RELAY-ADDRESS
  timeout "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))" ping -i 0.2 -c 1 -w 10 -I "$interface" "$2" >/dev/null 2>&1
}

# Only a handshake that began after now shows that both ends have the same keys: an old session outlives a wrong one.
prove_tunnel() { # RELAY-ADDRESS PUBLIC-KEY
  local received sent
  say "waiting for a handshake with the relay"
  wg set "$interface" peer "$2" remove
  wg syncconf "$interface" <(wg-quick strip "$config")
  # One call is answered at once; the next comes after five seconds.
  if has_handshake "$1" 7; then return; fi
  if [ -n "$former" ]; then
    cp "$config" "$former-next"
    cat "$address6" >"$former-next-address6"
    go_by "$former"
    if has_handshake "$1" 10; then
      rm "$unproven"
      die "The relay does not answer what changed here, and answers this home as it was before. So the tunnel goes on as before. Have the
two ends different keys? Then this mends it:
  pulumi up --replace '**:Command::**-keys' --replace '**:Command::**-tunnel'"
    fi
    go_by "$former-next"
  fi
  if has_handshake "$1" 30; then return; fi
  read -r _ received sent < <(wg show "$interface" transfer)
  die "The relay does not answer through the tunnel: $sent bytes sent to it over UDP, $received came back.
If nothing came back, a network on the way or a firewall at one of the two ends stops UDP; else the ends have different
keys, and this mends it:
  pulumi up --replace '**:Command::**-keys' --replace '**:Command::**-tunnel'"
}

# Whether there is one that began after now, within so many tries of a second each.
has_handshake() { # RELAY-ADDRESS TRIES
  local since handshake try
  since=$(date +%s)
  for ((try = 1; try <= $2; try++)); do
    if ping -c 1 -W 1 -I "$interface" "$1" >/dev/null 2>&1; then
      handshake=$(wg show "$interface" latest-handshakes | awk '{ print $2 }')
      if [ "$handshake" -ge "$((since - 1))" ]; then
        say "the relay answers through the tunnel (try $try)"
        return
      fi
    fi
    sleep 0.1
  done
  return 1
}

# Brings the interface and its files in line with a configuration, keys included, beside which lies the address of IPv6.
go_by() { # CONFIG
  write_if_changed 0600 "$config" <"$1" || : # the same one
  write_if_changed 0644 "$address6" <"$1-address6" || : # the same one
  sync_peers "$config"
  sync_link
  /usr/local/lib/homerelay/set-address6.sh
}

main "$@"
