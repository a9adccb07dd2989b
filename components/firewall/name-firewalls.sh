#!/bin/bash
# Names other firewalls on a relay that would swallow WireGuard's packets or forwarded ones, each with its mend. They
# are their owner's: nothing of theirs is changed here. What the mend leaves behind is found the next time.
# Argument: WireGuard's UDP port.
set -euo pipefail
export LC_ALL=C

has() {
  command -v "$1" >/dev/null
}

# Answers are read whole before they are searched: with pipefail, a search that ends early would look like a failure.
name_ufw() { # PORT
  local answer
  has ufw && answer=$(ufw status verbose) && [[ $answer == 'Status: active'* ]] || return 0
  local missing=''
  [[ $answer == *'allow (incoming)'* || $answer == *"$1"* ]] || missing+="
  ufw allow $1/udp"
  [[ $answer == *'allow (routed)'* || $answer == *homerelay* ]] || missing+="
  ufw route allow out on homerelay"
  [ -z "$missing" ] || echo "ufw is active on this machine and drops what it was not told to allow. Allow the tunnel there:$missing"
}

# Its forwarding rules let through whatever was translated.
name_firewalld() { # PORT
  has firewall-cmd && firewall-cmd --state >/dev/null 2>&1 || return 0
  firewall-cmd --quiet --query-port="$1/udp" ||
    echo "firewalld is active on this machine and drops what it was not told to allow. Allow the tunnel there:
  firewall-cmd --permanent --add-port=$1/udp && firewall-cmd --reload"
}

# Docker's, most of all.
name_iptables() {
  local tool answer chain
  for tool in iptables ip6tables; do
    if ! has "$tool" || ! answer=$("$tool" -S 2>/dev/null); then continue; fi
    # Where nobody forbids it, or the owner has allowed it. The policy that ufw sets is ufw's to lift.
    if [[ $answer != *'-P FORWARD DROP'* || $answer == *'-o homerelay -j ACCEPT'* ]]; then continue; fi
    if [[ $answer == *'-N ufw-user-forward'* ]]; then continue; fi
    if [[ $answer == *'-N DOCKER-USER'* ]]; then chain=DOCKER-USER; else chain=FORWARD; fi
    echo "Docker, or another firewall on this machine, passes nothing on that it was not told to. Allow it for the tunnel, at each boot:
  $tool -I $chain -i homerelay -j ACCEPT && $tool -I $chain -o homerelay -j ACCEPT"
  done
}

main() { # PORT
  name_ufw "$1"
  name_firewalld "$1"
  name_iptables
}

main "$@"
