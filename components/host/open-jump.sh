#!/bin/sh
# The ProxyCommand of connect-host.sh: a connection to a host through the jump host. Arguments: HOST PORT.
# What goes wrong with the jump host is told with a mark before each line, so that nobody looks at the other one.
# shellcheck source=connect-host.sh
. components/host/connect-host.sh

main() { # HOST PORT
  target=$1:$2
  case $1 in *:*) target="[$1]:$2" ;; esac
  set -- -p "$JUMP_PORT" -l "$JUMP_LOGIN" -W "$target" -- "$JUMP_HOST"
  [ -z "$JUMP_IDENTITY" ] || set -- -o "IdentityFile=\"$JUMP_IDENTITY\"" -o IdentitiesOnly=yes "$@"
  if [ -n "$JUMP_HOST_KEYS" ]; then
    HOST_KEYS=$JUMP_HOST_KEYS
    # shellcheck disable=SC2046 # one word each
    set -- $(pin_options) -o "KnownHostsCommand=$(known_hosts_command)" "$@"
  fi
  # Half of the time: the other half is for the host behind it, and its silence must not be taken for this one's.
  set -- -o BatchMode=yes -o "ConnectTimeout=$(((DIAL_SECONDS + 1) / 2))" "$@"
  # The connection is stdin and stdout; only what ssh complains of is caught. That the jump host cannot make a
  # connection, or may not, ssh tells from LogLevel=INFO on; of two levels the first counts.
  exec 3>&1
  # shellcheck disable=SC2046,SC2029 # one word each; there is no command
  complaint=$(ssh -o LogLevel=INFO $(ssh_options) "$@" 2>&1 >&3 3>&-) && return
  [ -z "$complaint" ] || printf '%s\n' "$complaint" | sed 's/^/jump host: /' >&2
  return 1
}

main "$@"
