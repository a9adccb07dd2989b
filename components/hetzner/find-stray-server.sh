#!/bin/sh
# Runs on the operator's machine, in `pulumi destroy` after the relay's server is gone and before its addresses are: no
# server of that name may be left. Hetzner finishes a server also when the `pulumi up` that asked for it was ended at
# once; such a server is in no state and is billed.
#   SERVER    the server's name at Hetzner
#   ENDPOINT  Hetzner's API; empty: where the provider looks for it
# stdin: the API token, or nothing where it is in the environment.
set -eu
umask 077

endpoint=${ENDPOINT:-${HCLOUD_ENDPOINT:-https://api.hetzner.cloud/v1}}
read -r token || token=${token:-${HCLOUD_TOKEN-}}

# The token is nobody's to read, so it is no argument.
ask() { # PATH
  printf 'header = "Authorization: Bearer %s"\n' "$token" |
    curl --config - --silent --show-error --fail --max-time 30 "$endpoint$1" 2>&1
}

if ! answer=$(ask "/servers?name=$SERVER"); then
  printf '%s\n' "Could not ask Hetzner whether a server named $SERVER is left: $answer
Run the same command again, or look in Hetzner's console." >&2
  exit 1
fi
# All on one line; spaces may or may not stand between.
id=$(printf '%s' "$answer" | tr -d ' \n' | sed -n 's/^.*"servers":\[{"id":\([0-9]*\).*$/\1/p')
if [ -n "$id" ]; then
  printf '%s\n' "Hetzner still has a server $SERVER (number $id), which this stack knows nothing of and which is billed.
A pulumi that was ended while Hetzner made it left it there. Delete it in Hetzner's console, then run the same command again." >&2
  exit 1
fi
