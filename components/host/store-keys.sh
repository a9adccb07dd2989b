#!/bin/bash
# stdin: a document with one file a key, no other output than their number. Keys no longer in it are removed.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh

main() {
  install -d -m 0700 "$keys"
  # What a run left that was cut off.
  rm -rf "$keys".*
  fresh=$(mktemp -d "$etc/keys.XXXXXX")
  trap 'rm -rf "$fresh"' EXIT
  split_document "$fresh"
  if diff -rq "$fresh" "$keys" >/dev/null; then
    say "keys unchanged"
    await_new_keys
    return
  fi
  # The step that comes next proves them by a new handshake, also if this one ends half-way. The relay's public key alone
  # stands in the tunnel's own document as well.
  diff -rq --exclude=relay "$fresh" "$keys" >/dev/null || touch "$unproven"
  # A power cut must not leave empty ones, nor the old ones when this is done.
  sync "$fresh"/* "$fresh"
  # Both ends of a swap are whole folders, so no reader ever sees half of the keys.
  mv "$keys" "$fresh.old"
  mv "$fresh" "$keys"
  rm -rf "$fresh.old"
  sync "$etc"
  say "$(find "$keys" -type f | wc -l) keys in place"
  await_new_keys
}

# A home that has a tunnel changes its keys together with the relay, whose step for the tunnel is waiting for that.
await_new_keys() {
  [ -e "$keys/relay" ] && [ -e "/etc/wireguard/$interface.conf" ] || return 0
  systemctl enable --quiet homerelay-new-keys.service
  systemctl start homerelay-new-keys.service
}

main "$@"
