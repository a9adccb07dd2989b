#!/bin/bash
# Prints what a host has of ours: files and folders wherever they lie, and what is live.
set -uo pipefail
cd /
# Neither what is there for a moment, nor what packets have left.
find etc/homerelay usr/local/lib/homerelay var/lib/homerelay etc/wireguard tmp var/tmp etc/enabled-units run/active-units \
  etc/systemd etc/sysctl.d etc/apt etc/ssh run -xdev \
  \( -path run/homerelay.lock -o -path 'run/homerelay-*.lock' -o -path 'run/homerelay-document.*' -o -path run/homerelay-step \
  -o -path run/homerelay-ssh-fallback -o -path run/wireguard \) -prune -o \
  \( -path '*homerelay*' -o -path 'tmp/*' -o -path 'var/tmp/*' -o -path '*-units/*' \) -print 2>/dev/null |
  sort -u >/dev/shm/paths
tr '\n' '\0' </dev/shm/paths | xargs -0r stat -c '%a %n' | sed 's/^[0-9]* \(.*-units\/\)/\1/'
grep -v -e '-units/\|^var/lib/' /dev/shm/paths | while read -r path; do if [ -f "$path" ]; then printf '%s\0' "$path"; fi; done |
  xargs -0r sha256sum
# What the rules note of packets is the packets' own.
nft -s list ruleset | awk '
  /^\tset |^\tmap / { noted = 0 }
  /flags .*dynamic/ { noted = 1 }
  /elements = / && noted { skip = 1 }
  skip { if (/}/) skip = 0; next }
  { print }'
for family in 4 6; do
  ip -$family rule show
  ip -$family route show table all | grep -v -e '^local\|^anycast\|^broadcast\|^multicast\|fe80::\|^ff00'
done
ip address show dev homerelay 2>&1 | sed 's/^[0-9]*: //; /valid_lft/d; /fe80/d'
wg showconf homerelay 2>&1 | grep -v '^Endpoint = \|^ListenPort = '
sysctl net.ipv4.ip_forward net.ipv4.conf.all.rp_filter net.ipv4.conf.all.accept_redirects net.ipv6.conf.all.forwarding net.ipv4.conf.all.src_valid_mark 2>&1
for lock in /run/homerelay.lock /run/homerelay-routes.lock; do
  if [ -e "$lock" ] && ! flock -n "$lock" true; then echo "$lock is held"; fi
done
exit 0
