# shellcheck shell=bash
# Sourced by scripts on hosts, behind paths.sh: our table, which nobody else can flush, delete or change where the kernel
# (6.9 and later) and nft (1.1.0 and later) know tables with an owner. The owner is a socket, and systemd holds it
# (homerelay-table.socket), so that nothing of ours has to run. `nft flush ruleset` passes over such a table. For
# changes of our own the socket is closed for a moment; the table stays, since it is marked to persist.

# What the table looked like when it was loaded, behind the SHA-256 of the file that it came from.
readonly loaded=/run/homerelay-table

# Whether this machine knows such tables. Nothing is loaded by this.
can_hold_table() {
  nft -c 'table inet homerelay_trial { flags persist; }' 2>/dev/null
}

# Until hold_table, anybody can change the table.
release_table() {
  timeout 20 systemctl stop homerelay-table.socket 2>/dev/null || : # no systemd, or none that has it: nobody holds the table
}

# Where the table cannot be held it is guarded by homerelay-mend.timer alone.
hold_table() {
  if [[ $(nft -t list table inet homerelay 2>/dev/null) != *'flags persist'* ]]; then return 0; fi
  timeout 20 systemctl start homerelay-table.service 2>/dev/null || : # homerelay-mend.timer tries again, and says so
}

# Runs a command that changes the table. Not all who do so have the lock of our steps: without turns one would have the
# table held again before the other has changed it.
change_table() { # COMMAND…
  local code=0
  # Who else could open it could keep us waiting.
  (umask 077 && : >>"$loaded.lock")
  exec 7<"$loaded.lock"
  flock -w 10 7 || : # better at once than never
  release_table
  "$@" || code=$?
  hold_table
  exec 7<&-
  return "$code"
}

# Whether nft takes a file for the table, in a network of its own, where there is none.
check_table() { # FILE
  if unshare --net true 2>/dev/null; then
    unshare --net nft -c -f "$1"
  else
    change_table nft -c -f <(table_transaction "$1")
  fi
}

# The commands for nft that load a file in place of the table that is there. A file that has no table, as one that was
# cut off, would leave none.
table_transaction() { # FILE
  local flags=''
  grep -qx 'table inet homerelay {' "$1" || {
    echo "$1 has no table in it; run pulumi up (at a home that is set up by hand, its script with install)" >&2
    return 1
  }
  if can_hold_table; then flags='flags persist;'; fi
  if nft -t list table inet homerelay >/dev/null 2>&1; then echo "delete table inet homerelay"; fi
  awk -v flags="$flags" '
    $0 == "table inet homerelay" || $0 == "delete table inet homerelay" { next }
    { print }
    $0 == "table inet homerelay {" && flags { print "\t" flags }' "$1"
}

# The table's text (stdin), as `nft -s list` has it, without what packets and time change in it: elements that rules note,
# and those that go by themselves, which somebody has put there for a while.
without_changing() {
  awk '
    /^table / { print "table inet homerelay {"; next }
    /^\tflags / || /^\t\t# / || /^$/ { next }
    /^\t(set|map) / { dynamic = 0 }
    /^\t\tflags / && /dynamic/ { dynamic = 1 }
    /^\t\telements = / && dynamic { skipping = 1 }
    /^\t}/ { skipping = 0 }
    skipping { next }
    { gsub(/[^ \t{,]+ timeout [0-9a-z]+( expires [0-9a-z]+)?/, "\001"); gsub(/, \001|\001, |\001/, "") }
    /^\t\telements = \{ *\}$/ { next }
    { print }'
}

# Called by whoever has just loaded it.
note_loaded() { # FILE
  rm -f "$loaded.next"
  (umask 077 && { sha256sum <"$1" && nft -s list table inet homerelay | without_changing; } >"$loaded.next")
  mv "$loaded.next" "$loaded"
}
