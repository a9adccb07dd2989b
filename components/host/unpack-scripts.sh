# shellcheck shell=bash
# Read by `bash -s` on a host, behind the scripts that it builds on (see scriptParts.ts), since nothing of ours may be
# installed there yet. What follows on the same stdin is a document with our scripts, units and settings.
# Puts each file at its absolute path, and prepares the host: packages, settings of the kernel, units. One of the files
# lists what this host is to have of ours.
# Arguments: the stack's id, the stack as people call it, and what the host is to it, each in one word.
set -euo pipefail
export LC_ALL=C
umask 022
exec 2>&1
trap '' PIPE HUP
# What ends this without a word of ours.
set -E
trap 'if [ "$BASH_SUBSHELL" = 0 ]; then name_full_disks; fi' ERR

# From paths.sh.
: "${installed_list:?}" "${wanted_list:?}" "${owner_file:?}"

# The host belongs to one stack. From here on it says to which, before anything else of ours is on it.
claim() { # STACK-ID STACK NAME
  local id
  id=$(sed -n 's/^id //p' "$owner_file" 2>/dev/null || :) # no owner yet
  if [ -n "$id" ] && [ "$id" != "$1" ]; then
    say "this host belongs to another stack: $(sed -n 's/^stack //p' "$owner_file") ($id), which calls it $(sed -n 's/^host //p' "$owner_file").
This one is $2 ($1). Nothing was changed here. Where the other stack's state is, free the host with
  pulumi destroy
If that state is lost for good, give the host to this stack, here, as root:
  rm $owner_file"
    exit 1
  fi
  install -d -m 0755 "${owner_file%/*}"
  printf 'id %s\nstack %s\nhost %s\n' "$1" "$2" "$3" >"$owner_file.next"
  place 0644 "$owner_file" || : # it was ours before
}

# Writes each file of the document beside its place, and notes it in $arrived. Nothing is in its place before all have
# arrived: the connection may end in the middle.
receive() {
  local line mode='' path='' ended=''
  arrived=()
  trap forget_arrived EXIT
  while IFS= read -r line; do
    if [ "$line" = '#end' ]; then
      ended=yes
      break
    elif [[ $line == '#file '* ]]; then
      read -r _ mode path <<<"$line"
      install -d -m 0755 "$(dirname "$path")"
      : >"$path.next"
      arrived+=("$mode $path")
    else
      printf '%s\n' "$line" >>"$path.next"
    fi
  done
  [ -n "$ended" ] || die "the document was cut off on its way; nothing was changed here"
}

# shellcheck disable=SC2317 # by the trap
forget_arrived() {
  local file
  for file in "${arrived[@]}"; do rm -f "${file#* }.next"; done
}

# The list comes first: what a run puts here that is cut off before its end is on the list as well. What is on it and no
# longer wanted goes with remove-leftovers.sh, when everything else is as it should be.
lengthen_list() {
  if [ ! -e "$installed_list" ]; then : >"$installed_list"; fi
  { cat "$installed_list"; grep -vxFf "$installed_list" "$wanted_list.next" || :; } >"$installed_list.next" # nothing new
  place 0644 "$installed_list" || : # nothing new on it
}

put_in_place() {
  local file
  for file in "${arrived[@]}"; do place "${file%% *}" "${file#* }" || :; done # it was the same before
  say "$((${#arrived[@]} - 1)) files in place"
}

# Only what is missing.
provide_packages() {
  local missing=() command package
  while read -r command package; do
    if ! command -v "$command" >/dev/null; then missing+=("$package"); fi
  done < <(sed -n 's/^package //p' "$wanted_list")
  install_packages "${missing[@]}"
}

# A server of ours gets the settings of its kernel here; other hosts with the step that needs them.
apply_listed_settings() {
  local path
  path=$(sed -n 's/^settings //p' "$wanted_list")
  if [ -n "$path" ]; then apply_kernel_settings "$path"; fi
}

main() { # STACK-ID STACK NAME
  take_lock
  claim "$@"
  receive
  lengthen_list
  put_in_place
  provide_packages
  apply_listed_settings
  systemctl daemon-reload
  say "ready, $(date -u +%FT%TZ)"
}

# On one line: what follows on stdin is not for the shell.
main "$@"; exit
