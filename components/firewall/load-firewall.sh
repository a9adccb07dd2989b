#!/bin/bash
# Loads this machine's rules, and in the same transaction what the ones before them have noted of packets, so that who
# came lately is still known: a home's services go on answering while they themselves are silent.
# Argument: the file, if it is not the one that is loaded at boot.
set -euo pipefail
export LC_ALL=C

# shellcheck source=../host/paths.sh
. /usr/local/lib/homerelay/paths.sh
# shellcheck source=../firewall/table.sh
. /usr/local/lib/homerelay/table.sh

# Notes of the table in force for which the file has a place, as nft's commands. A rate of packets begins anew.
notes() { # FILE
  local kind name
  sed -n '/^\t\(set\|map\) /h; /^\t\tflags dynamic,timeout$/ { g; s/^\t//; s/ {$//; p }' "$1" |
    while read -r kind name; do
      # Not there with an older table, or with none.
      nft list "$kind" inet homerelay "$name" 2>/dev/null |
        awk -v name="$name" '
          / limit rate / { exit }
          /elements = / { on = 1; printf "add element inet homerelay %s {", name; sub(".*= {", "") }
          # What has just been noted may have a moment more to live than a new element may be given.
          on { gsub(/ expires [0-9a-z]+/, ""); print }
          on && /}/ { on = "" }' || :
    done
}

main() { # [FILE]
  local file=${1:-$firewall_file} text noted
  text=$(table_transaction "$file")
  noted=$(notes "$file")
  change_table load "$text" "$noted" || return 1
  note_loaded "$file"
}

# In an older table a note may have had another form.
load() { # TRANSACTION NOTES
  if [ -n "$2" ] && nft -f <(printf '%s\n' "$1" "$2") 2>/dev/null; then return; fi
  nft -f <(printf '%s\n' "$1")
}

main "$@"
