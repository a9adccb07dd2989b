#!/bin/sh
# Runs on the operator's machine, before the first step of a host: waits until the host lets us in, and says at once
# what is wrong when waiting cannot help. Besides the variables of connect-host.sh:
#   NAME          what the user calls the host
#   WAIT_SECONDS  how long a host may be silent (a new server boots)
#   HOST_KEY_MEND what to do about a host key that is not the pinned one
#   SILENCE_MEND  what to do about a host that does not answer, besides what goes for all
# stdin: nothing (the operator's own way in), or for a relay of ours two OpenSSH private keys, one after the other:
# the one to log in with, and the host key that the server is to have from its first contact on. The one that it
# booted with was in its user data, where others than us can read it.
# shellcheck source=connect-host.sh
. components/host/connect-host.sh
umask 077

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

say() {
  printf '%s\n' "$*"
}

die() {
  say "$*" >&2
  exit 1
}

read_keys() {
  awk -v folder="$folder" '
    /^-----BEGIN/ { file = folder "/key" ++n }
    file != "" { print > file }
    /^-----END/ { file = "" }'
  if [ -f "$folder/key1" ]; then IDENTITY=$folder/key1; fi
}

fingerprints() {
  ssh-keygen -lf - 2>/dev/null | awk '{ print $2 }' | tr '\n' ' '
}

wrong_host_key() {
  pinned=$(printf '%s\n' "$HOST_KEYS" | fingerprints)
  offered=$(ssh-keyscan -T 5 -t ed25519 -p "$PORT" "$HOST" 2>/dev/null | fingerprints)
  die "$NAME ($HOST port $PORT) shows a host key that is not the pinned one. Nothing was sent to it.
  pinned:  ${pinned:-none}
  offered: ${offered:-no ed25519 key}
$HOST_KEY_MEND"
}

wait_until_reached() {
  started=$(date +%s)
  while :; do
    # The whole answer is kept: ssh tells the cause on stderr only.
    if answer=$(connect true 2>&1 </dev/null); then return; fi
    case $answer in
      *"Host key verification failed"* | *"host key"*"mismatch"* | *"no matching host key type"*) wrong_host_key ;;
      *"Permission denied"* | *"Too many authentication failures"*)
        die "$NAME ($HOST port $PORT) refuses the login of $LOGIN: $answer
Check that this works without a question:  ssh -p $PORT $LOGIN@$HOST true" ;;
      *"Could not resolve hostname"*)
        die "$NAME: $answer" ;;
    esac
    waited=$(($(date +%s) - started))
    if [ "$waited" -ge "$WAIT_SECONDS" ]; then
      die "$NAME does not answer: tried ssh to $HOST port $PORT as $LOGIN for $waited s, last answer: ${answer:-none}
Is it switched on, is this the right address, and does a firewall let you through?${SILENCE_MEND:+
$SILENCE_MEND}"
    fi
    say "waiting for $NAME ($HOST port $PORT): $(printf '%s' "$answer" | tail -n 1 | tr -d '\r') ($waited s)"
    sleep 2
  done
}

check_privilege() {
  [ "$LOGIN" = root ] || connect sudo -n true </dev/null ||
    die "$NAME: sudo asks $LOGIN for a password. Allow it without one, there:
  echo '$LOGIN ALL=(ALL) NOPASSWD: ALL' | sudo tee /etc/sudoers.d/home-relay"
}

# A fresh server is still setting itself up when its sshd first answers. 2: ended with a recoverable warning.
wait_for_cloud_init() {
  say "$NAME answers; waiting for its first boot to end"
  connect 'timeout 300 cloud-init status --wait >/dev/null || test $? -eq 2' </dev/null ||
    die "$NAME: its first boot did not end well. See there: cloud-init status --long"
}

# From now on the server shows a host key that was never in its user data.
install_host_key() {
  connect 'set -e; umask 077; cd /etc/ssh; cat >ssh_host_ed25519_key.next
ssh-keygen -yf ssh_host_ed25519_key.next >ssh_host_ed25519_key.pub.next; chmod 0644 ssh_host_ed25519_key.pub.next
cmp -s ssh_host_ed25519_key.next ssh_host_ed25519_key && { rm ./*.next; exit 0; }
mv ssh_host_ed25519_key.next ssh_host_ed25519_key; mv ssh_host_ed25519_key.pub.next ssh_host_ed25519_key.pub
systemctl reload ssh' <"$folder/key2" || die "$NAME: could not give it its lasting host key"
}

main() {
  read_keys
  wait_until_reached
  check_privilege
  if [ -f "$folder/key2" ]; then
    wait_for_cloud_init
    install_host_key
  fi
  say "$NAME is reached"
}

main
