# shellcheck shell=bash
# Sourced by scripts on hosts, behind messages.sh: one of them at a time.

# Nobody else may open the file: whoever can open it can hold the lock. Ours is also the one that an older version made.
open_lock() {
  (umask 077 && : >>/run/homerelay.lock)
  chmod 0600 /run/homerelay.lock
  exec 9</run/homerelay.lock
}

# Two runs of `pulumi up`, or a step that outlived its connection, must not work on one host at once. Held until the
# script ends; long-lived children should be started with 9>&-.
take_lock() {
  open_lock
  # What a timer does takes a moment.
  flock -w 2 9 || {
    say "another home-relay step is running on this host$(lock_holder); waiting for its end"
    flock -w 120 9 || die "another home-relay step has been running on this host for two minutes$(lock_holder).
Somebody else's pulumi up, or what one left that was cut off: a step ends by itself, the longest after 15 minutes.
Then run the same command again"
  }
  # A word for whoever waits; where no room is left there is none.
  printf '%s %s\n' "$$" "${0##*/}" 2>/dev/null >/run/homerelay.lock || :
}

# `, NAME (process N)`, where that is known: whoever had the lock last may have ended, and a timer leaves no word.
lock_holder() {
  local process name
  read -r process name </run/homerelay.lock 2>/dev/null || return 0
  if [[ $process =~ ^[0-9]+$ && $(tr '\0' ' ' <"/proc/$process/cmdline" 2>/dev/null) == *"$name"* ]]; then
    printf ', %s (process %s)' "$name" "$process"
  fi
}
