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

# Docker's, and what some providers put into their images.
name_iptables() { # PORT
  local tool answer chain
  for tool in iptables ip6tables; do
    if ! has "$tool" || ! answer=$("$tool" -S 2>/dev/null); then continue; fi
    # What ufw sets is ufw's to lift.
    if [[ $answer == *'-N ufw-user-forward'* ]]; then continue; fi
    # Homes call by IPv4.
    if [ "$tool" = iptables ] && swallows INPUT "$answer" && ! grep -q -- "--dport $1 .*-j ACCEPT" <<<"$answer"; then
      echo "The iptables rules of this machine let in nothing that they were not told to. Allow the tunnel, at each boot:
  iptables -I INPUT -p udp --dport $1 -j ACCEPT"
    fi
    if swallows FORWARD "$answer" && [[ $answer != *'-o homerelay -j ACCEPT'* ]]; then
      if [[ $answer == *'-N DOCKER-USER'* ]]; then chain=DOCKER-USER; else chain=FORWARD; fi
      echo "Docker, or another firewall on this machine, passes nothing on that it was not told to. Allow it for the tunnel, at each boot:
  $tool -I $chain -i homerelay -j ACCEPT && $tool -I $chain -o homerelay -j ACCEPT"
    fi
  done
}

# Whether a chain lets nothing through in the end, by its policy or by a last rule for everything.
swallows() { # CHAIN RULES
  grep -qE -- "^-(P $1 DROP|A $1 -j (DROP|REJECT)( |$))" <<<"$2"
}

# Chains that their owner wrote for nft: what one of them drops, no rule of ours can let through. Those of the programs
# above are told by the programs.
name_nftables() { # PORT
  local family table chain hook rules mend
  while read -r family table chain hook; do
    rules=$(nft list chain "$family" "$table" "$chain")
    case $hook in
      input)
        if [[ $rules == *"dport"*"$1"* ]]; then continue; fi
        mend="
  nft insert rule $family $table $chain udp dport $1 accept"
        ;;
      forward)
        if [[ $rules == *homerelay* ]]; then continue; fi
        mend="
  nft insert rule $family $table $chain iifname homerelay accept
  nft insert rule $family $table $chain oifname homerelay accept"
        ;;
    esac
    echo "The nftables chain $chain of table $family $table drops what it was not told to allow. Allow the tunnel, there and in the
file that it is loaded from:$mend"
  done < <(dropping_chains)
}

# "FAMILY TABLE CHAIN HOOK" of each chain with such a policy.
dropping_chains() {
  local iptables=''
  if has iptables; then iptables=filter; fi
  { nft list chains 2>/dev/null || :; } | awk -v iptables="$iptables" '
    $1 == "table" { family = $2; table = $3 }
    $1 == "chain" { chain = $2 }
    /hook (input|forward) .*policy drop;/ {
      if (table ~ /^(homerelay|firewalld)$/ || (family ~ /^ip6?$/ && table == iptables)) next
      for (i = 1; i < NF; i++) if ($i == "hook") print family, table, chain, $(i + 1)
    }'
}

main() { # PORT
  name_ufw "$1"
  name_firewalld "$1"
  name_iptables "$1"
  name_nftables "$1"
}

main "$@"
