#!/bin/bash
# A home's half of a change of keys, begun by store-keys.sh where the keys that it stored are not those of the tunnel. Runs
# until they are, over a restart as well: waits for the relay (change-keys.sh), follows it to its new key, then takes the
# home's own new key and what the two share. What does not lead to a handshake is taken back, so that the tunnel goes on
# with the keys of before. The tunnel's file follows each change.
set -euo pipefail
export LC_ALL=C
umask 077

readonly interface=homerelay
# shellcheck source=../host/paths.sh
. /usr/local/lib/homerelay/paths.sh
# shellcheck source=../host/messages.sh
. /usr/local/lib/homerelay/messages.sh
# shellcheck source=../host/lock.sh
. /usr/local/lib/homerelay/lock.sh
# shellcheck source=../host/files.sh
. /usr/local/lib/homerelay/files.sh
# shellcheck source=key-change.sh
. /usr/local/lib/homerelay/key-change.sh

# What the tunnel goes by, and what it is to go by. Fails where nothing has to be changed, or nothing can be.
read_keys() {
  [ -f "$config" ] && [ -f "$keys/relay" ] || return 1
  read -r _ old_relay old_shared ips < <(list_peers "$config") || return 1
  read -r new_relay relay_address <"$keys/relay"
  old_own=$(own_key "$config")
  new_own=$(<"$keys/private") new_shared=$(<"$keys/preshared-relay")
  keepalive=$(sed -n 's/^PersistentKeepalive = //p' "$config")
  [ "$old_relay $old_own" != "$new_relay $new_own" ]
}

# Where the relay is at this moment. Fails where there is no tunnel.
find_relay() {
  endpoint=$(wg show "$interface" endpoints 2>/dev/null | awk -v peer="$old_relay" '$1 == peer && $2 != "(none)" { print $2 }')
  [ -n "$endpoint" ]
}

count_relay() {
  counters='' arrivals='' departures=''
  count_calls 0 "$endpoint"
  count_pings relay 0 "$relay_ping" "$relay_address"
  count_pings home 0 "$home_ping" "$relay_address"
  begin_counting
  counted_endpoint=$endpoint
}

call_relay() { # BYTES
  ping -c 1 -s "$1" -W 1 -I "$interface" "$relay_address" >/dev/null 2>&1 || : # it answers when it can
}

await_handshake() { # PUBLIC-KEY SINCE SECONDS
  local end=$((SECONDS + $3))
  while [ "$SECONDS" -lt "$end" ]; do
    if [ "$(last_handshake "$1")" -gt "$2" ]; then return; fi
    call_relay 56
  done
  return 1
}

# The keys that the tunnel goes by from here on, in its file too: it is one peer's.
note_keys() { # PRIVATE RELAY SHARED
  local next=/etc/wireguard/homerelay.next
  install -d -m 0700 "$next"
  sed "s|^PrivateKey = .*|PrivateKey = $1|; s|^PublicKey = .*|PublicKey = $2|; s|^PresharedKey = .*|PresharedKey = $3|" "$config" >"$next/changed"
  move_into_place "$next/changed" "$config"
  rmdir "$next"
}

# Follows the relay to its new key. The old one stays known until all homes have followed: the relay may go back.
follow_relay() {
  local since tries
  since=$(date +%s)
  wg set "$interface" peer "$new_relay" preshared-key <(printf '%s\n' "$old_shared") endpoint "$endpoint" \
    persistent-keepalive "$keepalive" allowed-ips "$ips"
  if ! await_handshake "$new_relay" 0 8; then
    return_to_old_relay
    say "the relay does not answer with its new key; the tunnel goes on with the old one"
    return
  fi
  note_keys "$old_own" "$new_relay" "$old_shared"
  say "the relay has its new key"
  for tries in {1..300}; do
    # The relay's step may have begun anew.
    if ((tries % 20 == 1)); then call_relay "$ready_ping" & fi
    read_counters
    if [ "${counted[home_0]}" -gt 0 ]; then break; fi
    # It has taken its old key back, and called with it.
    if [ "$(last_handshake "$old_relay")" -gt "$since" ]; then
      return_to_old_relay
      note_keys "$old_own" "$old_relay" "$old_shared"
      say "the relay has taken its old key back"
      return
    fi
    sleep 0.1
  done
  if [ "${counted[home_0]}" = 0 ] && ! ping -c 3 -W 1 -I "$interface" "$relay_address" >/dev/null 2>&1; then
    # It may have lost its power, and with it the new key.
    return_to_old_relay
    note_keys "$old_own" "$old_relay" "$old_shared"
    return
  fi
  wg set "$interface" peer "$old_relay" remove
}

return_to_old_relay() {
  wg set "$interface" peer "$new_relay" remove peer "$old_relay" allowed-ips "$ips"
}

# Packets to the relay wait here until it has followed.
take_own_key() {
  local since
  await_next_second "$new_relay"
  since=$(last_handshake "$new_relay")
  wg set "$interface" private-key "$keys/private" peer "$new_relay" preshared-key "$keys/preshared-relay"
  if await_handshake "$new_relay" "$since" 12; then
    note_keys "$new_own" "$new_relay" "$new_shared"
    # The next step need not prove them again.
    rm -f "$unproven"
    say "the tunnel has its new keys"
    return
  fi
  wg set "$interface" private-key <(printf '%s\n' "$old_own") peer "$new_relay" preshared-key <(printf '%s\n' "$old_shared")
  call_relay 56
  say "the relay does not answer the new keys; the tunnel goes on with the old ones"
}

# Whether a call was left without an answer by the relay's own doing: it has said that it would call; or nothing was heard
# of it for so long that its old key is gone for good.
relay_calls_anew() {
  [ "$old_relay" != "$new_relay" ] && [ "$(calls_in_vain 0)" -gt 0 ] || return 1
  [ "${counted[relay_0]}" -gt 0 ] || [ $(($(date +%s) - $(last_handshake "$old_relay"))) -gt 200 ]
}

# With a step that is at work here, and has the keys changed as well, nothing is begun.
change() { # FUNCTION…
  exec 9</run/homerelay.lock
  flock -w 5 9 || return 0
  if read_keys; then "$@"; fi
  flock -u 9
  counted_endpoint=''
}

main() {
  local begun=$SECONDS asked=-9
  trap end_counting EXIT
  open_lock
  counted_endpoint=''
  while read_keys; do
    # Within the first minutes no packet has to wait longer than for this.
    if [ $((SECONDS - begun)) -lt 900 ]; then sleep 0.05; else sleep 0.5; fi
    if ! find_relay; then
      sleep 2
      continue
    fi
    if [ "$endpoint" != "$counted_endpoint" ]; then count_relay; fi
    if [ $((SECONDS - asked)) -ge $((SECONDS - begun < 900 ? 2 : 20)) ]; then
      asked=$SECONDS
      call_relay "$ready_ping" &
    fi
    read_counters
    if relay_calls_anew; then
      change follow_relay
      if read_keys && [ "$old_relay" = "$new_relay" ] && [ "${counted[home_0]}" -gt 0 ]; then change take_own_key; fi
    elif [ "$old_relay" = "$new_relay" ] && [ "${counted[home_0]}" -gt 0 ]; then
      change take_own_key
    fi
  done
  systemctl disable --quiet homerelay-new-keys.service
}

main "$@"
