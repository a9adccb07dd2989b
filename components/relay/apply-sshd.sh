#!/bin/bash
# stdin: the relay's part of sshd's configuration, and a line `# admin key: …`. That this runs, over a connection to the
# port in it and by that key, is the proof that any other port may be closed, and any other key of this stack's removed.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh
# shellcheck source=../relay/sync-sshd.sh
. /usr/local/lib/homerelay/sync-sshd.sh
# shellcheck source=../relay/stack-keys.sh
. /usr/local/lib/homerelay/stack-keys.sh

main() {
  local document key
  document=$(cat)
  key=$(sed -n 's/^# admin key: ssh-ed25519 //p' <<<"$document")
  [ -n "$key" ] || die "this step was told no admin key; nothing has changed"
  sync_sshd < <(grep -v '^# admin key: ' <<<"$document")
  keep_key "$key"
}

main "$@"
