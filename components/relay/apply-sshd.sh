#!/bin/bash
# stdin: a document with the relay's part of sshd's configuration (`sshd`) and the public key of this stack's by which it
# is to be reached (`admin-key`). That this runs, over a connection to the port in the one and by the other, is the proof
# that any other port may be closed, and any other key of this stack's removed.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh
# shellcheck source=../relay/sync-sshd.sh
. /usr/local/lib/homerelay/sync-sshd.sh
# shellcheck source=../relay/stack-keys.sh
. /usr/local/lib/homerelay/stack-keys.sh

main() {
  local key
  document=$(mktemp -d)
  trap 'rm -rf "$document"' EXIT
  split_document "$document"
  read -r _ key _ <"$document/admin-key" || : # nothing in it
  [ -n "$key" ] || die "this step was told no admin key; nothing has changed"
  sync_sshd <"$document/sshd"
  keep_key "$key"
}

main "$@"
