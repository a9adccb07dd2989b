# shellcheck shell=sh
# Sourced by the scripts that run on the operator's machine. `connect COMMAND…` runs a command on the host that the
# environment names; stdin passes through.
#   WAY              ssh: with OpenSSH and a key; password: with OpenSSH and a password; here: on this very machine
#   HOST PORT LOGIN  where, and as whom
#   HOST_KEYS        its public host keys, one a line: no other key is accepted, and none is ever learned
#   IDENTITY         a private key file; empty: whatever `ssh` itself would use (agent, ~/.ssh)
#   JUMP_HOST        a host to go through, with JUMP_PORT JUMP_LOGIN JUMP_HOST_KEYS JUMP_IDENTITY; empty: none
#   DIAL_SECONDS     how long a host may take to answer one connection
# POSIX sh: the operator's machine may be a Mac.
set -eu
: "${DIAL_SECONDS:=10}"
if [ "$WAY" = here ]; then LOGIN=$(id -un); fi

# What goes for every host; it is one word each.
ssh_options() {
  printf '%s\n' \
    -o StrictHostKeyChecking=yes -o ServerAliveInterval=10 -o ServerAliveCountMax=3 \
    -o UpdateHostKeys=no -o ControlPath=none -o LogLevel=ERROR
}

# For a host whose keys are pinned: no file of known hosts decides.
pin_options() {
  printf '%s\n' \
    -o UserKnownHostsFile=/dev/null -o GlobalKnownHostsFile=/dev/null -o HostKeyAlgorithms=ssh-ed25519
}

login_options() {
  if [ "$WAY" = password ]; then
    # The question is answered by print-password.sh, once.
    printf '%s\n' -o BatchMode=no -o NumberOfPasswordPrompts=1 -o PubkeyAuthentication=no \
      -o PreferredAuthentications=password,keyboard-interactive
  else
    printf '%s\n' -o BatchMode=yes
  fi
}

# ssh asks this command for the keys of the host; %H is the name that it looks for.
known_hosts_command() {
  printf '%s' "/bin/sh \"$PWD/components/host/print-known-hosts.sh\" %H"
}

proxy_command() {
  printf '%s' "/bin/sh \"$PWD/components/host/open-jump.sh\" %h %p"
}

connect() {
  if [ "$WAY" = here ]; then
    sh -c "$*"
    return
  fi
  export HOST_KEYS DIAL_SECONDS
  set -- -p "$PORT" -l "$LOGIN" -o "ConnectTimeout=$DIAL_SECONDS" -o "KnownHostsCommand=$(known_hosts_command)" \
    -- "$HOST" "$@"
  [ -z "${IDENTITY-}" ] || set -- -o "IdentityFile=\"$IDENTITY\"" -o IdentitiesOnly=yes "$@"
  [ -z "$JUMP_HOST" ] || set -- -o "ProxyCommand=$(proxy_command)" "$@"
  # shellcheck disable=SC2046,SC2029 # the options are one word each; COMMAND is meant to be read there
  ssh $(ssh_options) $(pin_options) $(login_options) "$@"
}

# What a person would type to log in.
login_command() {
  # shellcheck disable=SC2153 # both come from the environment
  [ -z "$JUMP_HOST" ] || set -- -J "$JUMP_LOGIN@$JUMP_HOST:$JUMP_PORT"
  printf '%s' "ssh${1+ $*} -p $PORT $LOGIN@$HOST"
}

# Runs as root there: through sudo when the user is somebody else, and only if sudo asks nothing.
as_root() {
  [ "$LOGIN" = root ] || printf 'sudo -n '
}

# A folder for secrets, which goes when the script ends: $folder.
make_folder() {
  umask 077
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  trap 'exit 130' HUP INT TERM
}

# Reads the password from stdin and keeps it in a file in $folder, from which ssh gets it.
take_password() {
  [ "$WAY" = password ] || return 0
  cat >"$folder/password"
  PASSWORD_FILE=$folder/password
  SSH_ASKPASS=$PWD/components/host/print-password.sh
  SSH_ASKPASS_REQUIRE=force
  export PASSWORD_FILE SSH_ASKPASS SSH_ASKPASS_REQUIRE
}
