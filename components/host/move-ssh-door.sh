#!/bin/sh
# Runs on the operator's machine, before Hetzner's wall and before every step of the relay, when relay.sshPort,
# relay.sshVia or relay.sshPeers change: comes in by the door that is open, and has the relay open the wanted one
# beside it. Later steps use the new door, and then close the old one. Besides the variables of connect-host.sh:
#   NAME                   what the user calls the host
#   DOOR                   the wanted door: `HOST PORT`
#   PUBLIC_ADDRESS         the relay's, which is a door as well while the tunnel is down (open-way-back.sh)
#   SSH_VIA, SSH_PEERS     public or tunnel; tunnel addresses that may come in through the tunnel
#   PULUMI_COMMAND_STDOUT  the doors known so far, the newest first; none: the relay is not there yet
# stdin: the private key to log in with, OpenSSH format. stdout: the doors known from now on. An older one is not
# forgotten, for an `up` that ended half-way may have left that one open and not the newer.
# shellcheck source=../host/connect-host.sh
. components/host/connect-host.sh
umask 077

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

known=${PULUMI_COMMAND_STDOUT-}
rounds=3

say() {
  printf '%s\n' "$*" >&2
}

die() {
  say "$*"
  exit 1
}

note_doors() {
  printf '%s\n' "$DOOR" "$PUBLIC_ADDRESS ${DOOR#* }" "$known" | awk 'NF && !noted[$0]++' | head -n 4
}

# Sets HOST and PORT to the first door that lets us in; `answers` says what the others did.
find_open_door() {
  answers=''
  while read -r HOST PORT <&3; do
    if answer=$(connect true 2>&1 </dev/null); then return; fi
    answers="$answers
  $HOST port $PORT: $(printf '%s' "$answer" | tail -n 1 | tr -d '\r')"
  done 3<<DOORS
$known
DOORS
  return 1
}

# It may be rebooting.
wait_for_open_door() {
  round=1
  until find_open_door; do
    [ "$round" -lt "$rounds" ] || return 1
    round=$((round + 1))
    say "no known door of $NAME lets us in; trying again"
    sleep 5
  done
}

on_relay() { # open|close
  # shellcheck disable=SC2086 # each address is a word
  cat components/host/begin-step.sh components/host/sync-sshd.sh components/host/open-ssh-door.sh |
    connect "bash -s $1 ${DOOR#* } $SSH_VIA $SSH_PEERS" >&2
}

open_door() {
  on_relay open || die "$NAME could not open the new way for SSH, $DOOR. The old one is open: $HOST port $PORT"
  # From outside, Hetzner's wall may still stand before the new port.
  [ "$SSH_VIA" = tunnel ] || return 0
  [ "$HOST $PORT" != "$DOOR" ] || return 0
  if answer=$(HOST=${DOOR% *} PORT=${DOOR#* } connect true 2>&1 </dev/null); then return; fi
  on_relay close || say "what was opened for SSH through the tunnel is still open; the next up tries again"
  die "$NAME does not answer through the tunnel at $DOOR: $answer
With relay.sshVia: tunnel, the machine that runs pulumi has to be in the tunnel, as one of relay.sshPeers. Nothing has
changed: SSH is open at $HOST port $PORT as before."
}

# Whether the wanted door is a known one at another port than the newest has.
is_older_port() {
  printf '%s\n' "$known" | awk -v door="$DOOR" '
    NR == 1 { newest = $2 }
    $0 == door && $2 != newest { found = 1 }
    END { exit !found }'
}

main() {
  if [ -z "$known" ]; then
    [ "$SSH_VIA" = public ] || die "$NAME is not in the tunnel yet, so SSH cannot go through it: first run up with
sshVia: public, then change it to tunnel."
  else
    cat >"$folder/key"
    IDENTITY=$folder/key
    if wait_for_open_door; then
      open_door
    elif is_older_port; then
      # Where this network stops the newer one, this one may stand open behind Hetzner's wall, which moves next.
      say "no known door of $NAME lets us in; $DOOR was one before, and is tried next"
    else
      die "$NAME lets nobody in by SSH where it did before, so nothing has changed:$answers
Is it switched on, and does a firewall let you through? A relay whose SSH goes through the tunnel opens it to the
outside five minutes after the last peer was heard. If the server is gone, a new one takes its place with
  pulumi up --refresh --replace '**relay-ssh-door'
and if it is there and lost, with  --replace '**hcloud:index/server:Server**'  besides."
    fi
  fi
  note_doors
}

main
