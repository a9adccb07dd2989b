#!/bin/sh
# Runs on the operator's machine, after all else of `pulumi destroy` or, for a home that was taken out of the settings,
# of `pulumi up`: takes our things off a host that outlives the stack. stdin: nothing. Besides the variables of
# connect-host.sh: NAME, what the user calls the host, and URN, what the state calls this act.
# Argument: the script that runs there; it is given NAME.
# shellcheck source=connect-host.sh
. components/host/connect-host.sh

remover="$(as_root)bash -s -- '$NAME'"
if answer=$(connect "$remover" <"$1" 2>&1); then
  printf '%s\n' "$NAME: $answer"
  exit 0
fi
printf '%s\n' "$NAME ($HOST port $PORT) was not cleaned: $answer
It kept nothing alive that is billed: what this run was to take away at the provider is gone.
To finish when $NAME is back, run the same command again: pulumi destroy, or pulumi up if you took $NAME out of the settings.
To give it up for good, before that command:
  pulumi state delete '$URN'
What is on it then goes by hand:
  ssh -p $PORT $LOGIN@$HOST \"$remover\" < $1" >&2
exit 1
