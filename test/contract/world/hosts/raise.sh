#!/bin/bash
# Raises a relay, a home and a stranger, each with a network of its own, and waits until its standard input ends. The two
# hosts have this machine's files, and what they write lies over them. Argument: the folder with what stands in for
# systemd and its like.
set -euo pipefail

readonly world=/run/world stand_ins=$1

place() { # NAME ADDRESS GATEWAY
  ip netns add "$1"
  ip -n "$1" link set lo up
  ip link add "to-$1" type veth peer name eth0 netns "$1"
  ip address add "$3/24" dev "to-$1"
  ip link set "to-$1" up
  ip -n "$1" address add "$2/24" dev eth0
  ip -n "$1" link set eth0 up
  ip -n "$1" route add default via "$3"
}

host() { # NAME
  local root=$world/$1/root
  mkdir -p "$world/$1"
  # As small as a disk that can be filled.
  mount -t tmpfs -o size=16m tmpfs "$world/$1"
  mkdir "$world/$1/upper" "$world/$1/work" "$root"
  mount -t overlay -o "lowerdir=/,upperdir=$world/$1/upper,workdir=$world/$1/work" overlay "$root"
  for folder in proc dev; do mount --rbind "/$folder" "$root/$folder"; done
  mount -t tmpfs -o size=4m tmpfs "$root/run"
  mount -t tmpfs -o size=4m tmpfs "$root/tmp"
  mount -t tmpfs tmpfs "$root/dev/shm"
  rm -rf "$root/etc/wireguard" "$root/etc/homerelay" "$root/etc/ssh/sshd_config.d" "$root/usr/local/lib/homerelay"
  mkdir -p "$root/stand-ins" "$root/etc/ssh/sshd_config.d"
  echo 'Include /etc/ssh/sshd_config.d/*.conf' >"$root/etc/ssh/sshd_config"
  for file in "$stand_ins"/* "${stand_ins%/*}"/{look,kill-here}.sh; do install -m 0755 "$file" "$root/stand-ins/$(basename "$file" .sh)"; done
}

main() {
  mount -t tmpfs tmpfs /run
  mkdir /run/netns
  ip link set lo up
  sysctl -qw net.ipv4.ip_forward=1
  place relay 198.51.100.2 198.51.100.1
  place home 192.0.2.10 192.0.2.1
  place stranger 203.0.113.10 203.0.113.1
  host relay
  host home
  ip netns exec home python3 -c '
import socketserver
class Page(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"hello\n")
socketserver.TCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("", 8080), Page).serve_forever()' &
  until (ip netns exec home bash -c ': <>/dev/tcp/127.0.0.1/8080') 2>/dev/null; do sleep 0.05; done
  echo ready
  # Not in place of this shell: as the first process it waits for those whose parents are gone.
  cat >/dev/null
}

main
