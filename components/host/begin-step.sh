#!/bin/bash
# Sourced first by every script that a step runs on a host: one at a time, to its end, with plain lines of progress.
set -euo pipefail
export LC_ALL=C
umask 077
exec 2>&1
# The operator's connection may end at any moment; what was begun here is finished all the same.
trap '' PIPE HUP

# shellcheck disable=SC2034 # these are for the scripts that source this one
readonly etc=/etc/homerelay keys=/etc/homerelay/keys unproven=/etc/homerelay/unproven interface=homerelay

# A line for the operator. Nobody may be listening any more, which is no reason to stop.
say() {
  printf '%s\n' "$*" || :
}

die() {
  say "$*"
  exit 1
}

# Two runs of `pulumi up`, or a step that outlived its connection, must not work on one host at once.
take_lock() {
  exec 9>/run/homerelay.lock
  flock -n 9 && return
  say "another home-relay step is running on this host; waiting for its end"
  flock -w 120 9 || die "another home-relay step has been running on this host for two minutes; try again later"
  # A step that outlived its connection may have waited while home-relay was taken off this host: nothing comes back.
  [ -e /usr/local/lib/homerelay/begin-step.sh ] || die "home-relay was taken off this host meanwhile"
}

# Writes stdin to a file of the given mode, and only if that changes it. Says so by its exit code: 0 changed, 1 not.
# Each command answers for itself, since `set -e` is off in a function whose exit code is asked for.
write_if_changed() { # MODE FILE
  local next=$2.next
  { cat >"$next" && chmod "$1" "$next"; } || die "cannot write $next"
  if cmp -s "$next" "$2" && [ "$(stat -c %a "$2")" = "$(stat -c %a "$next")" ]; then
    rm -f "$next"
    return 1
  fi
  mv "$next" "$2" || die "cannot write $2"
}

# A comment for each bridge of this host, to stand with what it had before us: whoever makes one later needs packets to
# be passed on, also when we no longer do.
note_bridges() {
  ip -o link show type bridge | sed 's/^[0-9]*: \([^:@]*\).*/# bridge \1/'
}

# Takes a document (stdin) apart into FOLDER: each `#file MODE NAME` line begins a file there.
split_document() { # FOLDER
  awk -v folder="$1" '
    $1 == "#file" && NF == 3 { name = $3; sub(".*/", "", name); file = folder "/" name; printf "" > file; next }
    file == "" { print "the document does not begin with a #file line" > "/dev/stderr"; exit 1 }
    { print > file }'
}

take_lock
install -d -m 0755 "$etc"
