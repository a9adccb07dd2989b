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
  require_way_to "$(sed -n 's/^Endpoint = //p' "$document/interface")"
  write_if_changed 0644 "$relay_addresses" <"$document/relay.nft" || : # the same addresses
  # The guard takes them in.
  /usr/local/lib/homerelay/load-firewall.sh
  sync_interface "$document/interface"
  # A new relay at the old address knows of no session; without a call from here it would stay silent for minutes.
  ping -c 1 -W 2 -I "$interface" "$1" >/dev/null 2>&1 || touch "$unproven"
  if [ -e "$unproven" ]; then
    /usr/local/lib/homerelay/sync-routes.sh
    prove_tunnel "$1" "$(sed -n 's/^PublicKey = //p' "$document/interface")"
    rm "$unproven"
  fi
  say "joined the relay"
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

# Only a handshake that began after now shows that both ends have the same keys: an old session outlives a wrong one.
prove_tunnel() { # RELAY-ADDRESS PUBLIC-KEY
  local since handshake tries sent received
  say "waiting for a handshake with the relay"
  wg set "$interface" peer "$2" remove
  wg syncconf "$interface" <(wg-quick strip "$config")
  since=$(date +%s)
  for tries in {1..40}; do
    if ping -c 1 -W 1 -I "$interface" "$1" >/dev/null 2>&1; then
      handshake=$(wg show "$interface" latest-handshakes | awk '{ print $2 }')
      if [ "$handshake" -ge "$((since - 1))" ]; then
        say "the relay answers through the tunnel (try $tries)"
        return
      fi
    fi
  done
  read -r _ received sent < <(wg show "$interface" transfer)
  die "The relay does not answer through the tunnel: $sent bytes sent to it over UDP, $received came back.
If nothing came back, a network on the way or a firewall at one of the two ends stops UDP; else the ends have different
keys, and this mends it:
  pulumi up --replace '**:Command::**-keys'"
}

main "$@"
