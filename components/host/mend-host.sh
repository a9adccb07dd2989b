#!/bin/bash
# Looks at each thing that home-relay has on this host, and mends what is not as it should be. Argument:
#   look   changes nothing, and prints a line for each difference: KIND<TAB>WHAT<TAB>FOUND<TAB>WANTED
#          KIND is address, endpoint, firewall, interface, peer, route, rule, setting or unit. WHAT is one thing of that
#          kind, in words that may be shown, and in no two lines the same. FOUND and WANTED are values, or `missing` and
#          `there`; of a key `another` and `the stack's`, never the key itself. No line: all is as it should be.
#   mend   puts all of that right, in order, and prints what was mended and what could not be
#   watch  as mend, for the timer: gives way to a step that is long at work, and says what it has said before only now and
#          then
# Exit code: 1 if something could not be looked at (look) or put right (mend).
#
# What there is to look at each room knows, in files of the folder `mend`. They are read in the order of their names, each
# in a shell of its own behind this file, and define
#   look   prints differences as above; it runs every few seconds, so it has to be cheap
#   mend   puts them right; it may print why it cannot. With exit code 2 nothing behind it is looked at: what those
#          things do must not be done without this one
#   keep   where there is something to be done each time, whatever was found
set -euo pipefail
export LC_ALL=C
umask 077

# shellcheck source=../host/paths.sh
. /usr/local/lib/homerelay/paths.sh
# shellcheck source=../host/messages.sh
. /usr/local/lib/homerelay/messages.sh
# shellcheck source=../host/lock.sh
. /usr/local/lib/homerelay/lock.sh
# shellcheck source=../host/files.sh
. /usr/local/lib/homerelay/files.sh

# shellcheck disable=SC2034 # for the parts
readonly interface=homerelay
readonly parts=/usr/local/lib/homerelay/mend
# When something was last said, and how often since it has been mended in silence.
readonly told=/run/homerelay-mended
# Seconds until the same is said again: for the second time, and from then on.
readonly again_after=3600 later_after=21600

differs() { # KIND WHAT FOUND WANTED
  printf '%s\t%s\t%s\t%s\n' "$@"
}

