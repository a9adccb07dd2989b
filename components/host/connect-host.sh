# shellcheck shell=sh
# Sourced by the scripts that run on the operator's machine. `connect COMMAND…` runs a command on the host that the
# environment names, with OpenSSH; stdin passes through.
#   HOST PORT LOGIN  where, and as whom
#   HOST_KEYS        its public host keys, one a line: no other key is accepted, and none is ever learned
#   IDENTITY         a private key file; empty: whatever `ssh` itself would use (agent, ~/.ssh)
# POSIX sh: the operator's machine may be a Mac.
set -eu

ssh_options() {
  printf '%s\n' \
    -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=10 -o ServerAliveCountMax=3 \
    -o StrictHostKeyChecking=yes -o UserKnownHostsFile=/dev/null -o GlobalKnownHostsFile=/dev/null \
    -o UpdateHostKeys=no -o HostKeyAlgorithms=ssh-ed25519 -o ControlPath=none -o LogLevel=ERROR
}

# ssh asks this command for the keys of the host; %H is the name that it looks for.
known_hosts_command() {
  printf '%s' "/bin/sh \"$PWD/components/host/print-known-hosts.sh\" %H"
}

connect() {
  export HOST_KEYS
  set -- -p "$PORT" -l "$LOGIN" -o "KnownHostsCommand=$(known_hosts_command)" -- "$HOST" "$@"
  [ -z "${IDENTITY-}" ] || set -- -o "IdentityFile=$IDENTITY" -o IdentitiesOnly=yes "$@"
  # shellcheck disable=SC2046,SC2029 # the options are one word each; COMMAND is meant to be read there
  ssh $(ssh_options) "$@"
}

# Runs as root there: through sudo when the user is somebody else, and only if sudo asks nothing.
as_root() {
  [ "$LOGIN" = root ] || printf 'sudo -n '
}
