# shellcheck shell=bash
# Read by `bash -s` on a host; what follows on the same stdin is a document with our scripts, units and settings.
# Puts each file at its absolute path, and prepares the host: packages, sysctls, units.
# Arguments: the stack's id, the stack as people call it, and the host as the stack calls it.
set -euo pipefail
export LC_ALL=C
umask 022
exec 2>&1
trap '' PIPE HUP

say() {
  printf '%s\n' "$*" || :
}

# The host belongs to one stack. From here on it says to which, before anything else of ours is on it.
claim() { # STACK-ID STACK NAME…
  local owner=/etc/homerelay/owner id
  id=$(sed -n 's/^id //p' "$owner" 2>/dev/null || :) # no owner yet
  if [ -n "$id" ] && [ "$id" != "$1" ]; then
    say "this host belongs to another stack: $(sed -n 's/^stack //p' "$owner") ($id), which calls it $(sed -n 's/^host //p' "$owner").
This one is $2 ($1). Nothing was changed here. Where the other stack's state is, free the host with
  pulumi destroy
If that state is lost for good, give the host to this stack, here, as root:
  rm $owner"
    exit 1
  fi
  install -d -m 0755 "${owner%/*}"
  printf 'id %s\nstack %s\nhost %s\n' "$1" "$2" "${*:3}" >"$owner.next"
  place 0644 "$owner"
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

# The lock on the package lists is one that apt itself never waits for.
update_lists() {
  local answer deadline=$((SECONDS + 180))
  until answer=$(timeout 200 apt-get -qq update 2>&1 9>&-); do
    if [[ $answer != *"/var/lib/apt/lists/lock"* ]] || [ "$SECONDS" -ge "$deadline" ]; then
      say "$answer"
      exit 1
    fi
    sleep 3
  done
}

# Only what is missing; another apt (unattended upgrades, in a server's first minutes) is waited for.
install_packages() {
  local missing=()
  command -v nft >/dev/null || missing+=(nftables)
  command -v wg-quick >/dev/null || missing+=(wireguard-tools)
  # With it a home proves its tunnel, and a minimised Ubuntu has none.
  if [ -e /usr/local/lib/homerelay/join-relay.sh ] && ! command -v ping >/dev/null; then missing+=(iputils-ping); fi
  # A relay stands in the open, and nobody looks after it every day.
  if [ -e /usr/local/lib/homerelay/harden-relay.sh ] && ! command -v unattended-upgrade >/dev/null; then
    missing+=(unattended-upgrades)
  fi
  if [ "${#missing[@]}" -eq 0 ]; then return; fi
  command -v apt-get >/dev/null || {
    say "this host has no apt-get; home-relay sets up Debian, Ubuntu and Raspberry Pi OS"
    exit 1
  }
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  update_lists
  # Recommends would bring a kernel where none is installed by apt.
  timeout 300 apt-get -o DPkg::Lock::Timeout=180 -qq install -y --no-install-recommends "${missing[@]}" >/dev/null 9>&-
  say "installed ${missing[*]}"
}

apply_sysctls() {
  local file=/etc/sysctl.d/60-homerelay.conf
  [ -f "$file" ] || return 0
  # The connection tracker's limits exist only once it is loaded; a container's host has loaded it.
  modprobe nf_conntrack 2>/dev/null || :
  # Without -e a setting that this kernel lacks fails all, whatever mark it carries.
  sysctl -e -q -p "$file"
}

# Who forwards IPv6 no longer listens to router advertisements, unless told so: a server of ours would lose its IPv6
# address. On a machine that was there before, the steps that change such settings note what they were.
keep_router_advertisements() {
  [ ! -e /etc/homerelay/before ] || return 0
  grep -qs '^net.ipv6.conf.all.forwarding *= *1' /etc/sysctl.d/60-homerelay.conf || return 0
  local link
  for link in /proc/sys/net/ipv6/conf/*/accept_ra; do
    if [ "$(cat "$link")" = 1 ]; then echo 2 >"$link"; fi
  done
}

main() { # STACK-ID STACK NAME…
  take_lock
  claim "$@"
  unpack
  install_packages
  keep_router_advertisements
  apply_sysctls
  systemctl daemon-reload
  say "ready"
}

# On one line: what follows on stdin is not for the shell.
main "$@"; exit
