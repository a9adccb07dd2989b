# shellcheck shell=bash
# Sourced by scripts on hosts: lines for the operator.

# Nobody may be listening any more, which is no reason to stop.
say() {
  printf '%s\n' "$*" || :
}

# To the error output, which is the operator's as well, since that is never the way into a file or a variable.
die() {
  say "$*" >&2
  name_full_disks >&2
  exit 1
}

# Where no room is left things fail that never do, and not all of them say so.
name_full_disks() {
  local full
  full=$({
    df -Pk /etc /run /tmp /var/lib /usr/local | awk 'NR > 1 && $4 < 64 && !seen[$6]++ { print $6 }' | xargs
  } 2>/dev/null) || return 0 # what it asks is not there
  [ -z "$full" ] || say "No room is left on this host in $full. See what fills it, make room, then run the same command again:
  du -xh $full | sort -h | tail"
}
