# shellcheck shell=bash
# Read by mend-host.sh: the kernel's settings, as in the file for the next boot.

# shellcheck source=../host/kernel-settings.sh
. /usr/local/lib/homerelay/kernel-settings.sh

# Calls ACTION with mark, key and value of each setting that is another one now; the mark is `-` where a machine may
# refuse it.
each_changed() { # ACTION
  local line mark key value path found
  [ -f "$sysctl_file" ] || return 0
  while IFS= read -r line; do
    [[ $line =~ ^(-?)([a-z][^=]*)=(.*)$ ]] || continue
    mark=${BASH_REMATCH[1]} key=${BASH_REMATCH[2]} value=${BASH_REMATCH[3]}
    path=$(setting_path "$key")
    # What the machine does not have, or lets nobody change, cannot be another one.
    if [ ! -e "$path" ] || [ ! -w "$path" ]; then continue; fi
    found=$(<"$path")
    if [ "$found" = "$value" ]; then continue; fi
    if [[ $key == *_reserved_ports ]] && [ "$(ports "$found")" = "$(ports "$value")" ]; then continue; fi
    "$1" "$mark" "$key" "$value" "$found"
  done <"$sysctl_file"
}

# A list of ports as the kernel may have joined it: single ones and ranges, in order.
ports() { # LIST
  tr ',' '\n' <<<"$1" | awk -F- 'NF { print $1, (NF > 1 ? $2 : $1) }' | sort -n | awk '
    NR > 1 && $1 <= last + 1 { if ($2 > last) last = $2; next }
    NR > 1 { print first, last }
    { first = $1; last = $2 }
    END { if (NR) print first, last }'
}

look() {
  each_changed differs_setting
}

# shellcheck disable=SC2317 # by each_changed
differs_setting() { # MARK KEY VALUE FOUND
  differs setting "$2" "${4:0:200}" "${3:0:200}"
}

mend() {
  each_changed set_again
}

# shellcheck disable=SC2317 # by each_changed
set_again() { # MARK KEY VALUE FOUND
  set_setting "$2" "$3" || [ "$1" = - ] || say "the kernel does not take $3 for $2"
}
