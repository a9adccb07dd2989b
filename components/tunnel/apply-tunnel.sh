#!/bin/bash
# stdin: a document with the relay's WireGuard configuration, keys by name (`interface`), the peers that are homes (for
# remember-endpoints.sh: `homes`), what each peer is called (for change-keys.sh: `names`), and, where devices reach what
# lies behind homes, `routes` (for sync-routes.sh).
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh
# shellcheck source=../tunnel/sync-interface.sh
. /usr/local/lib/homerelay/sync-interface.sh
# shellcheck source=../tunnel/change-keys.sh
. /usr/local/lib/homerelay/change-keys.sh

main() {
  document=$(mktemp -d)
  trap 'rm -rf "$document" "$next_folder"; end_counting' EXIT
  split_document "$document"
  # There are none, and so no part, where devices reach nothing behind a home.
  touch "$document/routes"
  write_if_changed 0600 "$etc/routes" <"$document/routes" || : # the same routes
  sync_interface "$document/interface"
  write_if_changed 0600 "$etc/homes" <"$document/homes" || : # the same homes
  /usr/local/lib/homerelay/sync-routes.sh
  if [ -e "$unproven" ]; then
    # syncconf has set each peer's keepalive to what the file says; those with a known address get theirs back, also
    # where the timer has not come yet.
    /usr/local/lib/homerelay/remember-endpoints.sh save
    /usr/local/lib/homerelay/remember-endpoints.sh restore
    rm "$unproven"
  else
    say "the tunnel is as it should be"
  fi
  tell_who_is_cut_off
}

main "$@"
