# shellcheck shell=bash
# Sourced by scripts on hosts, behind messages.sh: packages by apt.

# Another apt (unattended upgrades, in a server's first minutes) is waited for. A source that cannot be read, somebody
# else's as a rule, is no reason not to try.
install_packages() { # PACKAGE…
  local updated installed
  if [ $# -eq 0 ]; then return; fi
  command -v apt-get >/dev/null || die "this host has no apt-get; home-relay sets up Debian, Ubuntu and Raspberry Pi OS"
  say "installing $*"
  export DEBIAN_FRONTEND=noninteractive
  updated=$(update_lists) && updated=''
  # Recommends would bring a kernel where none is installed by apt.
  installed=$(timeout 300 apt-get -o DPkg::Lock::Timeout=180 -qq install -y --no-install-recommends "$@" 2>&1 9>&-) ||
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
