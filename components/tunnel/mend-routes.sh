# shellcheck shell=bash
# Read by mend-host.sh: our routing rules and routes. sync-routes.sh knows which there should be; it is asked only once
# something about the machine's routing is another than when all was well.

# From mend-host.sh.
: "${interface:?}"
readonly wanted=/etc/homerelay/routes all_was_well=/run/homerelay-routes.seen needs_others=/run/homerelay-routes.others

is_routed() {
  [ -s "$wanted" ] && [ -e "/sys/class/net/$interface" ]
}

# All that sync-routes.sh goes by. How long a router's word still counts is none of it.
routing() {
  local table family
  cat "$wanted" "/proc/sys/net/ipv6/conf/$interface/disable_ipv6" 2>/dev/null || :
  table=$(sed -n 's/^table //p' "$wanted")
  for family in 4 6; do
    # A table without a route does not exist.
    printf '%s\n' 'rule show' 'route show table main' "route show table $table" | ip -"$family" -force -batch - 2>/dev/null || :
  done | sed 's/ expires [0-9]*sec//'
}

look() {
  local now code=0 found
  is_routed || return 0
  now=$(routing)
  if [ "$now" = "$(cat "$all_was_well" 2>/dev/null)" ]; then return 0; fi
  found=$(/usr/local/lib/homerelay/sync-routes.sh look) || code=$?
  case $code in
    0) if [ -n "$found" ]; then printf '%s\n' "$found"; else printf '%s\n' "$now" >"$all_was_well"; fi ;;
    3) : >"$needs_others" ;;
    *) return "$code" ;;
  esac
}

mend() {
  /usr/local/lib/homerelay/sync-routes.sh
}

# A line with or without IPv6, or another default route, needs other rules: nobody has taken anything away.
keep() {
  [ -e "$needs_others" ] || return 0
  rm -f "$needs_others"
  /usr/local/lib/homerelay/sync-routes.sh
}
