#!/bin/sh
# Runs on the operator's machine, after all else of `pulumi destroy` or, for a home that was taken out of the settings,
# of `pulumi up`: takes our things off a host that outlives the stack. stdin: the password, if one is the way in.
# Besides the variables of connect-host.sh:
#   NAME      what the user calls the host
#   STACK_ID  by which the host knows this stack
#   URN       what the state calls this act
#   FORMER    not empty: the settings name another machine now, and this is the one before it
# Argument: the script that runs there, behind those that check whose the host is and know how to restore settings.
# shellcheck source=connect-host.sh
. components/host/connect-host.sh

begin="components/host/begin-uninstall.sh components/host/restore-sysctls.sh"

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
  # shellcheck disable=SC2086 # two files
  if answer=$(cat $begin "$1" | connect "$there" 2>&1); then
    printf '%s\n' "$NAME: $answer"
    exit 0
  fi
  if [ -n "${FORMER-}" ]; then
    say_former "$1"
  else
    say_left "$1"
  fi >&2
}

say_left() { # SCRIPT
  where=$NAME
  [ "$WAY" = here ] || where="$NAME ($HOST port $PORT)"
  printf '%s\n' "$where was not cleaned: $answer
It kept nothing alive that is billed: what this run was to take away at the provider is gone.
To finish when $NAME is back, run the same command again: pulumi destroy, or pulumi up if you took $NAME out of the settings.
To give it up for good, before that command:
  pulumi state delete '$URN'
What is on it then goes by hand:
  $(by_hand "$1")"
  exit 1
}

say_former() { # SCRIPT
  case $answer in
    *"jump host: "*) ;; # what is wrong with it says nothing of the machine behind it
    *"Host key verification failed"* | *"no matching host key type"*)
      printf '%s\n' "$NAME: another machine is at $HOST by now, so nothing is cleaned there"
      exit 0 ;;
  esac
  printf '%s\n' "$NAME is another machine now, and the one before it ($HOST port $PORT) was not cleaned: $answer
Keep that one off until it is: it has the keys of $NAME, and would take the tunnel for itself.
To finish when it can be reached, run the same command again: pulumi up.
To give it up for good, before that command:
  pulumi state delete --target-dependents '$URN'
What is on it then goes by hand:
  $(by_hand "$1")"
  exit 1
}

main "$@"
