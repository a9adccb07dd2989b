#!/bin/bash
# Sourced first by every script that a step runs on a host: one at a time, to its end, with plain lines of progress.
set -euo pipefail
export LC_ALL=C
umask 077
exec 2>&1
# The operator's connection may end at any moment; what was begun here is finished all the same.
trap '' PIPE HUP

# What ends a step without a word of ours.
set -E
trap 'if [ "$BASH_SUBSHELL" = 0 ]; then name_full_disks; fi' ERR

# A host on which they are not installed yet gets these on stdin, before this file.
# shellcheck source=../host/paths.sh
[ -n "${etc-}" ] || . /usr/local/lib/homerelay/paths.sh
# shellcheck source=messages.sh
declare -F say >/dev/null || . /usr/local/lib/homerelay/messages.sh
# shellcheck source=lock.sh
declare -F take_lock >/dev/null || . /usr/local/lib/homerelay/lock.sh
# shellcheck source=files.sh
declare -F place >/dev/null || . /usr/local/lib/homerelay/files.sh

# shellcheck disable=SC2034 # for the scripts that source this one
readonly interface=homerelay

# A step's document is whole, or nothing is done: a connection may end in the middle. Its last line, `#end`, goes. What is
# read from stdin itself (see scriptParts.ts) has no document. It may have keys, so it has no name under which it could be
# left.
take_document() {
  [[ $0 == /usr/local/lib/homerelay/* ]] || return 0
  local document
  document=$(mktemp /run/homerelay-document.XXXXXX)
  exec 8<>"$document"
  rm -f "$document"
  cat >&8
  case $(tail -c 6 /dev/fd/8 && echo .) in
    $'#end\n.' | $'\n#end\n.') ;;
    *) die "the document was cut off on its way; nothing was changed here" ;;
  esac
  truncate -s -5 /dev/fd/8
  exec </dev/fd/8 8>&-
}

# A step that outlived its connection may wait for the lock while home-relay is taken off this host: nothing comes back
# then.
take_lock_where_installed() {
  local begin=/usr/local/lib/homerelay/begin-step.sh installed=''
  if [ -e "$begin" ]; then installed=yes; fi
  take_lock
  if [ -n "$installed" ] && [ ! -e "$begin" ]; then die "home-relay was taken off this host meanwhile"; fi
}

# What steps lay down for a moment lies in a folder that the next one empties: a step that is killed removes nothing.
take_scratch_folder() {
  export TMPDIR=/run/homerelay-step
  rm -rf "$TMPDIR" /run/homerelay-document.*
  mkdir -m 0700 "$TMPDIR"
}

take_document
take_lock_where_installed
take_scratch_folder
install -d -m 0755 "$etc"
