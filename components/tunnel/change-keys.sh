# shellcheck shell=bash
# Sourced by apply-tunnel.sh: the relay's half of a change of keys. Homes that wait with theirs (await-new-keys.sh) lose no
# packet: first the relay takes its new key and every home follows, then each home takes its own, and the relay follows.
# Until all homes have followed the relay, everything goes back by itself; a home that does not come with its own key goes
# on with the one before.

# shellcheck source=key-change.sh
[ -n "${watch-}" ] || . /usr/local/lib/homerelay/key-change.sh
# shellcheck source=../host/files.sh
declare -F move_into_place >/dev/null || . /usr/local/lib/homerelay/files.sh

# By home, all in one order: what the user calls it, its address in the tunnel, its keys, what is shared with it, all of
# its addresses, how often it is sent a keepalive, where it is, and how many of its calls were left without an answer before.
names=() addresses=() old_keys=() new_keys=() old_shared=() new_shared=() allowed=() keepalives=() endpoints=() before=()

# Who has other keys from now on and cannot be told by us.
cut_off=''

# Changes the keys of the homes that are reached. NAMES: `PUBLIC-KEY reached|by-hand NAME` a line, by the keys of the next
# configuration; beside it is the document's part `homes`.
change_keys() { # NEXT NAMES
  [ -f "$config" ] || return 0
  find_cut_off "$@"
  # Another address or port ends the tunnel in any case.
  cmp -s <(grep -E '^(Address|ListenPort) = ' "$config") <(grep -E '^(Address|ListenPort) = ' "$1") || return 0
  find_homes "$@"
  [ ${#names[@]} -gt 0 ] || return 0
  await_homes
  # A run that was killed may have done so.
  if [ "$(wg show "$interface" private-key)" != "$(own_key "$1")" ]; then take_own_key "$1"; fi
  note "PrivateKey = .*" "PrivateKey = $(own_key "$1")"
  take_keys_of_homes "$1"
  end_counting
  say "new keys at the relay and at ${names[*]}, each proven by a handshake; the old ones are gone"
}

find_cut_off() { # NEXT NAMES
  local address key old_key
  while read -r address key _; do
    old_key=$(list_peers "$config" | awk -v address="$address" '$1 == address { print $2 }')
    if [ -z "$old_key" ]; then continue; fi
    if [ "$old_key" = "$key" ] && [ "$(own_key "$config")" = "$(own_key "$1")" ]; then continue; fi
    cut_off+=$(awk -v key="$key" '$1 == key && $2 == "by-hand" { print " " $3 }' "$2")
  done < <(list_peers "$1")
}

# At the very end, where it is seen.
tell_who_is_cut_off() {
  [ -z "$cut_off" ] || say "new keys cut off until they are set up anew, since nothing of ours reaches them:$cut_off"
}

find_homes() { # NEXT NAMES
  local address key shared ips old_key old_secret name
  while read -r address key shared ips; do
    name=$(awk -v key="$key" '$1 == key && $2 == "reached" { print $3 }' "$2")
    read -r old_key old_secret < <(list_peers "$config" | awk -v address="$address" '$1 == address { print $2, $3 }') || :
    # A device, or a home that is new.
    if [ -z "$name" ] || [ -z "$old_key" ]; then continue; fi
    if [ "$old_key $old_secret" = "$key $shared" ] && [ "$(own_key "$config")" = "$(own_key "$1")" ]; then continue; fi
    names+=("$name") addresses+=("${address%/*}") old_keys+=("$old_key") new_keys+=("$key")
    old_shared+=("$old_secret") new_shared+=("$shared") allowed+=("$ips")
    keepalives+=("$(awk -v key="$key" '$1 == key { print $2 }' "${2%/*}/homes")")
  done < <(list_peers "$1")
}

# A home that is away would be shut out by new keys.
await_homes() {
  local i away='' late
  for i in "${!names[@]}"; do
    ping -c 3 -i 0.3 -W 2 -I "$interface" "${addresses[i]}" >/dev/null 2>&1 || away+=" ${names[i]}"
  done
  [ -z "$away" ] || die "Not heard through the tunnel:$away. New keys would shut it out, so all keys stay as they were, and everything
goes on with them. Switch it on and run the same command again. Is it gone for good? Then take it out of
home-relay:homes. Or set keyGeneration back to what it was."
  counters='' arrivals='' departures=''
  for i in "${!names[@]}"; do
    endpoints[i]=$(wg show "$interface" endpoints | awk -v peer="${old_keys[i]}" '$1 == peer { print $2 }')
    count_pings ready "$i" "$ready_ping" "${addresses[i]}"
    count_calls "$i" "${endpoints[i]}"
  done
  begin_counting
  say "new keys: waiting until ${names[*]} have theirs ready"
  for _ in {1..60}; do
    late=''
    read_counters
    for i in "${!names[@]}"; do
      if [ "${counted[ready_$i]}" = 0 ] && [ "$(last_handshake "${new_keys[i]}")" = 0 ]; then late+=" ${names[i]}"; fi
    done
    [ -n "$late" ] || return 0
    sleep 1
  done
  die "Not ready for its new keys after a minute:$late. All keys stay as they were, and everything goes on with them.
Was its own step for the keys not done in this run? Then run the same command again. Else, on that machine, why:
  journalctl -u homerelay-new-keys"
}

# The tunnel's file follows each change, so that a relay that loses its power goes on as its homes do.
note() { # LINE LINE
  local folder=/etc/wireguard/homerelay.next
  sed "s|^$1\$|$2|" "$config" >"$folder/noted"
  move_into_place "$folder/noted" "$config"
}

call_homes() { # BYTES
  local i
  for i in "${!names[@]}"; do ping -c 1 -s "$1" -W 1 -I "$interface" "${addresses[i]}" >/dev/null 2>&1 & done
  # shellcheck disable=SC2046 # each is a word
  wait $(jobs -p) || : # who did not answer is found out by what it does
}

# All or none: WireGuard has one key for all peers.
take_own_key() { # NEXT
  local i late
  local -a since
  for i in "${!names[@]}"; do
    await_next_second "${old_keys[i]}"
    since[i]=$(last_handshake "${old_keys[i]}")
  done
  call_homes "$relay_ping"
  wg set "$interface" private-key <(own_key "$1")
  for _ in {1..12}; do
    # What is to be sent calls.
    call_homes 56
    late=''
    for i in "${!names[@]}"; do
      if [ "$(last_handshake "${old_keys[i]}")" -le "${since[i]}" ]; then late+=" ${names[i]}"; fi
    done
    [ -n "$late" ] || return 0
  done
  wg set "$interface" private-key <(own_key "$config")
  call_homes 56
  die "With the relay's new key there came no handshake:$late. The relay has taken its old key back, and all go on with it.
Run the same command again. If that does not help, write the home's keys anew:  pulumi up --replace '**:Command::**-keys'"
}

take_keys_of_homes() { # NEXT
  local i left tries
  read_counters
  for i in "${!names[@]}"; do
    before[i]=$(calls_in_vain "$i")
    # A run that was killed may have followed.
    if [ "$(last_handshake "${new_keys[i]}")" -gt 0 ]; then before[i]=followed; fi
  done
  for tries in {1..150}; do
    # As long as one has not begun.
    if ((tries % 30 == 1)); then call_homes "$home_ping"; fi
    read_counters
    left=''
    for i in "${!names[@]}"; do
      if has_followed "$i"; then
        note_followed "$i"
        continue
      fi
      left+=" ${names[i]}"
      if [ "${before[i]}" = followed ] || [ "$(calls_in_vain "$i")" -le "${before[i]}" ]; then continue; fi
      before[i]=followed
      # Its packets are its own from here on. With a keepalive it is called at once.
      wg set "$interface" peer "${new_keys[i]}" preshared-key <(printf '%s\n' "${new_shared[i]}") \
        endpoint "${endpoints[i]}" persistent-keepalive "${keepalives[i]}" allowed-ips "${allowed[i]}"
    done
    [ -n "$left" ] || return 0
    sleep 0.1
  done
  keep_old_keys "$1"
  tell_who_is_cut_off
  die "No handshake came with the new keys of:$left. It goes on with its own old one. Run the same command again; if that does not
help, write its keys anew:  pulumi up --replace '**:Command::**-keys'"
}

has_followed() { # NUMBER
  [ "${old_keys[$1]}" = "${new_keys[$1]}" ] ||
    { [ "${before[$1]}" = followed ] && [ "$(last_handshake "${new_keys[$1]}")" -gt 0 ]; }
}

note_followed() { # NUMBER
  if ! grep -qxF "PublicKey = ${old_keys[$1]}" "$config" || [ "${old_keys[$1]}" = "${new_keys[$1]}" ]; then return 0; fi
  # Keys have no sign that sed would read.
  note "PublicKey = ${old_keys[$1]}" "PublicKey = ${new_keys[$1]}"
  note "PresharedKey = ${old_shared[$1]}" "PresharedKey = ${new_shared[$1]}"
}

# Who did not come with a new key keeps the old one, also after a restart.
keep_old_keys() { # NEXT
  local i
  for i in "${!names[@]}"; do
    if has_followed "$i"; then continue; fi
    if [ "${before[i]}" = followed ]; then
      wg set "$interface" peer "${new_keys[i]}" remove peer "${old_keys[i]}" allowed-ips "${allowed[i]}"
    fi
    sed -i "s|^PublicKey = ${new_keys[i]}\$|PublicKey = ${old_keys[i]}|; s|^PresharedKey = ${new_shared[i]}\$|PresharedKey = ${old_shared[i]}|" "$1"
  done
  sync_peers "$1"
  move_into_place "$1" "$config"
}
