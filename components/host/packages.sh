# shellcheck shell=bash
# Sourced by scripts on hosts, behind messages.sh: packages by apt.

# Another apt (unattended upgrades, in a server's first minutes) is waited for.
install_packages() { # PACKAGE…
  if [ $# -eq 0 ]; then return; fi
  command -v apt-get >/dev/null || die "this host has no apt-get; home-relay sets up Debian, Ubuntu and Raspberry Pi OS"
  say "installing $*"
  export DEBIAN_FRONTEND=noninteractive
  update_lists
  # Recommends would bring a kernel where none is installed by apt.
  timeout 300 apt-get -o DPkg::Lock::Timeout=180 -qq install -y --no-install-recommends "$@" >/dev/null 9>&-
  say "installed $*"
}

# The lock on the package lists is one that apt itself never waits for.
update_lists() {
  local answer deadline=$((SECONDS + 180))
  until answer=$(timeout 200 apt-get -qq update 2>&1 9>&-); do
    if [[ $answer != *"/var/lib/apt/lists/lock"* ]] || [ "$SECONDS" -ge "$deadline" ]; then die "$answer"; fi
    sleep 3
  done
}
