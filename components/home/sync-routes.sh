#!/bin/bash
# Brings the home's routing rules and the tunnel's routes in line with /etc/homerelay/rules. Run by wg-quick when the
# tunnel comes up and by apply-guard.sh when a forward changed; `remove` takes them away again.
# Rules of ours are known by their priority: 5180-5199.
set -euo pipefail
export LC_ALL=C

# shellcheck source=../tunnel/families.sh
. /usr/local/lib/homerelay/families.sh

readonly interface=homerelay table=51820 wanted=/etc/homerelay/rules

# The kernel's rules as "4 priority N SELECTOR lookup …", one a line, as in the file of wanted ones.
current_rules() {
  local family
  for family in 4 6; do
    { ip -"$family" rule show 2>/dev/null || :; } | awk -v family="$family" '
      { priority = $1; sub(":", "", priority) }
      priority >= 5180 && priority <= 5199 {
        $1 = ""; sub("^ *from all", ""); sub("^ +", ""); gsub(" +", " "); sub(" $", "")
        sub("suppress_prefixlen ", "suppress_prefixlength "); sub(" \\[unresolved\\]$", ""); print family " priority " priority " " $0
      }'
  done
}

wanted_rules() {
  sed -n "/^[${families[*]}] /p" "$wanted" | sort -u
}

main() {
  local family rule
  if [ "${1-}" = remove ]; then
    current_rules | while read -r family rule; do
      # shellcheck disable=SC2086 # a rule is a list of words
      ip -"$family" rule delete $rule
    done
    return
  fi
  for family in "${families[@]}"; do ip -"$family" route replace default dev "$interface" table "$table"; done
  # As the kernel's own: systemd-networkd removes all others that it did not make, whenever it sets up an interface.
  # First what is missing, then what is too much: at no moment does a wanted rule not exist.
  comm -13 <(current_rules | sort -u) <(wanted_rules) | while read -r family rule; do
    # shellcheck disable=SC2086
    ip -"$family" rule add $rule protocol kernel
  done
  comm -23 <(current_rules | sort -u) <(wanted_rules) | while read -r family rule; do
    # shellcheck disable=SC2086
    ip -"$family" rule delete $rule
  done
}

main "$@"
