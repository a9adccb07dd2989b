# shellcheck shell=bash
# Read by mend-host.sh on a relay: the table that counts what each forward carried. Somebody who takes it away takes the
# figures with it.

: "${firewall_file:?}"

look() {
  [ -f "$firewall_file" ] || return 0
  if [[ $(nft -s list chain inet homerelay_counters forward 2>/dev/null) == *'@sent_udp'* ]]; then return 0; fi
  differs firewall 'table inet homerelay_counters' missing there
}

mend() {
  nft -f /usr/local/lib/homerelay/counters.nft
}
