# shellcheck shell=bash
# Sourced by scripts on hosts, behind messages.sh: one of them at a time.

# Two runs of `pulumi up`, or a step that outlived its connection, must not work on one host at once. Held until the
# script ends; long-lived children should be started with 9>&-.
take_lock() {
  exec 9>/run/homerelay.lock
  flock -n 9 && return
  say "another home-relay step is running on this host; waiting for its end"
  flock -w 120 9 || die "another home-relay step has been running on this host for two minutes; try again later"
}
