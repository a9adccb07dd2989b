#!/bin/bash
# stdin: a document with what a home needs before packets come through the tunnel: `guard` (nftables), `routes` (for
# sync-routes.sh), `sysctls` (for kernel-settings.sh). A changed forward touches nothing else at home.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh
# shellcheck source=../host/kernel-settings.sh
. /usr/local/lib/homerelay/kernel-settings.sh
# shellcheck source=../host/note-passing.sh
. /usr/local/lib/homerelay/note-passing.sh
# shellcheck source=../firewall/table.sh
. /usr/local/lib/homerelay/table.sh

main() {
  local swallowing
  document=$(mktemp -d)
  trap 'rm -rf "$document"' EXIT
  split_document "$document"
  note_passing
  apply_guard "$document/guard"
  apply_kernel_settings "$document/sysctls"
  apply_routes "$document/routes"
  # Last: a tunnel that could not begin without the guard does so now, and finds all of this.
  systemctl enable --quiet homerelay-firewall.service
  systemctl start homerelay-firewall.service
  say "the guard is as it should be"
  # Forwards are tried at the end, and told then what swallows them.
  swallowing=$(/usr/local/lib/homerelay/name-neighbours.sh devices)
  [ -z "$swallowing" ] || die "$swallowing
Devices do not get through until that is done. The guard is in force; run the same command again then."
}

# In force before the tunnel can carry its first packet. Loaded in any case: somebody may have changed the table by hand.
apply_guard() { # FILE
  check_table "$1" || die "nft refuses the guard; nothing was changed"
  if write_if_changed 0644 "$firewall_file" <"$1"; then say "the guard has changed"; fi
  /usr/local/lib/homerelay/load-firewall.sh
}

# With no tunnel there is nothing to route yet: it sets the rules itself when it starts.
apply_routes() { # FILE
  if write_if_changed 0644 "$etc/routes" <"$1"; then say "the routing rules have changed"; fi
  ip link show dev "$interface" >/dev/null 2>&1 || return 0
  /usr/local/lib/homerelay/sync-routes.sh
}

main "$@"
