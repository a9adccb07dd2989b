#!/bin/bash
# stdin: the relay's part of sshd's configuration. That this runs, over a connection to the port in it, is the proof
# that any other port may be closed.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh
# shellcheck source=../relay/sync-sshd.sh
. /usr/local/lib/homerelay/sync-sshd.sh

main() {
  sync_sshd
}

main "$@"
