# shellcheck shell=bash
# Sourced by scripts on hosts, behind paths.sh, messages.sh and files.sh: settings of the kernel. What one was before us
# is noted before it is first changed, and given back when it is no longer wanted.
#
# Wanted settings stand in a file, one a line, with a `-` before those that a machine may refuse:
#   KEY=VALUE   this value
#   KEY>=VALUE  this value, or the one from before us if that is larger
#   KEY?OLD=VALUE  this value, or the one from before us if that is not OLD, the kernel's own: somebody has chosen it
#   KEY+=LIST   these, comma separated, besides those from before us
# A key is written with dots, or with slashes where an interface's name, which may have dots, is part of it.

# From paths.sh: for the next boot, by homerelay-sysctl.service; and what was before us.
: "${sysctl_file:?}" "${sysctl_note:?}"
# The kernel turns this off, for all interfaces, whenever a WireGuard interface comes up.
readonly turned_off_by_wireguard=net.ipv4.conf.all.send_redirects

apply_kernel_settings() { # FILE
  local settings mark key value
  # The connection tracker's settings exist only once it is loaded; a container's host has loaded it.
  if grep -q '^-\{0,1\}net\.netfilter\.' "$1"; then modprobe nf_conntrack 2>/dev/null || :; fi
  note_settings "$1"
  give_back_unwanted "$1"
  settings=$(resolve_settings "$1")
  {
    echo "# Written by home-relay."
    sed 's/^\([^ ]*\) \([^ ]*\) /\1\2=/; s/^set//' <<<"$settings"
  } >"$sysctl_file.next" || die "cannot write $sysctl_file"
  if place 0644 "$sysctl_file"; then say "the kernel's settings have changed"; fi
  while read -r mark key value; do
    if [ -z "$key" ]; then continue; fi
    set_setting "$key" "$value" || [ "$mark" = - ] ||
      die "this machine does not let us set $key to $value, which home-relay needs"
  done <<<"$settings"
}

# All of them, whether still wanted or not.
give_back_kernel_settings() {
  if [ -f "$sysctl_note" ]; then restore_settings <"$sysctl_note"; fi
}

# Sets `mark`, `key`, `how` and `value` from a line of a file of wanted settings; fails for any other line.
parse_wanted() { # LINE
  local pattern='^(-?)([a-z][^=+>?]*)(=|>=|\+=|\?[0-9]+=)(.*)$'
  [[ $1 =~ $pattern ]] || return 1
  mark=${BASH_REMATCH[1]} key=${BASH_REMATCH[2]} how=${BASH_REMATCH[3]} value=${BASH_REMATCH[4]}
}

setting_path() { # KEY
  if [[ $1 == */* ]]; then printf '/proc/sys/%s' "$1"; else printf '/proc/sys/%s' "${1//.//}"; fi
}

# Writing even the value that a setting has may have effects: for IPv6's forwarding, the kernel forgets what it learned
# from routers. An interface of a container may be gone since. This is no call of `sysctl`: one of old takes no empty value,
# and of a long list of ports any of them sets the first 4,095 bytes. The kernel wants it in one piece, as dd writes it.
set_setting() { # KEY VALUE
  local path
  path=$(setting_path "$1")
  if [ ! -e "$path" ] || [ "$(cat "$path")" = "$2" ]; then return 0; fi
  printf '%s\n' "$2" | dd of="$path" bs=1M iflag=fullblock conv=notrunc status=none 2>/dev/null
}

note_settings() { # FILE
  local text line mark key how value
  if [ -f "$sysctl_note" ]; then
    text=$(cat "$sysctl_note")
  else
    text=$(echo "# What this host had before home-relay."; bridges | sed 's/^/# bridge /')
  fi
  note "$turned_off_by_wireguard"
  while IFS= read -r line; do
    parse_wanted "$line" || continue
    for key in "$key" $(settings_along_with "$key"); do note "$key"; done
  done <"$1"
  write_if_changed 0644 "$sysctl_note" <<<"$text" || : # all was noted before
}

# Adds to `text`. What this kernel does not have is not set either.
note() { # KEY
  local path
  path=$(setting_path "$1")
  if [ ! -e "$path" ] || is_noted "$1" "$text"; then return; fi
  text+=$'\n'"$1=$(cat "$path")"
}

is_noted() { # KEY TEXT
  [[ $'\n'$2 == *$'\n'"$1="* ]]
}

# What has to be noted together with KEY. Forwarding of IPv4, turned on or off, resets whether redirects are taken. With
# forwarding of IPv6, an interface listens to router advertisements no longer, unless told so.
settings_along_with() { # KEY
  case $1 in
    net.ipv4.ip_forward) echo net.ipv4.conf.all.accept_redirects ;;
    net.ipv6.conf.all.forwarding) listening_interfaces ;;
  esac
}

# Whether and how KEY, which may have been noted together with another one, is wanted.
is_wanted() { # KEY FILE
  local line wanted=$1 mark key how value
  case $1 in
    "$turned_off_by_wireguard") return 0 ;;
    net.ipv4.conf.all.accept_redirects) wanted=net.ipv4.ip_forward ;;
    net/ipv6/conf/*/accept_ra) wanted=net.ipv6.conf.all.forwarding ;;
  esac
  while IFS= read -r line; do
    if parse_wanted "$line" && [ "$key" = "$wanted" ]; then return; fi
  done <"$2"
  return 1
}

# The setting of each interface that listens to router advertisements now. Not the tunnel's, where only the relay could
# send one.
listening_interfaces() {
  local folder
  for folder in /proc/sys/net/ipv6/conf/*; do
    case ${folder##*/} in all | default | lo | homerelay) continue ;; esac
    # One that is gone meanwhile says nothing.
    if [ "$(cat "$folder/accept_ra" "$folder/forwarding" 2>/dev/null)" = $'1\n0' ]; then
      echo "net/ipv6/conf/${folder##*/}/accept_ra"
    fi
  done
}

