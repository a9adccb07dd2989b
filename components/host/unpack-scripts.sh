# shellcheck shell=bash
# Read by `bash -s` on a host; what follows on the same stdin is a document with our scripts, units and settings.
# Puts each file at its absolute path, and prepares the host: packages, sysctls, units.
set -euo pipefail
export LC_ALL=C
umask 022
exec 2>&1
trap '' PIPE HUP

say() {
  printf '%s\n' "$*" || :
}

# The lock of begin-step.sh: `pulumi destroy` must not clean a host that is still being prepared.
take_lock() {
  exec 9>/run/homerelay.lock
  flock -w 120 9 || {
    say "another home-relay step has been running on this host for two minutes; try again later"
    exit 1
  }
}

unpack() {
  local line mode='' path='' files=0
  while IFS= read -r line; do
    if [[ $line == '#file '* ]]; then
      [ -z "$path" ] || place "$mode" "$path"
      read -r _ mode path <<<"$line"
      install -d -m 0755 "$(dirname "$path")"
      : >"$path.next"
      files=$((files + 1))
    else
      printf '%s\n' "$line" >>"$path.next"
    fi
  done
  [ -z "$path" ] || place "$mode" "$path"
  say "$files files in place"
}

place() { # MODE PATH
  chmod "$1" "$2.next"
  mv "$2.next" "$2"
}

# Only what is missing; another apt (unattended upgrades, in a server's first minutes) is waited for.
install_packages() {
  local missing=()
  command -v nft >/dev/null || missing+=(nftables)
  command -v wg-quick >/dev/null || missing+=(wireguard-tools)
  if [ "${#missing[@]}" -eq 0 ]; then return; fi
  command -v apt-get >/dev/null || {
    say "this host has no apt-get; home-relay sets up Debian, Ubuntu and Raspberry Pi OS"
    exit 1
  }
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  timeout 200 apt-get -o DPkg::Lock::Timeout=180 -qq update >/dev/null 9>&-
  # Recommends would bring a kernel where none is installed by apt.
  timeout 300 apt-get -o DPkg::Lock::Timeout=180 -qq install -y --no-install-recommends "${missing[@]}" >/dev/null 9>&-
  say "installed ${missing[*]}"
}

apply_sysctls() {
  local file=/etc/sysctl.d/60-homerelay.conf
  [ -f "$file" ] || return 0
  # The connection tracker's limits exist only once it is loaded; a container's host has loaded it.
  modprobe nf_conntrack 2>/dev/null || :
  sysctl -q -p "$file"
}

# Who forwards no longer listens to router advertisements, unless told so: a host would lose its IPv6 address.
keep_router_advertisements() {
  [ -f /etc/sysctl.d/60-homerelay.conf ] || return 0
  local link
  for link in /proc/sys/net/ipv6/conf/*/accept_ra; do
    if [ "$(cat "$link")" = 1 ]; then echo 2 >"$link"; fi
  done
}

main() {
  take_lock
  unpack
  install_packages
  keep_router_advertisements
  apply_sysctls
  systemctl daemon-reload
  say "ready"
}

# On one line: what follows on stdin is not for the shell.
main "$@"; exit
