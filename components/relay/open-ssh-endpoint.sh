#!/bin/bash
# Read by `bash -s` on the relay, behind the scripts that it builds on (see sshEndpointParts.ts): those that are installed
# there may be of another day, or not be there yet.
#   open PORT VIA ADDRESS…   lets SSH in at PORT too: from outside if VIA is `public`, through the tunnel from each
#                            ADDRESS. The ruleset and the sshd step that come later close what is too much.
#   close PORT VIA ADDRESS…  takes that back, but for the port at which this very connection came in
#   admit KEY BEFORE…        lets this program in by KEY too, beside those before it (see stack-keys.sh)

# shellcheck source=../relay/sync-sshd.sh
declare -F sync_sshd >/dev/null || . /usr/local/lib/homerelay/sync-sshd.sh
# shellcheck source=../relay/stack-keys.sh
declare -F admit_key >/dev/null || . /usr/local/lib/homerelay/stack-keys.sh

elements() { # PORT VIA ADDRESS…
  local port=$1 via=$2 address family
  shift 2
  if [ "$via" = public ]; then echo "add element inet homerelay ssh_public { $port }"; fi
  for address; do
    family=4
    if [[ $address == *:* ]]; then family=6; fi
    echo "add element inet homerelay ssh_peers$family { $address . $port }"
  done
}

# The rules in force without these elements (stdin), and with them if wanted. They go into the file: a reboot, or a
# ruleset that was on trial and is taken back, must find them.
change_rules() { # open|close
  local text
  text=$(cat)
  [ -f "$firewall_file" ] || return 0 # no rules of ours yet
  {
    grep -vxF "${text:-none}" "$firewall_file"
    if [ "$1" = open ] && [ -n "$text" ]; then printf '%s\n' "$text"; fi
  } >"$firewall_file.next"
  # In a network of its own, since nobody can change the table in force, not even to try.
  ! unshare --net true 2>/dev/null || unshare --net nft -c -f "$firewall_file.next" || die "These elements do not fit into the relay's rules; nothing has changed. Were they made by
an older home-relay? Then run pulumi up once with relay.sshPort and relay.sshVia as they were, and change them after."
  move_into_place "$firewall_file.next" "$firewall_file"
  # A relay of an older version has no such script, and holds no table either.
  if [ -x /usr/local/lib/homerelay/load-firewall.sh ]; then
    /usr/local/lib/homerelay/load-firewall.sh
  else
    nft -f "$firewall_file"
  fi
}

# The forwards come first at the relay: a connection to that port would end at a service at home.
refuse_forwarded() { # PORT
  local set
  for set in published_tcp published_tcp_ranges; do
    if nft get element inet homerelay "$set" "{ $1 }" >/dev/null 2>&1; then
      die "Port $1 is forwarded to a home just now, so SSH cannot be moved there in the same change. Nothing has changed.
Leave relay.sshPort as it was, run pulumi up without that forward, and change relay.sshPort then."
    fi
  done
}

# The drop-in as it is, but for the ports.
listen_on() { # PORT…
  local text=''
  if [ -f "$sshd_drop_in" ]; then text=$(grep -v '^Port ' "$sshd_drop_in" || :); fi # one with nothing else in it
  { [ -z "$text" ] || printf '%s\n' "$text"; printf 'Port %s\n' "$@"; } | sync_sshd
}

main() { # open|close|admit WORD…
  local what=$1
  shift
  if [ "$what" = admit ]; then admit_key "$@"; else move "$what" "$@"; fi
}

move() { # open|close PORT VIA ADDRESS…
  local what=$1 port=$2 here others
  shift
  read -r _ _ _ here <<<"${SSH_CONNECTION-}"
  timeout 300 cloud-init status --wait >/dev/null || [ $? -eq 2 ] || die "the first boot did not end well"
  refuse_socket
  if [ "$what $2" = "open public" ]; then refuse_forwarded "$port"; fi
  elements "$@" | change_rules "$what"
  others=$(ports_wanted | xargs -n 1 | grep -vx "$port" || :) # there may be no other
  # shellcheck disable=SC2086 # each port is a word
  if [ "$what" = open ] || [ "$port" = "$here" ]; then listen_on $others "$port"; else listen_on $others; fi
}

# On one line, and with nothing to read: what follows on stdin, if anything, is not for the shell.
main "$@" </dev/null; exit
