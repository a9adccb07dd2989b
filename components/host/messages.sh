# shellcheck shell=bash
# Sourced by scripts on hosts: lines for the operator.

# Nobody may be listening any more, which is no reason to stop.
say() {
  printf '%s\n' "$*" || :
}

# To the error output, which is the operator's as well, since that is never the way into a file or a variable.
die() {
  say "$*" >&2
  exit 1
}
