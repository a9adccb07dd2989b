#!/bin/sh
# Runs on the operator's machine once a host is set up. A host is the machine with its host key: when the settings name
# another one, this takes our things off the machine before it, which has the same keys for the tunnel. Its stdout is
# the note by which the next run knows where that was.
# Besides the variables of connect-host.sh and uninstall-host.sh:
#   PULUMI_COMMAND_STDOUT  the note of the last run; unset in the first
# stdin: the password, if one is the way in. Argument: as for uninstall-host.sh.
# shellcheck source=connect-host.sh
. components/host/connect-host.sh

access="WAY HOST PORT LOGIN HOST_KEYS IDENTITY JUMP_HOST JUMP_PORT JUMP_LOGIN JUMP_HOST_KEYS JUMP_IDENTITY"

note() {
  for variable in $access; do
    eval "printf '%s=%s\n' $variable \"\${$variable-}\""
  done
}

noted() { # VARIABLE
  printf '%s\n' "${PULUMI_COMMAND_STDOUT-}" | sed -n "s/^$1=//p"
}

clean() (
  for variable in $access; do
    export "$variable=$(noted "$variable")"
  done
  FORMER=yes exec sh components/host/uninstall-host.sh "$1"
)

main() { # SCRIPT
  former_keys=$(noted HOST_KEYS)
  if [ -n "$former_keys" ] && [ "$former_keys" != "$HOST_KEYS" ]; then clean "$1" >&2; fi
  note
}

main "$@"
