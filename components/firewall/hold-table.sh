#!/bin/bash
# Run by homerelay-table.service, which hands over the socket that systemd holds (file descriptor 3): makes it the owner
# of our table, which has none. No command does that: nft itself is an owner only for as long as it runs.
#
# Three messages of netlink, as a machine has them that puts the lower byte first; another one refuses them, and the
# table has no owner there. Layout: include/uapi/linux/netlink.h and linux/netfilter/nf_tables.h.
set -euo pipefail
export LC_ALL=C

message() {
  # A transaction of nf_tables begins.
  printf '\x14\x00\x00\x00\x10\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0a'
  # Table (10, 0) of family inet (1), …
  printf '\x2c\x00\x00\x00\x00\x0a\x01\x00\x02\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00'
  # … named …
  printf '\x0e\x00\x01\x00homerelay\x00\x00\x00'
  # … has an owner (2) and persists (4).
  printf '\x08\x00\x02\x00\x00\x00\x00\x06'
  # It ends.
  printf '\x14\x00\x00\x00\x11\x00\x01\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0a'
}

main() {
  # With no table, an empty one would be made.
  nft -t list table inet homerelay >/dev/null 2>&1 || return 0
  # The kernel takes a message in one piece.
  message | dd bs=4096 iflag=fullblock status=none >&3
  # It answers only what it refuses; an answer that is left would start this again.
  dd bs=4096 count=8 iflag=nonblock status=none <&3 >/dev/null 2>&1 || :
}

main "$@"
