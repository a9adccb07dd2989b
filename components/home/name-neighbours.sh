#!/bin/bash
# Names other firewalls on this host that would swallow what comes through the tunnel, each with its mend. They are
# their owner's: nothing of theirs is changed here.
# Argument: `devices` names those alone that would swallow what devices send on through this host; nobody tries that.
set -euo pipefail
export LC_ALL=C

has() {
  command -v "$1" >/dev/null
}

# Whether one of these sets or maps of the guard has elements; one that nobody needs is not there.
has_elements() { # KIND NAME…
  local kind=$1 name answer
  shift
  for name; do
    if answer=$(nft list "$kind" inet homerelay "$name" 2>/dev/null) && [[ $answer == *elements* ]]; then return 0; fi
  done
  return 1
}

# Answers are read whole before they are searched: with pipefail, a search that ends early would look like a failure.
name_programs() {
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
}

# Where packets are passed on.
name_forwarding() { # iptables|ip6tables
  local answer
  has "$1" && answer=$("$1" -S FORWARD 2>/dev/null) && [[ $answer != *'-i homerelay -j ACCEPT'* ]] || return 0
  grep -qE -- '^-(P FORWARD DROP|A FORWARD -j (DROP|REJECT)( |$))' <<<"$answer" || return 0
  echo "Docker, or another firewall, passes nothing on that it was not told to. Allow it for the tunnel, at each boot:"
  echo "  $1 -I FORWARD -i homerelay -j ACCEPT && $1 -I FORWARD -o homerelay -j ACCEPT"
}

main() { # [devices]
  local devices=(devices_to_lan devices_to_internet4)
  if [ "${1-}" != devices ]; then
    name_programs
    if has_elements map lan; then devices=(); fi
  fi
  if [ "${#devices[@]}" -eq 0 ] || has_elements set "${devices[@]}"; then name_forwarding iptables; fi
  if has_elements set devices_to_internet6; then name_forwarding ip6tables; fi
}

main "$@"
