#!/bin/bash
# Gives the tunnel its IPv6 address, which stands in /etc/homerelay/address6. Run when the tunnel has come up, by the steps
# that write that file, and by homerelay-mend.timer. wg-quick cannot do it on a machine where IPv6 is switched off, and
# with it for each new interface: it has to be on for this one first.
set -euo pipefail
export LC_ALL=C

readonly interface=homerelay file=/etc/homerelay/address6

main() {
  local address switch=/proc/sys/net/ipv6/conf/$interface/disable_ipv6
  address=$(cat "$file" 2>/dev/null || :) # not yet there
  # A kernel without IPv6 takes no address of it.
  if [ -z "$address" ] || [ ! -e "$switch" ]; then return 0; fi
  if [ "$(cat "$switch")" != 0 ]; then echo 0 >"$switch"; fi
  # Nobody is told of an address that is there.
  if [[ $(ip -6 -o address show dev "$interface") == *" $address "* ]]; then return 0; fi
  ip -6 address replace "$address" dev "$interface"
}

main "$@"
