#!/bin/bash
# stdin: the requests that tell a DynDNS service where its names point. Sends them now, whatever was sent before: the
# operator asks for it. From then on the timer does.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh
# shellcheck source=../host/packages.sh
. /usr/local/lib/homerelay/packages.sh

readonly folder=$etc/dyndns

main() {
  local document
  document=$(cat)
  # Debian's cloud images have it; a minimal system may not.
  command -v curl >/dev/null || install_packages curl ca-certificates
  install -d -m 0700 "$folder"
  if grep -qx 'secret none' <<<"$document"; then
    rm -f "$folder/secret"
  elif [ ! -f "$folder/secret" ]; then
    die "the secret of the DynDNS service is not on this host; run: pulumi up --replace '**-dyndns-secret'"
  fi
  write_if_changed 0644 "$folder/requests" <<<"$document" || : # the same requests, to be sent again
  systemctl enable --quiet --now homerelay-dyndns.timer
  # Its pauses may add up to minutes, and it has a lock of its own; the rules' trial must not wait for it.
  exec 9>&-
  /usr/local/lib/homerelay/update-dyndns.sh now || die "the DynDNS service did not take the update"
}

main "$@"
