#!/bin/sh
# Runs on the operator's machine as the last act of `pulumi destroy`: takes our things off a host that outlives the
# stack. stdin: nothing. Besides the variables of connect-host.sh: NAME, what the user calls the host, STACK_ID, by which
# the host knows this stack, and URN, what the state calls this act.
# Argument: the script that runs there, behind the one that checks whose the host is.
# shellcheck source=connect-host.sh
. components/host/connect-host.sh

begin=components/host/begin-uninstall.sh
there="$(as_root)bash -s $STACK_ID $NAME"

if answer=$(cat "$begin" "$1" | connect "$there" 2>&1); then
  printf '%s\n' "$NAME: $answer"
  exit 0
fi
printf '%s\n' "$NAME ($HOST port $PORT) was not cleaned: $answer
All else is removed; nothing is billed any more. To finish, when $NAME is back:
  pulumi destroy
or there, by hand:
  cat $begin $1 | ssh -p $PORT $LOGIN@$HOST '$there'
To give it up for good:
  pulumi state delete '$URN'" >&2
exit 1
