#!/bin/bash
# Loads this machine's rules, and in the same transaction what the ones before them have noted of packets, so that who
# came lately is still known: a home's services go on answering while they themselves are silent.
set -euo pipefail
export LC_ALL=C

# shellcheck source=../host/paths.sh
. /usr/local/lib/homerelay/paths.sh

# Notes of the table in force for which the file has a place, as nft's commands. A rate of packets begins anew.
notes() {
  local kind name
  sed -n '/^\t\(set\|map\) /h; /^\t\tflags dynamic,timeout$/ { g; s/^\t//; s/ {$//; p }' "$firewall_file" |
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

main() {
  local noted
  noted=$(notes)
  # In an older table a note may have had another form.
  if [ -n "$noted" ] && nft -f <(cat "$firewall_file" && echo "$noted") 2>/dev/null; then return; fi
  nft -f "$firewall_file"
}

main "$@"
