#!/bin/bash
# stdin: the relay's WireGuard configuration, keys by name.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh
# shellcheck source=../tunnel/sync-interface.sh
. /usr/local/lib/homerelay/sync-interface.sh

main() {
  document=$(mktemp)
  trap 'rm -f "$document"' EXIT
  cat >"$document"
  sync_interface "$document"
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
