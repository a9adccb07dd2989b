#!/bin/sh
# Runs on the operator's machine, before the first step of a host: waits until the host lets us in, and says at once
# what is wrong when waiting cannot help. Besides the variables of connect-host.sh:
#   NAME          what the user calls the host
#   STACK_ID      by which a host knows this stack
#   STACK         what people call it
#   WAIT_SECONDS  how long a host may be silent (a new server boots)
#   HOST_KEY_MEND what to do about a host key that is not the pinned one
#   SILENCE_MEND  what to do about a host that does not answer; empty: what helps with any host
#   PASSWORD_KEY  where the user set the password, if there is one
# stdin: nothing (the operator's own way in); or the password; or for a relay of ours two OpenSSH private keys, one
# after the other: the one to log in with, and the host key that the server is to have from its first contact on. The
# one that it booted with was in its user data, where others than us can read it.
# shellcheck source=connect-host.sh
. components/host/connect-host.sh

say() {
  printf '%s\n' "$*"
}

die() {
  say "$*" >&2
  exit 1
}

read_keys() {
  [ "$WAY" = ssh ] || return 0
  awk -v folder="$folder" '
    /^-----BEGIN/ { file = folder "/key" ++n }
    file != "" { print > file }
    /^-----END/ { file = "" }'
  if [ -f "$folder/key1" ]; then IDENTITY=$folder/key1; fi
}

# What the user calls the host, and where that is.
where() {
  if [ "$WAY" = here ]; then printf '%s' "$NAME, this machine,"; else printf '%s' "$NAME ($HOST port $PORT)"; fi
}

fingerprints() {
  ssh-keygen -lf - 2>/dev/null | awk '{ print $2 }' | tr '\n' ' '
}

# The fingerprint in what ssh says of a key that is not the pinned one.
offered() {
  sed -n 's/.*\(SHA256:[A-Za-z0-9+/]*\).*/\1/p' | head -n 1
}

wrong_host_key() {
  pinned=$(printf '%s\n' "$HOST_KEYS" | fingerprints)
  shown=$(printf '%s\n' "$answer" | offered)
  die "$NAME ($HOST port $PORT) shows a host key that is not the pinned one. Nothing was sent to it.
  pinned:  ${pinned:-none}
  offered: ${shown:-no ed25519 key}
$HOST_KEY_MEND"
}

# ssh names the ways in that the host offers: `Permission denied (publickey,password).`
refused_login() {
  [ "$WAY" = password ] || die "$NAME ($HOST port $PORT) refuses the login of $LOGIN: $answer
Check that this works without a question:  $(login_command) true"
  case $answer in
    *"("*password*")"* | *"("*keyboard-interactive*")"*)
      die "$NAME ($HOST port $PORT) refuses the password of $LOGIN. Set the right one:
  pulumi config set --secret --path '$PASSWORD_KEY'" ;;
  esac
  die "$NAME ($HOST port $PORT) takes no password from $LOGIN: $answer
Allow it there (PasswordAuthentication yes in its sshd_config), or log in with a key and forget the password:
  pulumi config rm --path '$PASSWORD_KEY'"
}

# What is wrong with the jump host and will not pass. That it, or the host behind it, is silent, may pass.
judge_jump() { # ITS COMPLAINT
  jump="the jump host of $NAME ($JUMP_HOST port $JUMP_PORT)"
  case $1 in
    *"Host key verification failed"* | *"no matching host key type"*)
      [ -z "$JUMP_HOST_KEYS" ] || die "$jump shows a host key that is not the pinned one. Nothing was sent to it.
  pinned:  $(printf '%s\n' "$JUMP_HOST_KEYS" | fingerprints)
  offered: $(printf '%s\n' "$1" | offered)
Was it set up anew? Then put its new line into ssh.jump.hostKey of $NAME."
      die "$jump shows a host key that your known_hosts does not have for it. Nothing was sent to it.
Log in once and compare, or pin its key with ssh.jump.hostKey of $NAME:
  ssh -p $JUMP_PORT $JUMP_LOGIN@$JUMP_HOST true" ;;
    *"Permission denied"* | *"Too many authentication failures"*)
      die "$jump refuses the login of $JUMP_LOGIN: $1
Check that this works without a question:  ssh -p $JUMP_PORT $JUMP_LOGIN@$JUMP_HOST true" ;;
    *"Could not resolve hostname"*)
      die "$jump: $1" ;;
    *"administratively prohibited"*)
      die "$jump passes no connections on: $1
Allow it there: AllowTcpForwarding yes in its sshd_config" ;;
  esac
}

no_answer() { # SECONDS, COMPLAINT OF THE JUMP HOST
  tried="tried ssh to $HOST port $PORT as $LOGIN"
  [ -z "$JUMP_HOST" ] || tried="$tried, through $JUMP_LOGIN@$JUMP_HOST port $JUMP_PORT,"
  case $2 in
    "" | *"stdio forwarding failed"*) silent=$NAME ;;
    *) silent="the jump host of $NAME" ;;
  esac
  die "$silent does not answer: $tried for $1 s, last answer: ${answer:-none}
