#!/bin/bash
# stdin: the requests that tell a DynDNS service where its names point, or `provider none`. Sends them now, whatever
# was sent before: the operator asks for it. From then on the timer does.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh

readonly folder=$etc/dyndns memory=/var/lib/homerelay/dyndns

remove() {
  systemctl disable --quiet --now homerelay-dyndns.timer 2>/dev/null || : # it never was enabled
  systemctl reset-failed homerelay-dyndns.service 2>/dev/null || :
  rm -rf "$folder" "$memory"
  say "no name is kept by a DynDNS service"
}

# The lock on the package lists is one that apt itself never waits for.
update_lists() {
  local answer deadline=$((SECONDS + 180))
  until answer=$(timeout 200 apt-get -qq update 2>&1); do
    if [[ $answer != *"/var/lib/apt/lists/lock"* ]] || [ "$SECONDS" -ge "$deadline" ]; then die "$answer"; fi
    sleep 3
  done
}

# Debian's cloud images have it; a minimal system may not.
provide_curl() {
  if command -v curl >/dev/null; then return; fi
  say "installing curl"
  export DEBIAN_FRONTEND=noninteractive
  update_lists
  timeout 300 apt-get -o DPkg::Lock::Timeout=180 -qq install -y --no-install-recommends curl ca-certificates >/dev/null
}

main() {
  local document
  document=$(cat)
  if [ "$document" = "provider none" ]; then
    remove
    return
  fi
  provide_curl
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
