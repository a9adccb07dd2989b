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
  { grep -vxFf "$wanted_list" "$installed_list" || :; } | while read -r kind path _; do # nothing is too much
    is_ours "$path" || continue
    case $kind in
      file) remove_file "$path" ;;
      folder) rm -rf "$path" ;;
      *) continue ;;
    esac
    say "removed $path, which is no longer needed"
  done
}

# Whether something lies where only we put things. A list that somebody has damaged must not cost anything else.
is_ours() { # PATH
  local folders='^(/usr/local/lib/homerelay|/etc/homerelay|/var/lib/homerelay)/.'
  local units='^/etc/systemd/system/(homerelay-[^/]+(\.d/[^/]+\.conf)?|[^/]+\.d/[^/]*homerelay[^/]*\.conf)$'
  local files='^/etc/(sysctl\.d|wireguard|apt/apt\.conf\.d|ssh/sshd_config\.d)/[^/]*homerelay[^/]*$'
  [[ $1 != *..* && ($1 =~ $folders || $1 =~ $units || $1 =~ $files) ]]
}

remove_file() { # PATH
  case $1 in
    /etc/systemd/system/*.timer | /etc/systemd/system/*.service | /etc/systemd/system/*.socket)
      systemctl disable --now --quiet "${1##*/}" 2>/dev/null || : # it may never have been started
      systemctl reset-failed "${1##*/}" 2>/dev/null || : # it may never have failed
      ;;
  esac
  rm -f "$1" || : # a folder, on a list that somebody has damaged
}

main "$@"
