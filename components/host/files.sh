# shellcheck shell=bash
# Sourced by scripts on hosts, behind messages.sh: files that others read while we write them.
#
# Each command answers for itself, since `set -e` is off in a function whose exit code is asked for.

# NEXT, on the same file system, takes FILE's place. A power cut finds the old file or the new one, never an empty one,
# and the new one when this is done: what the folder says is on the disk as well.
move_into_place() { # NEXT FILE
  { sync "$1" && mv -T "$1" "$2" && sync "${2%/*}"; } || die "cannot write $2"
}

# FILE.next takes FILE's place, with the given mode. Exit code: 0 FILE has changed, 1 it was the same before.
place() { # MODE FILE
  chmod "$1" "$2.next" || die "cannot write $2"
  if cmp -s "$2.next" "$2" && [ "$(stat -c %a "$2")" = "$(stat -c %a "$2.next")" ]; then
    rm -f "$2.next"
    return 1
  fi
  move_into_place "$2.next" "$2"
}

# Writes stdin to a file of the given mode, and only if that changes it. Exit code as above.
write_if_changed() { # MODE FILE
  cat >"$2.next" || die "cannot write $2"
  place "$@"
}

# Takes a document (stdin) apart into FOLDER: each `#file MODE NAME` line begins a file there.
split_document() { # FOLDER
  awk -v folder="$1" '
    $1 == "#file" && NF == 3 { name = $3; sub(".*/", "", name); file = folder "/" name; printf "" > file; next }
    file == "" { print "the document does not begin with a #file line" > "/dev/stderr"; exit 1 }
    { print > file }'
}
