# shellcheck shell=bash
# Read by mend-host.sh: the tunnel's unit, its interface (and with it the program behind it, where WireGuard is none of
# the kernel's), and its addresses.

# From mend-host.sh.
: "${interface:?}" "${units?}"
readonly config=/etc/wireguard/$interface.conf address6=/etc/homerelay/address6
readonly unit=wg-quick@$interface.service

wanted_value() { # KEY
  sed -n "s/^$1 = //p" "$config"
}

look() {
  local mtu address
  [ -f "$config" ] || return 0
  # One that is just starting, or ending, is not to be judged yet.
  if [[ $'\n'$units == *$'\n'" $unit "@(de|)"activating "* ]]; then return 0; fi
  look_at_unit "$unit"
  look_at_unit homerelay-mend.timer
  if [ ! -e "/sys/class/net/$interface" ]; then
    differs interface "interface $interface" missing there
    return 0
  fi
  if [ "$(($(<"/sys/class/net/$interface/flags") & 1))" = 0 ]; then differs interface "interface $interface" down up; fi
  mtu=$(wanted_value MTU)
  if [ "$(<"/sys/class/net/$interface/mtu")" != "$mtu" ]; then
    differs interface "largest packet of $interface" "$(<"/sys/class/net/$interface/mtu")" "$mtu"
  fi
  look_at_addresses
}

look_at_addresses() {
  local shown address switch=/proc/sys/net/ipv6/conf/$interface/disable_ipv6
  shown=$(ip -o address show dev "$interface" 2>/dev/null || :)
  for address in $(wanted_value Address | tr ',' ' ') $(cat "$address6" 2>/dev/null || :); do
    # A kernel without IPv6 takes no address of it.
    if [[ $address == *:* && ! -e $switch ]]; then continue; fi
    if [[ $shown != *" $address "* ]]; then differs address "$address of $interface" missing there; fi
  done
}

mend() {
  local address state
  state=$(systemctl is-active "$unit") || : # it is not
  case $state in
    active) [ -e "/sys/class/net/$interface" ] || systemctl stop "$unit" ;;
    # An interface that the unit does not know of stands in its way.
    inactive | failed) ip link delete dev "$interface" 2>/dev/null || : ;; # not there
    # Somebody has begun to start, to end or to reload it meanwhile, and would be told that this was called off.
    *) return ;;
  esac
  mend_unit "$unit"
  mend_unit homerelay-mend.timer
  ip link set dev "$interface" up mtu "$(wanted_value MTU)"
  for address in $(wanted_value Address | tr ',' ' '); do ip address replace "$address" dev "$interface"; done
  /usr/local/lib/homerelay/set-address6.sh
}
