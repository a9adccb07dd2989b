#!/bin/bash
# stdin: a document for a relay that was there before: `sysctls` (for kernel-settings.sh) and `upgrades` (apt's settings).
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh
# shellcheck source=../host/kernel-settings.sh
. /usr/local/lib/homerelay/kernel-settings.sh

main() {
  document=$(mktemp -d)
  trap 'rm -rf "$document"' EXIT
  split_document "$document"
  apply_kernel_settings "$document/sysctls"
  apply_upgrades "$document/upgrades"
  say "the machine is set up as a relay"
}

apply_upgrades() { # FILE
  if write_if_changed 0644 "$upgrades_file" <"$1"; then say "security updates come by themselves"; fi
}

main "$@"
