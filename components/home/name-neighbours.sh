#!/bin/bash
# Names other firewalls on this host that would swallow what comes through the tunnel, each with its mend. They are
# their owner's: nothing of theirs is changed here.
set -euo pipefail
export LC_ALL=C

has() {
  command -v "$1" >/dev/null
}

# Whether packets are passed on: to machines in the LAN, or for devices.
passes_on() {
  local what answer
  for what in 'map inet homerelay lan' 'set inet homerelay lan_guests' 'set inet homerelay exit_guests4'; do
    # shellcheck disable=SC2086 # the kind, then the name; the last two are there only with devices
    if answer=$(nft list $what 2>/dev/null) && [[ $answer == *elements* ]]; then return 0; fi
  done
  return 1
}

# Answers are read whole before they are searched: with pipefail, a search that ends early would look like a failure.
main() {
  local answer
  if has ufw && answer=$(ufw status) && [[ $answer == 'Status: active'* && $answer != *homerelay* ]]; then
    echo "ufw is active on this host and drops what it was not told to allow. Allow the tunnel, which has a guard of its own:"
    echo "  ufw allow in on homerelay"
  fi
  if has firewall-cmd && firewall-cmd --state >/dev/null 2>&1 &&
    answer=$(firewall-cmd --get-zone-of-interface=homerelay 2>/dev/null || :) && [ "$answer" != trusted ]; then
    echo "firewalld is active on this host and drops what it was not told to allow. Trust the tunnel, which has a guard of its own:"
    echo "  firewall-cmd --permanent --zone=trusted --add-interface=homerelay && firewall-cmd --reload"
  fi
  if passes_on && has iptables &&
    answer=$(iptables -S FORWARD 2>/dev/null) && [[ $answer == '-P FORWARD DROP'* && $answer != *'-i homerelay -j ACCEPT'* ]]; then
    echo "Docker, or another firewall, passes nothing on that it was not told to. Allow it for the tunnel, at each boot:"
    echo "  iptables -I FORWARD -i homerelay -j ACCEPT && iptables -I FORWARD -o homerelay -j ACCEPT"
  fi
}

main
