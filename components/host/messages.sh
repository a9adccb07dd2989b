# shellcheck shell=bash
# Sourced by scripts on hosts: lines for the operator.

# Nobody may be listening any more, which is no reason to stop.
say() {
  printf '%s\n' "$*" || :
}

die() {
  say "$*"
  exit 1
}
