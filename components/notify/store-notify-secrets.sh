#!/bin/bash
# stdin: who is told, and where: `SERVICE URL [TOKEN]` a line. apply-notify.sh comes after it.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh

main() {
  install -d -m 0700 "$etc/notify"
  if write_if_changed 0600 "$etc/notify/secrets"; then
    say "where messages go is in place"
  else
    say "where messages go is unchanged"
  fi
}

main "$@"