${SILENCE_MEND:-Is it switched on, is this the right address, and does a firewall let you through?
To do meanwhile what does not need it:  pulumi up --continue-on-error}"
}

wait_until_reached() {
  started=$(date +%s)
  left=$WAIT_SECONDS
  while :; do
    # The last dials are shorter, so that the wait ends when it should.
    DIAL_SECONDS=$((left < 2 ? 2 : left < 10 ? left : 10))
    # The whole answer is kept: ssh tells the cause on stderr only.
    if answer=$(connect true 2>&1 </dev/null); then return; fi
    jump_complaint=$(printf '%s\n' "$answer" | sed -n 's/^jump host: //p')
    [ -z "$jump_complaint" ] || judge_jump "$jump_complaint"
    case $answer in
      *"Host key verification failed"* | *"host key"*"mismatch"* | *"no matching host key type"*) wrong_host_key ;;
      *"Permission denied"* | *"Too many authentication failures"*) refused_login ;;
      *"Could not resolve hostname"*) die "$NAME: $answer" ;;
    esac
    waited=$(($(date +%s) - started))
    left=$((WAIT_SECONDS - waited))
    [ "$left" -gt 0 ] || no_answer "$waited" "$jump_complaint"
    say "waiting for $NAME ($HOST port $PORT): $(printf '%s' "${jump_complaint:-$answer}" | tail -n 1 | tr -d '\r') ($waited s)"
    sleep 2
  done
}

# Runs a command there: $answer is what it printed, $complaint what it or ssh complained of. A host that let us in may be
# away again, since a first boot ends with another start of its sshd: it is waited for once more.
ask() { # COMMAND…
  for _ in 1 2 3; do
    code=0
    answer=$(connect "$@" 2>"$folder/complaint" </dev/null) || code=$?
    complaint=$(cat "$folder/complaint")
    [ "$code" -eq 255 ] && [ "$WAY" != here ] || return "$code"
    wait_until_reached
  done
  die "$(where) answers, and ends what is asked of it: $complaint"
}

# Our scripts need apt, systemd and Debian's paths.
check_system() {
  # shellcheck disable=SC2016 # expanded there
  ask '. /etc/os-release && printf "%s\n" "$ID ${ID_LIKE-}" "$PRETTY_NAME"' || :
  system=$answer
  case " $(printf '%s' "$system" | head -n 1) " in
    *" debian "* | *" ubuntu "* | *" raspbian "*) return ;;
  esac
  found=$(printf '%s' "$system" | tail -n 1)
  die "$(where) is no Debian and nothing made from it; found ${found:-no /etc/os-release}. Nothing was changed there.
home-relay sets up Debian, Ubuntu and Raspberry Pi OS."
}

check_privilege() {
  [ "$LOGIN" != root ] || return 0
  if ask sudo -n true; then return; fi
  case $complaint in
    *"not found"*) die "$NAME: there is no sudo for $LOGIN to become root with. Install it there (apt-get install sudo), or log in as root." ;;
  esac
  die "$NAME: sudo does not let $LOGIN become root without a question: $complaint
Allow it, there:
  echo '$LOGIN ALL=(ALL) NOPASSWD: ALL' | sudo tee /etc/sudoers.d/home-relay"
}

owner_says() { # WORD
  printf '%s\n' "$owner" | sed -n "s/^$1 //p"
}

# Two stacks on one host would undo each other's work.
check_owner() {
  ask 'cat /etc/homerelay/owner 2>/dev/null || :'
  owner=$answer
  id=$(owner_says id)
  [ -n "$id" ] && [ "$id" != "$STACK_ID" ] || return 0
  free="$(as_root)rm /etc/homerelay/owner"
  [ "$WAY" = here ] || free="ssh -p $PORT $LOGIN@$HOST '$free'"
  die "$(where) belongs to another stack: $(owner_says stack) ($id), which calls it $(owner_says host).
This one is $STACK ($STACK_ID). Nothing was changed there. Where the other stack's state is, free the host with
  pulumi destroy
If that state is lost for good, give the host to this stack:
  $free"
}

# A fresh server is still setting itself up when its sshd first answers. 2: ended with a recoverable warning.
wait_for_cloud_init() {
  say "$NAME answers; waiting for its first boot to end"
  ask 'timeout 300 cloud-init status --wait >/dev/null || test $? -eq 2' ||
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
  make_folder
  take_password
  read_keys
  [ "$WAY" = here ] || wait_until_reached
  check_system
  check_privilege
  check_owner
  if [ -f "$folder/key2" ]; then
    wait_for_cloud_init
    install_host_key
  fi
  say "$NAME is reached"
}

main
