#!/bin/sh
# Runs on the operator's machine as the last act of `pulumi destroy`: takes our things off a host that outlives the
# stack. stdin: the password, if one is the way in. Besides the variables of connect-host.sh: NAME, what the user calls
# the host, and URN, what the state calls this act.
# Argument: the script that runs there.
# shellcheck source=connect-host.sh
. components/host/connect-host.sh

# How the user would run the script there.
by_hand() { # SCRIPT
  if [ "$WAY" = here ]; then
    printf '%s' "$(as_root)bash -s < $1"
  else
    printf '%s' "$(login_command) '$(as_root)bash -s' < $1"
  fi
}

main() { # SCRIPT
  make_folder
  take_password
  if answer=$(connect "$(as_root)bash -s" <"$1" 2>&1); then
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
