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

# What is as it should be is not set again, as `wg syncconf` does: for a moment a peer has no addresses then, and a
# WireGuard that is a program no port. Such a program gives up the old port before it tries the new one, too.
sync_peers() { # CONFIG
  local port peer
  port=$(wg show "$interface" listen-port)
  for peer in $(wg show "$interface" peers | grep -vxF -f <(sed -n 's/^PublicKey = //p' "$1" | grep . || echo none)); do
    wg set "$interface" peer "$peer" remove
  done
  wg addconf "$interface" <(what_differs <(wg show "$interface" dump) <(wg-quick strip "$1")) && return
  wg set "$interface" listen-port "$port"
  die "WireGuard does not take the configuration; the tunnel listens at port $port, as before"
}

# The lines of a configuration, as wg-quick strips it, that the interface does not go by: settings of its own, and whole
# peers. Where a peer has no endpoint there or no keepalive, whatever it has is as it should be.
what_differs() { # DUMP CONFIG
  awk '
    function sorted(list,  each, n, i, j, one) {
      gsub(" ", "", list)
      n = split(list, each, ",")
      for (i = 2; i <= n; i++)
        for (j = i; j > 1 && each[j - 1] > each[j]; j--) { one = each[j]; each[j] = each[j - 1]; each[j - 1] = one }
      for (list = i = 1; i <= n; i++) list = list " " each[i]
      return list
    }
    function end_peer() {
      if (peer != "" && (!(key in shared) || is_other)) printf "%s", peer
      peer = ""
    }
    NR == FNR && FNR == 1 { own["PrivateKey"] = $1; own["ListenPort"] = $3; own["FwMark"] = $4; next }
    NR == FNR { shared[$1] = $2; endpoint[$1] = $3; allowed[$1] = sorted($4); keepalive[$1] = $8; next }
    $1 == "[Peer]" { end_peer(); in_peer = 1; is_other = 0; peer = $0 "\n"; next }
    !in_peer && own[$1] != "" && own[$1] != $3 { if (!said++) print "[Interface]"; print; next }
    !in_peer { next }
    { peer = peer $0 "\n" }
    $1 == "PublicKey" { key = $3 }
    $1 == "PresharedKey" && shared[key] != $3 { is_other = 1 }
    $1 == "AllowedIPs" && allowed[key] != sorted(substr($0, index($0, "=") + 1)) { is_other = 1 }
    $1 == "Endpoint" && endpoint[key] != $3 { is_other = 1 }
    $1 == "PersistentKeepalive" && keepalive[key] != $3 { is_other = 1 }
    END { end_peer() }' "$1" "$2"
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
  rm -rf "$next_folder" "$config.next"
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
    if declare -F change_keys >/dev/null; then change_keys "$next" "${1%/*}/names"; fi
    sync_peers "$next"
    move_into_place "$next" "$config"
    sync_link
    say "tunnel interface $interface brought in line"
  else
    sync_peers "$next"
    move_into_place "$next" "$config"
    wg set "$interface" fwmark "$(sed -n 's/^FwMark = //p' "$config" | grep . || echo off)"
  fi
  /usr/local/lib/homerelay/set-address6.sh
  rm -rf "$next_folder"
  systemctl enable --quiet --now homerelay-mend.timer
}

# What a proof of the tunnel depends on: neither how packets to the other end are marked, nor how often one is sent, nor
# what an older version had wg-quick run besides, which may be to set an address.
of_tunnel() { # CONFIG ADDRESS6
  [ -e "$1" ] || return 0
  grep -vE '^(Address|FwMark|PersistentKeepalive|(Post|Pre)(Up|Down)) = ' "$1"
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
