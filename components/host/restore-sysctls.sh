# shellcheck shell=bash
# Sourced by what gives up a setting of the kernel, on the host; what uninstalls gets it on stdin.

# Gives the kernel's settings in FILE, "KEY=VALUE" or "-KEY=VALUE" a line, back their values from before us, in that order.
# Docker that came after us needs packets to be passed on, and the host its router advertisements all the same; without
# us the next boot decides that.
restore_sysctls() { # FILE
  local key value path
  while IFS='=' read -r key value; do
    key=${key#-}
    if [[ -z $key || $key == '#'* ]]; then continue; fi
    if [[ $key == *forward* || $key == *accept_ra ]] && has_new_bridge /etc/homerelay/before; then continue; fi
    path=/proc/sys/$key
    # With dots a key has no slashes, and an interface's name may have dots.
    if [[ $key != */* ]]; then path=/proc/sys/${key//.//}; fi
    # Some are gone: the interfaces of containers come and go. An empty value is one that `sysctl` of old does not take.
    if [ ! -e "$path" ] || [ "$(cat "$path")" = "$value" ]; then continue; fi
    { printf '%s\n' "$value" >"$path"; } 2>/dev/null || echo "this machine does not let us set $key back to $value"
  done <"$1"
}

has_new_bridge() { # FILE
  local bridge
  while IFS=: read -r _ bridge _; do
    grep -qx "# bridge ${bridge# }" "$1" || return 0
  done < <(ip -o link show type bridge)
  return 1
}