# Of each unit that may be ours, one a line: ` NAME ACTIVE-STATE UNIT-FILE-STATE `. Asked for once a run.
units=''
ask_for_units() {
  units=$(systemctl show --property=Id --property=ActiveState --property=UnitFileState \
    'homerelay-*' wg-quick@homerelay.service 2>/dev/null |
    awk -F= '
      { value[$1] = $2 }
      /^$/ { print " " value["Id"] " " value["ActiveState"] " " value["UnitFileState"] " "; delete value }
      END { print " " value["Id"] " " value["ActiveState"] " " value["UnitFileState"] " " }') || units=''
}

# A unit that is to start at boot, and to run.
look_at_unit() { # UNIT
  local state file
  # With no systemd there are no units.
  [ -n "$units" ] || return 0
  state=inactive file=''
  if [[ $'\n'"$units" == *$'\n'" $1 "* ]]; then
    state=${units#*" $1 "}
    state=${state%%$'\n'*}
    file=${state#* }
    state=${state%% *} file=${file%% *}
  fi
  case $state in
    active | activating | reloading) ;;
    *) differs unit "$1" "$state" active ;;
  esac
  # A unit that nobody has loaded says nothing of its file.
  if [ -z "$file" ]; then file=$(systemctl is-enabled "$1" 2>/dev/null || :); fi
  if [ "$file" != enabled ]; then differs unit "$1 at boot" "${file:-missing}" enabled; fi
}

mend_unit() { # UNIT
  systemctl unmask --quiet "$1" 2>/dev/null || : # nobody has masked it
  systemctl enable --quiet "$1"
  if systemctl is-active --quiet "$1"; then return 0; fi
  systemctl reset-failed "$1" 2>/dev/null || : # it has not failed
  systemctl start "$1"
}

# What a part finds. To be called in a shell of its own, so that none can spoil another.
look_at() { # PART
  # shellcheck source=/dev/null
  . "$1" && look
}

# A line for a reader, of a list of differences: what was mended, or what is still there.
describe() { # was|is DIFFERENCES
  awk -F '\t' -v tense="$1" '
    NR <= 3 { text = text (NR > 1 ? "; " : "") $2 (tense == "was" ? " was " $3 ", and is " $4 " again" : " is " $3 ", not " $4) }
    END { print text (NR > 3 ? "; and " NR - 3 " more" : "") }' <<<"$2"
}

# By hand everything is said. For the timer, what is said again and again is said now and then.
tell() { # KEY TEXT
  local file=$told/${1//[^A-Za-z0-9_.-]/_} last=0 count=0 silent=0 now
  if [ "$verb" != watch ]; then
    say "$2"
    return
  fi
  install -d -m 0700 "$told"
  now=$(date +%s)
  if [ -f "$file" ]; then read -r last count silent <"$file" || :; fi
  # A day without it, and it is news again. A clock that went back begins anew.
  if [ "$((now - last))" -ge 86400 ] || [ "$now" -lt "$last" ]; then last=0 count=0 silent=0; fi
  if [ "$count" -gt 0 ] && [ "$((now - last))" -lt "$([ "$count" -gt 1 ] && echo "$later_after" || echo "$again_after")" ]; then
    echo "$last $count $((silent + 1))" >"$file"
    return
  fi
  say "$2$([ "$silent" -eq 0 ] || echo " (and $silent times more since this was last said)")"
  echo "$now $((count + 1)) 0" >"$file"
}

# 0: nothing is different any more; 1: something is; 2: and nothing behind this part may go on.
mend_part() { # PART
  local found left complaint code=0 name=${1##*/}
  found=$(look_at "$1")
  [ -n "$found" ] || return 0
  # shellcheck source=/dev/null
  complaint=$( (. "$1" && mend) 2>&1) || code=$?
  ask_for_units
  left=$(look_at "$1")
  if [ -z "$left" ]; then
    tell "$name ${found%%$'\n'*}" "$(describe was "$found")"
    return 0
  fi
  complaint=${complaint//$'\n'/; }
  tell "$name failed" "$(describe is "$left"), and this host could not mend it${complaint:+: ${complaint:0:300}}.
Set it up again: run pulumi up (at a home that is set up by hand, its script with install)"
  if [ "$code" = 2 ]; then return 2; fi
  return 1
}

keep_part() { # PART
  local text=''
  # Read by bash itself: few parts have something to keep, and every program costs.
  IFS= read -r -d '' text <"$1" || : # the whole file
  if [[ $text != *$'\nkeep() {'* ]]; then return 0; fi
  # shellcheck source=/dev/null
  (. "$1" && keep)
}

mend_all() {
  local part code failed=0
  for part in "$parts"/*.sh; do
    code=0
    mend_part "$part" || code=$?
    if [ "$code" = 2 ]; then return 1; fi
    if [ "$code" != 0 ]; then failed=1; fi
    keep_part "$part" || failed=1
  done
  return "$failed"
}

look_all() {
  local part failed=0
  for part in "$parts"/*.sh; do (look_at "$part") || failed=1; done
  return "$failed"
}

# A step may ask for this itself, and has the lock then. Who only looks keeps nobody else from looking.
hold_lock() {
  if [ /proc/self/fd/9 -ef /run/homerelay.lock ]; then return 0; fi
  case $verb in
    look)
      open_lock
      flock --shared --timeout 60 9 || die "a home-relay step has been running on this host for a minute; try again later"
      ;;
    mend) take_lock ;;
    watch)
      open_lock
      flock --timeout 5 9
      ;;
  esac
}

main() { # look|mend|watch
  readonly verb=${1-}
  case $verb in look | mend | watch) ;; *) die "usage: $0 look | mend | watch" ;; esac
  # A step that is at work sees to its own things.
  hold_lock || return 0
  ask_for_units
  case $verb in
    look) look_all ;;
    mend) mend_all ;;
    # What could not be mended was said; systemd need not say so each time.
    watch) mend_all || : ;;
  esac
}

main "$@"
