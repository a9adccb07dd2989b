#!/bin/bash
# Sourced by sync-routes.sh: the address families that the tunnel speaks on this machine. Where IPv6 is switched off for
# the machine, the tunnel has it all the same (see set-address6.sh); a kernel without IPv6 takes no routes of it.
# shellcheck disable=SC2034 # for the script that sources this one
families=(4)
for family6 in homerelay default; do
  # That of the interface counts, once there is one.
  [ -e "/proc/sys/net/ipv6/conf/$family6" ] || continue
  if [ "$(cat "/proc/sys/net/ipv6/conf/$family6/disable_ipv6")" = 0 ]; then families+=(6); fi
  break
done
unset family6
