#!/bin/bash
# Sourced by the steps that own a WireGuard interface. Brings it in line with a document, without a restart: a
# restart would forget where the peers are and cost an idle tunnel two minutes.

# shellcheck source=../host/begin-step.sh
[ -n "${interface-}" ] || . /usr/local/lib/homerelay/begin-step.sh
# shellcheck source=../host/port-holder.sh
declare -F port_holder >/dev/null || . /usr/local/lib/homerelay/port-holder.sh

readonly config=/etc/wireguard/$interface.conf
# The next configuration lies in a folder of its own: wg-quick goes by the file's name, and may not read it elsewhere.
# Whoever sources this removes the folder when it ends.
readonly next_folder=/etc/wireguard/homerelay.next
# For set-address6.sh.
readonly address6=$etc/address6

# Before anything is changed: a port that somebody else has would end a tunnel that works.
check_port() { # CONFIG
  local port held
  port=$(listen_port "$1")
  [ -n "$port" ] || return 0
  held=$(port_holder "$port" "$interface")
  [ -z "$held" ] || die "UDP port $port, where WireGuard is to listen, is taken: $held has it. The tunnel is left as it was.
End that, or set another home-relay:tunnel.listenPort in the stack file; then run the same command again"
}

listen_port() { # CONFIG
  sed -n 's/^ListenPort = //p' "$1"
}

# Where WireGuard is a program, it gives up the old port before it tries the new one.
sync_peers() { # CONFIG
  local port
  port=$(wg show "$interface" listen-port)
  wg syncconf "$interface" <(wg-quick strip "$1") && return
  wg set "$interface" listen-port "$port"
  die "WireGuard does not take the configuration; the tunnel listens at port $port, as before"
}

# Joins the document with the key files that it names: `PrivateKey = key:private` -> the key itself. The second address
# is the one of IPv6, which is not for wg-quick.
join_keys() {
  local line name
  while IFS= read -r line; do
    if [[ $line == *' = key:'* ]]; then
      name=${line##*' = key:'}
      [ -f "$keys/$name" ] || die "the key '$name' is not on this host; run: pulumi up --replace '**:Command::**-keys'"
      line="${line%%' = key:'*} = $(cat "$keys/$name")"
    fi
    if [[ $line == 'Address = '* ]]; then line=${line%%, *}; fi
    printf '%s\n' "$line"
  done
}

# Brings the interface up, or in line. Whatever changed is marked in $unproven until the caller has seen it work.
sync_interface() { # DOCUMENT
  local next next6
  install -d -m 0700 /etc/wireguard
  # What a run left that was killed.
  rm -rf "$next_folder"
  mkdir -m 0700 "$next_folder"
  next=$next_folder/$interface.conf
  join_keys <"$1" >"$next"
  check_port "$next"
  wg-quick strip "$next" >/dev/null || die "wg-quick refuses the configuration; the one before it stays"
  next6=$(sed -n 's/^Address = [^,]*, //p' "$1")
  cmp -s <(of_tunnel "$next" "$next6") <(of_tunnel "$config" "$(cat "$address6" 2>/dev/null || :)") || touch "$unproven"
  write_if_changed 0644 "$address6" <<<"$next6" || : # the same address
  systemctl enable --quiet "wg-quick@$interface"
  # The unit does not notice when somebody takes its interface away.
  if ! systemctl is-active --quiet "wg-quick@$interface" || ! ip link show dev "$interface" >/dev/null 2>&1; then
    touch "$unproven"
    move_into_place "$next" "$config"
    # A unit that failed before has to be forgiven before it starts again.
    systemctl reset-failed "wg-quick@$interface" 2>/dev/null || :
    systemctl restart "wg-quick@$interface" ||
      die "the tunnel did not start: $(journalctl -u "wg-quick@$interface" -n 5 --no-pager -o cat)"
    say "tunnel interface $interface is up"
  elif [ -e "$unproven" ]; then
    sync_peers "$next"
    move_into_place "$next" "$config"
    sync_link
    say "tunnel interface $interface brought in line"
  else
    move_into_place "$next" "$config"
    wg set "$interface" fwmark "$(sed -n 's/^FwMark = //p' "$config" | grep . || echo off)"
  fi
  /usr/local/lib/homerelay/set-address6.sh
  rm -rf "$next_folder"
  systemctl enable --quiet --now homerelay-routes.timer
}

# What a proof of the tunnel depends on: neither how packets to the other end are marked, nor what an older version had
# wg-quick run besides, which may be to set an address.
of_tunnel() { # CONFIG ADDRESS6
  [ -e "$1" ] || return 0
  grep -vE '^(Address|FwMark|(Post|Pre)(Up|Down)) = ' "$1"
  addresses "$@"
}

addresses() { # CONFIG ADDRESS6
  {
    sed -n 's/^Address = //p; s/^PostUp = ip -6 address replace \([^ ]*\) .*/\1/p' "$1" | tr -d ' ' | tr ',' '\n'
    printf '%s\n' "$2"
  } | sed '/^$/d' | sort -u
}

# What `wg syncconf` leaves out: MTU and IPv4 address, and all addresses of before.
sync_link() {
  local wanted address
  ip link set dev "$interface" mtu "$(sed -n 's/^MTU = //p' "$config")"
  # An address in the network of an older one is its secondary, and would go with it.
  sysctl -qw "net.ipv4.conf.$interface.promote_secondaries=1"
  ip address replace "$(sed -n 's/^Address = //p' "$config")" dev "$interface"
  wanted=$(addresses "$config" "$(cat "$address6")")
  ip -o address show dev "$interface" scope global | awk '{ print $4 }' | while read -r address; do
    grep -qxF "$address" <<<"$wanted" || ip address delete "$address" dev "$interface"
  done
}
