#!/bin/bash
# stdin: the list of what this host is to have of ours, as in /etc/homerelay/wanted. Removes what an older version, or
# other settings, put here besides. It is the last step of a host: until all others have done their work, what they
# replace may still be in use, and a run that fails leaves it.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh

main() {
  # A list that was cut off on its way would have everything removed that it does not name.
  cmp -s - "$wanted_list" || die "this list is not the one that the host was prepared with; run pulumi up again"
  remove_unwanted
  # What a run that was killed had not yet moved into place.
  rm -f /usr/local/lib/homerelay/{,mend/}*.next /etc/systemd/system/homerelay-*.next
  install -m 0644 "$wanted_list" "$installed_list.next"
  place 0644 "$installed_list" || : # nothing was too much
  systemctl daemon-reload
  # Whatever the steps did is there after a power cut, too: what starts at boot, and what was removed.
  sync -f "$installed_list"
  say "nothing is here that is not needed"
}

remove_unwanted() {
  local kind path
  stop_unwanted_units
  unwanted | while read -r kind path; do
    case $kind in
      file) rm -f "$path" || : ;; # a folder, on a list that somebody has damaged
      folder) rm -rf "$path" ;;
      *) continue ;;
    esac
    say "removed $path, which is no longer needed"
  done
}

# `KIND PATH` a line.
unwanted() {
  local kind path
  { grep -vxFf "$wanted_list" "$installed_list" || :; } | while read -r kind path _; do # nothing is too much
    if is_ours "$path"; then printf '%s %s\n' "$kind" "$path"; fi
  done
}

# What starts others goes before them, and all before a file: a service that is started meanwhile would find nothing to
# run, and stand among those that failed for as long as the host is up.
stop_unwanted_units() {
  local kind unit
  for kind in timer socket service; do
    for unit in $(unwanted | sed -n "s|^file /etc/systemd/system/\\(homerelay-[^/ ]*\\.$kind\\)\$|\\1|p"); do
      systemctl disable --now --quiet "$unit" 2>/dev/null || : # it may never have been started
      systemctl reset-failed "$unit" 2>/dev/null || : # it may never have failed
    done
  done
}

# Whether something lies where only we put things. A list that somebody has damaged must not cost anything else.
is_ours() { # PATH
  local folders='^(/usr/local/lib/homerelay|/etc/homerelay|/var/lib/homerelay)/.'
  local units='^/etc/systemd/system/(homerelay-[^/]+(\.d/[^/]+\.conf)?|[^/]+\.d/[^/]*homerelay[^/]*\.conf)$'
  local files='^/etc/(sysctl\.d|wireguard|apt/apt\.conf\.d|ssh/sshd_config\.d)/[^/]*homerelay[^/]*$'
  [[ $1 != *..* && ($1 =~ $folders || $1 =~ $units || $1 =~ $files) ]]
}

main "$@"
