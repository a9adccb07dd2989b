#!/bin/bash
# stdin: a document with the relay's WireGuard configuration, keys by name (`interface`), and, where devices reach what
# lies behind homes, the ways there (`routes`).
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh
# shellcheck source=../tunnel/sync-interface.sh
. /usr/local/lib/homerelay/sync-interface.sh

main() {
  document=$(mktemp -d)
  trap 'rm -rf "$document"' EXIT
  split_document "$document"
  touch "$document/routes" "$etc/routes"
  if write_if_changed 0600 "$etc/routes" <"$document/routes"; then say "the ways behind the homes have changed"; fi
  sync_interface "$document/interface"
  /usr/local/lib/homerelay/route-devices.sh
  if [ -e "$unproven" ]; then
    # syncconf has set each peer's keepalive to what the file says; those with a known address get theirs back.
    /usr/local/lib/homerelay/remember-endpoints.sh restore
    rm "$unproven"
  else
    say "the tunnel is as it should be"
  fi
  systemctl enable --quiet --now homerelay-endpoints.timer
}

main "$@"
