# shellcheck shell=bash
# Sourced by scripts on hosts, behind messages.sh: packages by apt.

# Seconds for which another apt or dpkg is waited for, such as unattended upgrades; a step has 900 in all.
readonly apt_patience=420

# A source that cannot be read, somebody else's as a rule, is no reason not to try.
install_packages() { # PACKAGE…
  local updated installed
  if [ $# -eq 0 ]; then return; fi
  command -v apt-get >/dev/null || die "this host has no apt-get; home-relay sets up Debian, Ubuntu and Raspberry Pi OS"
  export DEBIAN_FRONTEND=noninteractive
  wait_for_apt
  finish_interrupted
  say "installing $*"
  updated=$(update_lists) && updated=''
  # Recommends would bring a kernel where none is installed by apt. Nothing ends it: dpkg would be left half-way. The
  # step's own folder is none in which packages may run what they bring.
  installed=$(setsid --wait env -u TMPDIR apt-get -o DPkg::Lock::Timeout=180 -qq install -y --no-install-recommends "$@" 2>&1 9>&-) ||
    die "apt cannot install $* here. It says:
$(indent_complaints "$installed")${updated:+
and before that, of its sources of packages:
$(indent_complaints "$updated")}
Try it on this host, and mend what it names; then run the same command again:
  apt-get update && apt-get install $*"
  say "installed $*"
  if [ -n "$updated" ]; then
    say "its apt cannot read all of its sources, which was no hindrance here:"
    indent_complaints "$updated"
  fi
}

# Until nobody holds a lock of dpkg or apt any more.
wait_for_apt() {
  local holder said=''
  while holder=$(apt_holder) && [ -n "$holder" ]; do
    [ "$SECONDS" -lt "$apt_patience" ] || die "$holder has had apt's lock on this host for $((apt_patience / 60)) minutes. See what it does there:
  ps -fp ${holder//[^0-9]/}
When it has ended, run the same command again"
    if [ "$holder" != "$said" ]; then say "$holder installs packages on this host; waiting for its end"; fi
    said=$holder
    sleep 2
  done
}

# `process N (NAME)`; nothing where the locks are free.
apt_holder() {
  local lock process
  for lock in $(stat -c %i /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock 2>/dev/null); do
    process=$(awk -v lock=":$lock" '$2 == "POSIX" && substr($6, length($6) - length(lock) + 1) == lock { print $5; exit }' /proc/locks)
    if [ -n "$process" ]; then
      printf 'process %s (%s)' "$process" "$(tr -cd '[:alnum:]._-' <"/proc/$process/comm" 2>/dev/null | tr -d '0-9')"
      return
    fi
  done
}

# apt itself installs nothing before that is done.
finish_interrupted() {
  local said
  compgen -G '/var/lib/dpkg/updates/[0-9]*' >/dev/null || return 0
  say "an installation was interrupted on this host; finishing it: dpkg --configure -a"
  said=$(setsid --wait env -u TMPDIR dpkg --force-confdef --force-confold --configure -a 2>&1 </dev/null 9>&-) ||
    die "dpkg cannot finish what was interrupted. It says:
$(indent_complaints "$said")
Mend that on this host, then run the same command again:
  dpkg --configure -a"
}

# Prints what apt says if it fails. The lock on the package lists is one that apt itself never waits for.
update_lists() {
  local answer deadline=$((SECONDS + 180))
  until answer=$(timeout 200 apt-get -qq update 2>&1 9>&-); do
    if [[ $answer != *"/var/lib/apt/lists/lock"* ]] || [ "$SECONDS" -ge "$deadline" ]; then
      say "$answer"
      return 1
    fi
    sleep 3
  done
}

# apt's own words, as far as they are complaints.
indent_complaints() { # TEXT
  { grep -E '^(E|W|Err|dpkg)[: ]' <<<"$1" || cat <<<"$1"; } | head -n 8 | sed 's/^/  /'
}
