#!/bin/sh
# Runs a step on a host, as root; stdin is its document. Arguments: the command there. Besides the variables of
# connect-host.sh:
#   NAME          what the user calls the host
#   WAIT_SECONDS  how long it may be away, because it boots. The engine begins nothing more after a failure, so this
#                 is also the time in which a change is finished on all other hosts
# shellcheck source=connect-host.sh
. components/host/connect-host.sh

complaint=$(mktemp)
trap 'rm -f "$complaint"' EXIT

# There was no connection, so nothing of stdin has been read.
is_away() { # CODE
  [ "$1" -eq 255 ] && grep -q '^ssh: connect to host' "$complaint"
}

# sudo would forget where the connection comes from, and apply-firewall.sh has to know whom not to lock out.
there="$(as_root)env SSH_CONNECTION=\"\$SSH_CONNECTION\" $*"
started=$(date +%s)
while :; do
  code=0
  connect "$there" 2>"$complaint" || code=$?
  is_away "$code" || break
  waited=$(($(date +%s) - started))
  if [ "$waited" -ge "$WAIT_SECONDS" ]; then
    printf '%s\n' "$NAME was away for $waited s: $(tr -d '\r' <"$complaint")
Switch it on, then run the same command again. To do meanwhile what does not need it:
  pulumi up --continue-on-error" >&2
    exit 1
  fi
  printf '%s\n' "waiting for $NAME ($waited s)"
  sleep 2
done
cat "$complaint" >&2
exit "$code"
