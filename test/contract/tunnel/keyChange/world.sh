# shellcheck shell=bash
# A relay and two homes behind translating routers, joined by WireGuard as a program, in network namespaces; sourced by
# keyChange.test.ts. Each machine has its own folder, $folder/NAME, in which our scripts find all of their files, and a
# systemctl that knows one unit.
: "${folder:?}" "${components:?}" "${here:?}"
readonly homes=(nas attic)
talkers=() stops=()

at() { # MACHINE COMMAND…
  nsenter --target "$(cat "$folder/$1/pid")" --mount --net "${@:2}"
}

cable() { # NAME NUMBER, to the internet
  ip link add "to-$1" netns internet type veth peer name eth0 netns "$1"
  ip -n internet link set "to-$1" up
  ip -n "$1" link set eth0 up
  ip -n internet address add "198.51.$2.1/24" dev "to-$1"
  ip -n "$1" address add "198.51.$2.2/24" dev eth0
  ip -n "$1" route add default via "198.51.$2.1"
}

# What a machine has of ours.
install_scripts() { # NAME
  local place=$folder/$1 script
  mkdir -p "$place"/{lib,etc,wireguard,run,bin}
  for script in "$components"/{host,tunnel,home}/*.sh; do
    sed "s#/usr/local/lib/homerelay/#$place/lib/#g; s#/usr/local/lib/homerelay\\b#$place/lib#g; s#/etc/homerelay#$place/etc#g; s#/etc/wireguard#$place/wireguard#g; s#/run/homerelay#$place/run/homerelay#g" \
      "$script" >"$place/lib/${script##*/}"
  done
  for script in load-firewall set-address6 sync-routes remember-endpoints; do echo : >"$place/lib/$script.sh"; done
  chmod 0755 "$place"/lib/*
  cat >"$place/bin/systemctl" <<SYSTEMCTL
#!/bin/bash
if [ "\$1 \$2" = "start homerelay-new-keys.service" ]; then
  kill -0 "\$(cat $place/awaits 2>/dev/null)" 2>/dev/null && exit
  setsid $place/lib/await-new-keys.sh >>$place/journal 2>&1 </dev/null 9>&- &
  echo \$! >$place/awaits
fi
SYSTEMCTL
  chmod 0755 "$place/bin/systemctl"
}

begin_machine() { # NAME NUMBER
  ip netns add "$1"
  ip -n "$1" link set lo up
  install_scripts "$1"
  ip netns exec "$1" unshare --mount sh -c "mkdir -p /run/wireguard; mount -t tmpfs tmpfs /run/wireguard; exec sleep 600" &
  echo $! >"$folder/$1/pid"
  cable "$1" "$2"
  while ! ip netns exec "$1" true || [ "$(readlink "/proc/$(cat "$folder/$1/pid")/ns/net")" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
  sleep 0.3
  at "$1" wireguard-go homerelay >/dev/null 2>&1
  ip -n "$1" link set homerelay up
}

key() { # NAME, made once
  [ -f "$folder/keys/$1" ] || (umask 077; mkdir -p "$folder/keys"; wg genkey >"$folder/keys/$1")
  cat "$folder/keys/$1"
}

public() { key "$1" | wg pubkey; }

home_address() { # NAME
  case $1 in nas) echo 10.77.0.2 ;; attic) echo 10.77.0.3 ;; esac
}

step() { # MACHINE SCRIPT ARGUMENT…; the document on stdin
  { cat && echo '#end'; } | at "$1" env PATH="$folder/$1/bin:$PATH" "$folder/$1/lib/$2" "${@:3}"
}

# The steps of both ends, each with the keys of a generation.
store_home_keys() { # HOME GENERATION
  printf '#file 0600 private\n%s\n#file 0600 preshared-relay\n%s\n#file 0600 relay\n%s 10.77.0.1\n' \
    "$(key "$1-$2")" "$(key "shared-$1-$2")" "$(public "relay-$2")" | step "$1" store-keys.sh
}

store_relay_keys() { # GENERATION
  local home
  {
    printf '#file 0600 private\n%s\n' "$(key "relay-$1")"
    for home in "${homes[@]}"; do printf '#file 0600 preshared-%s\n%s\n' "$home" "$(key "shared-$home-$1")"; done
  } | step relay store-keys.sh
}

apply_relay() { # GENERATION
  local home
  {
    printf '#file 0644 interface\n[Interface]\nAddress = 10.77.0.1/16\nListenPort = 51820\nPrivateKey = key:private\nMTU = 1420\nTable = off\n'
    for home in "${homes[@]}"; do
      printf '\n# %s\n[Peer]\nPublicKey = %s\nPresharedKey = key:preshared-%s\nAllowedIPs = %s/32, fd77::%s/128\n' \
        "$home" "$(public "$home-$1")" "$home" "$(home_address "$home")" "${#home}"
    done
    printf '\n# phone, a device\n[Peer]\nPublicKey = %s\nPresharedKey = key:preshared-nas\nAllowedIPs = 10.77.0.9/32\n' "$(public "phone-$1")"
    printf '#file 0644 homes\n'
    for home in "${homes[@]}"; do printf '%s 25\n' "$(public "$home-$1")"; done
    printf '#file 0644 names\n'
    for home in "${homes[@]}"; do printf '%s reached %s\n' "$(public "$home-$1")" "$home"; done
    printf '%s by-hand phone\n' "$(public "phone-$1")"
  } | step relay apply-tunnel.sh
}

join_home() { # HOME GENERATION, and the relay at $endpoint
  printf '#file 0644 interface\n[Interface]\nAddress = %s/16\nPrivateKey = key:private\nFwMark = 0x4872\nMTU = 1420\nTable = off\n\n# relay\n[Peer]\nPublicKey = %s\nPresharedKey = key:preshared-relay\nAllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = %s:51820\nPersistentKeepalive = 25\n#file 0644 relay.nft\n' \
    "$(home_address "$1")" "$(public "relay-$2")" "${endpoint-198.51.1.2}" | step "$1" join-relay.sh 10.77.0.1
}

# As everybody begins.
raise() {
  local home number=2
  ip netns add internet
  ip -n internet link set lo up
  begin_machine relay 1
  for home in "${homes[@]}"; do begin_machine "$home" $((number++)); done
  ip netns exec internet sysctl -qw net.ipv4.ip_forward=1
  ip netns exec internet nft -f - <<<'table ip nat { chain postrouting { type nat hook postrouting priority srcnat; oifname "to-relay" masquerade; }; }'
  for home in "${homes[@]}"; do store_home_keys "$home" 1 >/dev/null; done
  store_relay_keys 1 >/dev/null
  apply_relay 1 >/dev/null
  for home in "${homes[@]}"; do
    join_home "$home" 1 >/dev/null
    at "$home" python3 "$here/talk.py" listen "$(home_address "$home")" &
  done
}

# The relay and these homes talk from here on, until what was lost is told.
begin_talking() { # HOME…
  local home
  for home; do
    mkfifo "$folder/stop-$home"
    until at "$home" ss -Hltn "sport = :5000" | grep -q .; do sleep 0.1; done
    at relay python3 "$here/talk.py" call 10.77.0.1 "$(home_address "$home")" <"$folder/stop-$home" >"$folder/talk-$home" &
    talkers+=($!)
    sleep 600 >"$folder/stop-$home" &
    stops+=($!)
  done
  for home; do until [ -s "$folder/talk-$home" ]; do sleep 0.1; done; done
}

tell_lost() { # HOME…
  local home
  sleep 1
  kill "${stops[@]}"
  wait "${talkers[@]}"
  for home; do tail -n 1 "$folder/talk-$home"; done
}

# Which keys are in force at a machine: its own, then those of its peers that may send; and whether its file says the same.
in_force() { # MACHINE
  local name own peers
  own=$(at "$1" wg show homerelay private-key)
  peers=$(at "$1" wg show homerelay allowed-ips | awk '$2 != "(none)" { print $1 }')
  {
    for name in "$folder"/keys/*; do
      if [ "$(<"$name")" = "$own" ]; then echo "${name##*/}"; fi
    done
    for name in "$folder"/keys/*; do
      case ${name##*/} in shared-*) continue ;; esac
      if grep -qxF "$(wg pubkey <"$name")" <<<"$peers"; then echo "${name##*/}"; fi
    done
    cmp -s <(printf '%s\n' "$own" "$(sort <<<"$peers")") \
      <(sed -n 's/^PrivateKey = //p' "$folder/$1/wireguard/homerelay.conf"; sed -n 's/^PublicKey = //p' "$folder/$1/wireguard/homerelay.conf" | sort) ||
      echo "another file"
  } | paste -sd ' '
}

