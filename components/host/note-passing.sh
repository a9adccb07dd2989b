# shellcheck shell=bash
# Sourced by the steps that load rules, behind files.sh: what this machine passed on between others before us, so that our
# forwarding makes no router out of it.

# From paths.sh.
: "${passing_note:?}" "${sysctl_note:?}"

# For which families this machine passed packets on between others before us. The ruleset includes this file.
note_passing() {
  local families=''
  if passed_on net.ipv4.ip_forward; then families=ipv4; fi
  if passed_on net.ipv6.conf.all.forwarding; then families+=${families:+, }ipv6; fi
  {
    echo "# Written by home-relay: what this machine passes on between others."
    [ -z "$families" ] || echo "add element inet homerelay passes_others { $families }"
  } | write_if_changed 0600 "$passing_note" || : # the same as before
}

# As kernel-settings.sh noted it before it changed anything; where nothing is noted, nothing has been changed.
passed_on() { # KEY
  local value=''
  if [ -f "$sysctl_note" ]; then value=$(sed -n "s/^$1=//p" "$sysctl_note"); fi
  [ "${value:-$(cat "/proc/sys/${1//.//}" 2>/dev/null)}" = 1 ]
}
