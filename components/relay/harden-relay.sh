#!/bin/bash
# stdin: a document for a relay that was there before: `sysctls`, `upgrades` (apt's settings), and `sshd` (a drop-in),
# which is left out where this program itself comes in by password. What the machine had before is kept for
# uninstall-relay.sh.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh

readonly sysctls=/etc/sysctl.d/60-homerelay.conf
readonly before=$etc/before
readonly dropin=/etc/ssh/sshd_config.d/10-homerelay.conf

main() {
  document=$(mktemp -d)
  trap 'rm -rf "$document"' EXIT
  split_document "$document"
  apply_sysctls "$document/sysctls"
  apply_upgrades "$document/upgrades"
  apply_sshd "$document/sshd"
  say "the machine is set up as a relay"
}

# "KEY VALUE" for each setting of a file, without the mark of those that a machine may lack.
settings_in() { # FILE
  sed -n 's/^-\{0,1\}\([a-z][^=]*\)=\(.*\)$/\1 \2/p' "$1"
}

# All marked as such that may fail: an interface may be gone when the machine boots.
note_before() { # FILE
  local key ours link old
  # Turning forwarding on or off resets this one.
  for key in net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.ipv4.conf.all.accept_redirects; do
    if old=$(sysctl -n "$key" 2>/dev/null); then printf '%s=%s\n' "-$key" "$old"; fi
  done
  settings_in "$1" | while read -r key ours; do
    [[ $key == net.netfilter.* ]] || continue
    if old=$(sysctl -n "$key" 2>/dev/null); then printf '%s=%s\n' "-$key" "$old"; fi
  done
  for link in /proc/sys/net/ipv6/conf/*/accept_ra; do
    if [ "$(cat "$link")" = 1 ]; then printf -- '-%s=1\n' "${link#/proc/sys/}"; fi
  done
  note_bridges
}

# The connection tracker's limits are for a small server of ours; this machine may have more, and keeps it. Who forwards
# no longer listens to router advertisements, unless told so: the machine would lose its IPv6 address.
merge_sysctls() { # FILE
  local key ours old
  echo "# Written by home-relay."
  sed -n 's/^-\(.*accept_ra\)=1$/-\1=2/p' "$before"
  settings_in "$1" | while read -r key ours; do
    old=$(sed -n "s/^-$key=//p" "$before")
    if [[ $key == net.netfilter.* ]] && [ -n "$old" ] && [ "$old" -gt "$ours" ]; then ours=$old; fi
    printf '%s=%s\n' "-$key" "$ours"
  done
}

apply_sysctls() { # FILE
  # The connection tracker's settings exist only once it is loaded; a container's host has loaded it.
  modprobe nf_conntrack 2>/dev/null || :
  if [ ! -f "$before" ]; then
    note_before "$1" >"$before.next"
    mv "$before.next" "$before"
  fi
  merge_sysctls "$1" >"$1.merged"
  if write_if_changed 0644 "$sysctls" <"$1.merged"; then say "the kernel's settings have changed"; fi
  # Without -e one for an interface that is gone, as a container's is at its restart, fails all.
  sysctl -e -q -p "$sysctls"
  [ "$(sysctl -n net.ipv4.ip_forward)" = 1 ] || die "this machine does not let us turn on net.ipv4.ip_forward, so it cannot be a relay"
}

apply_upgrades() { # FILE
  if write_if_changed 0644 /etc/apt/apt.conf.d/52homerelay <"$1"; then say "security updates come by themselves"; fi
}

# A faulty sshd would be the end of every way in, so it is asked before it is told.
apply_sshd() { # FILE
  if [ ! -f "$1" ]; then
    [ -e "$dropin" ] || return 0
    rm "$dropin"
    reload_sshd
    say "sshd takes passwords again, since this program comes in by one"
    return
  fi
  [ -d "${dropin%/*}" ] || {
    say "sshd here reads no drop-ins, so it goes on as it is"
    return
  }
  if [ -f "$dropin" ]; then cp -p "$dropin" "$1.before"; fi
  write_if_changed 0644 "$dropin" <"$1" || return 0
  # Where sshd is started for each connection, its own folder may be gone.
  install -d -m 0755 /run/sshd
  if ! complaint=$(/usr/sbin/sshd -t 2>&1); then
    if [ -f "$1.before" ]; then mv "$1.before" "$dropin"; else rm "$dropin"; fi
    die "sshd refuses its settings with ours among them, so ours are taken back: $complaint"
  fi
  reload_sshd
  # Read whole before it is searched: with pipefail, a search that ends early would look like a failure.
  complaint=$(/usr/sbin/sshd -T)
  if [[ $complaint == *$'\n'"passwordauthentication no"$'\n'* ]]; then
    say "sshd takes keys alone"
  else
    say "sshd still takes passwords: something in /etc/ssh/sshd_config says so before $dropin"
  fi
}

# With a socket that starts one sshd for each connection there is nobody to tell: the next one reads the new settings.
reload_sshd() {
  if systemctl is-active --quiet ssh.service; then systemctl reload ssh.service; fi
}

main "$@"
