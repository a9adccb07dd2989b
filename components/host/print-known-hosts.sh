#!/bin/sh
# The KnownHostsCommand of connect-host.sh: one known_hosts line for each key in HOST_KEYS.
set -eu
printf '%s\n' "$HOST_KEYS" | while IFS= read -r key; do
  [ -z "$key" ] || printf '%s %s\n' "$1" "$key"
done
