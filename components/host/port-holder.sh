# shellcheck shell=sh
# Sourced by scripts on hosts, also by one that no bash may read: who has a UDP port.

# One line: what holds a UDP port of this machine; nothing where it is free, or WireGuard's interface INTERFACE has it. A
# port that somebody holds for a moment, such as a resolver that asks, is looked at again.
port_holder() { # PORT INTERFACE
  has_port "$1" || return 0
  holder=$(interface_with_port "$1" "$2")
  [ "$holder" != "$2" ] || return 0
  sleep 1
  has_port "$1" || return 0
  if [ -n "$holder" ]; then
    echo "the WireGuard interface $holder"
    return 0
  fi
  holder=$(container_with_port "$1")
  if [ -n "$holder" ]; then
    echo "the $holder"
    return 0
  fi
  # The kernel's own sockets have no program.
  holder=$(ss -Hulnp "sport = :$1" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (process \2)/p' | head -n 1)
  echo "${holder:-something in the kernel, such as another WireGuard interface}"
}

# Ours, where it is one of them: an interface that is down has no port, and says one all the same.
interface_with_port() { # PORT INTERFACE
  wg show all listen-port 2>/dev/null | {
    found=''
    while read -r name port; do
      if [ "$port" = "$1" ] && [ "$found" != "$2" ]; then found=$name; fi
    done
    echo "$found"
  }
}

# A socket of any address stands in the way: WireGuard listens at all of them. 07: it is connected to nobody.
has_port() { # PORT
  cat /proc/net/udp /proc/net/udp6 2>/dev/null | while read -r _ address _ state _; do
    if [ "$state" = 07 ] && [ "${address##*:}" = "$(printf %04X "$1")" ]; then
      echo yes
      break
    fi
  done | grep -q yes
}

# `docker container NAME`: Docker and podman may hold a port by a program of their own, which would name nobody.
container_with_port() { # PORT
  for engine in docker podman; do
    command -v "$engine" >/dev/null || continue
    name=$(timeout 10 "$engine" ps --filter "publish=$1/udp" --format '{{.Names}}' 2>/dev/null | head -n 1)
    if [ -n "$name" ]; then echo "$engine container $name"; fi
  done | head -n 1
}
