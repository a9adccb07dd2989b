#!/bin/bash
# Prints all that a program could have left on this machine, sorted and stable: files that no package owns with their
# hashes, units, network rules, routes, links and kernel settings. Run before and after, the two must be equal.
# Left out is what any machine changes by itself: logs, caches, backups by the day, package lists, the state of running
# programs.
set -euo pipefail
export LC_ALL=C

files_of_nobody() {
  # A unit's "enabled" link is made by a package's script and is in no package's list.
  comm -23 \
    <(find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /dev -o -path /tmp -o -path /var/tmp \
      -o -path /var/log -o -path /var/backups -o -path /var/cache -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/lib/systemd \
      -o -path /var/lib/private -o -path /var/lib/logrotate -o -path /var/lib/ucf -o -name __pycache__ \) -prune -o \( -type f -o -type l \) -print | sort -u) \
    <(cat /var/lib/dpkg/info/*.list | sort -u) |
    grep -v -e '^/etc/ld.so.cache$' -e '^/etc/resolv.conf$' -e '^/etc/mtab$' -e '^/etc/.pwd.lock$' |
    while IFS= read -r file; do
      if [ -L "$file" ]; then
        printf '%s -> %s\n' "$file" "$(readlink "$file")"
      else
        sha256sum "$file"
      fi
    done
}

main() {
  echo "files"
  files_of_nobody
  echo "units"
  systemctl list-unit-files --no-legend --no-pager | awk '/homerelay|wg-quick@[^.]/ { print $1, $2 }'
  # What mends looks every few seconds: whether it does just then is no trace.
  systemctl list-units --all --no-legend --no-pager --plain 'wg-quick@*' 'homerelay*' |
    awk '/^homerelay-mend\./ { print $1, $2; next } { print $1, $2, $3, $4 }'
  echo "links"
  ip -o link show | awk '{ print $2 }' | sed 's/@.*//'
  echo "rules and routes"
  for family in 4 6; do
    ip -"$family" rule show
    ip -"$family" route show table all | sed -e '/ proto kernel /d' -e 's/ expires [0-9]*sec//'
  done
  echo "kernel settings"
  # Some settings are for the host of this container only, and cannot be read.
  { sysctl -a 2>/dev/null || :; } | grep -e '^net.ipv4.conf.all' -e '^net.ipv4.ip_' -e '^net.ipv6.conf.all' -e '^net.ipv4.conf.default'
  echo "tables"
  # Without the tool there can be no tables but the kernel's own none.
  if command -v nft >/dev/null; then nft list tables; fi
}

main
