#!/bin/bash
# stdin: what the DynDNS service knows us by. apply-dyndns.sh comes after it.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh

main() {
  install -d -m 0700 "$etc/dyndns"
  if write_if_changed 0600 "$etc/dyndns/secret"; then
    say "the secret of the DynDNS service is in place"
  else
    say "the secret of the DynDNS service is unchanged"
  fi
}

main "$@"
