#!/bin/bash
# stdin: which homes are watched, and who is told: `stack NAME`, `settings KEY`, `home NAME TUNNEL-ADDRESS`,
# `service NAME` in the order of the secrets, and `included BYTES`, what may be sent in a month, a line each. Whoever was never told anything gets a message now,
# and everybody does when the step runs again with nothing changed: the operator asks for it.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh
# shellcheck source=../host/packages.sh
. /usr/local/lib/homerelay/packages.sh

readonly folder=$etc/notify

main() {
  local document asked=everybody
  document=$(cat)
  # Debian's cloud images have it; a minimal system may not.
  command -v curl >/dev/null || install_packages curl ca-certificates
  install -d -m 0700 "$folder"
  cmp -s <(sed -n 's/^service //p' <<<"$document") <(cut -d' ' -f1 "$folder/secrets" 2>/dev/null) ||
    die "where messages go is not on this host; run: pulumi up --replace '**-notify-secrets'"
  if write_if_changed 0644 "$folder/watched" <<<"$document"; then asked=new; fi
  systemctl enable --quiet --now homerelay-notify.timer
  # Services may be slow, and there is a lock of its own; the rules' trial must not wait for it.
  exec 9>&-
  /usr/local/lib/homerelay/send-messages.sh "$asked" || die "not everybody could be told"
}

main "$@"
