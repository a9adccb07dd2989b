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
  flock -w 2 9 && return
  say "another home-relay step is running on this host; waiting for its end"
  flock -w 120 9 || die "another home-relay step has been running on this host for two minutes; try again later"
}
