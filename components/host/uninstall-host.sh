#!/bin/sh
# Runs on the operator's machine as the last act of `pulumi destroy`: takes our things off a host that outlives the
# stack. stdin: the password, if one is the way in. Besides the variables of connect-host.sh: NAME, what the user calls
# the host, STACK_ID, by which the host knows this stack, and URN, what the state calls this act.
# Argument: the script that runs there, behind the one that checks whose the host is.
# shellcheck source=connect-host.sh
. components/host/connect-host.sh

begin=components/host/begin-uninstall.sh

# How the user would run the scripts there.
by_hand() { # SCRIPT
  if [ "$WAY" = here ]; then
    printf '%s' "cat $begin $1 | $there"
  else
    printf '%s' "cat $begin $1 | $(login_command) '$there'"
  fi
}

main() { # SCRIPT
  make_folder
  take_password
  there="$(as_root)bash -s $STACK_ID $NAME"
  if answer=$(cat "$begin" "$1" | connect "$there" 2>&1); then
    printf '%s\n' "$NAME: $answer"
    exit 0
  fi
  where=$NAME
  [ "$WAY" = here ] || where="$NAME ($HOST port $PORT)"
  printf '%s\n' "$where was not cleaned: $answer
All else is removed; nothing is billed any more. To finish, when $NAME is back:
  pulumi destroy
or there, by hand:
  $(by_hand "$1")
To give it up for good:
  pulumi state delete '$URN'" >&2
  exit 1
}

main "$@"