# `MARK KEY VALUE` for each setting that this machine has, in the order in which they are set; MARK is `-` or `set`.
resolve_settings() { # FILE
  local line noted mark key how value
  noted=$(cat "$sysctl_note")
  # Before forwarding is turned on, at which the kernel forgets the routes that came from routers.
  if is_wanted net.ipv6.conf.all.forwarding "$1"; then
    sed -n 's|^\(net/ipv6/conf/.*/accept_ra\)=1$|- \1 2|p' <<<"$noted"
  fi
  while IFS= read -r line; do
    if ! parse_wanted "$line" || ! is_noted "$key" "$noted"; then continue; fi
    echo "${mark:-set} $key $(combine "$how" "$(value_before "$key" "$noted")" "$value")"
  done <"$1"
}

value_before() { # KEY NOTE
  local rest=$'\n'$2
  rest=${rest#*$'\n'"$1="}
  printf '%s' "${rest%%$'\n'*}"
}

combine() { # =|>=|+=|?OLD= BEFORE WANTED
  case $1 in
    '?'*) if [ "?$2=" = "$1" ]; then echo "$3"; else echo "$2"; fi ;;
    '>=') if [ "$2" -gt "$3" ]; then echo "$2"; else echo "$3"; fi ;;
    '+=') echo "$2${2:+,}$3" ;;
    *) echo "$3" ;;
  esac
}

give_back_unwanted() { # FILE
  local line kept='' given_back=''
  while IFS= read -r line; do
    if [[ $line == '#'* ]] || is_wanted "${line%=*}" "$1"; then kept+=$line$'\n'; else given_back+=$line$'\n'; fi
  done <"$sysctl_note"
  restore_settings <<<"$given_back"
  write_if_changed 0644 "$sysctl_note" <<<"${kept%$'\n'}" || : # nothing was given back
}

# Sets what the lines on stdin say, in their order: without forwarding first, since that decides what some others may be.
# Where a machine lets nobody change a setting, the others are given back all the same.
restore_settings() {
  local line key value
  while IFS= read -r line; do
    if [[ $line != *=* || $line == '#'* ]]; then continue; fi
    key=${line%=*} value=${line##*=}
    # Docker that came after us needs packets to be passed on, and the host its router advertisements all the same;
    # without us the next boot decides that.
    if is_about_forwarding "$key" && has_new_bridge; then continue; fi
    if [ "$key" = "$turned_off_by_wireguard" ] && has_other_wireguard; then continue; fi
    set_setting "$key" "$value" || say "this machine does not let us set $key back to $value"
  done
}

is_about_forwarding() { # KEY
  [[ $1 == *forward* || $1 == *accept_ra || $1 == *accept_redirects ]]
}

# Read whole, and only then looked at: with pipefail, a search that ends early would look like a failure.
has_new_bridge() {
  local new
  new=$(bridges | grep -vxFf <(sed -n 's/^# bridge //p' "$sysctl_note") || :) # none
  [ -n "$new" ]
}

# A WireGuard of the owner's has turned that off as well.
has_other_wireguard() {
  local others
  others=$(wg show interfaces 2>/dev/null | tr ' ' '\n' | grep -vx homerelay || :) # none
  [ -n "$others" ]
}

bridges() {
  ip -o link show type bridge | sed 's/^[0-9]*: \([^:@]*\).*/\1/'
}