everybody_in_force() {
  local machine
  for machine in relay "${homes[@]}"; do echo "$machine: $(in_force "$machine")"; done
}

# Whether the relay answers somebody with a home's key and what it shares, at its key, all of one generation.
answers_keys_of() { # HOME GENERATION
  at "$1" wireguard-go "as-of-$2" >/dev/null 2>&1
  at "$1" wg set "as-of-$2" private-key "$folder/keys/$1-$2" peer "$(public "relay-$2")" \
    preshared-key "$folder/keys/shared-$1-$2" endpoint 198.51.1.2:51820 allowed-ips 0.0.0.0/0 persistent-keepalive 1
  at "$1" ip link set "as-of-$2" up
  sleep 7
  at "$1" wg show "as-of-$2" latest-handshakes | awk '{ print ($2 > 0 ? "an answer" : "no answer") }'
}

until_awaited() { # HOME
  for _ in {1..100}; do
    kill -0 "$(cat "$folder/$1/awaits")" 2>/dev/null || return 0
    sleep 0.2
  done
  echo "$1 still waits"
}

take_down() {
  local machine pid
  for machine in relay "${homes[@]}"; do
    for pid in $(ip netns pids "$machine" 2>/dev/null); do kill -9 "$pid" 2>/dev/null || :; done
    ip netns delete "$machine" 2>/dev/null || :
  done
  ip netns delete internet 2>/dev/null || :
}
