#!/bin/bash
# stdin: `address A`, then `PROTOCOL PUBLISHED TARGET MACHINE SOURCES` for each forward; MACHINE is one in the LAN or
# `home`, SOURCES `anybody` or `some`. Runs at home and tries each forward from outside, at the relay's public address.
# A forward whose service is not up is told, one that swallows packets fails the step.
# Argument: the relay's address in the tunnel.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh

# How many new connections the guard has let in so far: whether an attempt came out of the tunnel.
arrivals() {
  nft list counter inet homerelay forwarded_arrivals | awk '$1 == "packets" { print $2 }'
}

listens() { # PROTOCOL PORT MACHINE
  # What another machine does cannot be seen from here.
  [ "$3" = home ] || return 0
  ss -Hln"${1:0:1}" "sport = :$2" | grep -q .
}

# The answer to one attempt over TCP: open, refused or silent.
try_tcp() { # ADDRESS PORT
  local answer
  # shellcheck disable=SC2016 # $0 and $1 are for the inner shell
  if answer=$(timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>&1); then
    echo open
  elif [[ $answer == *refused* ]]; then
    echo refused
  else
    echo silent
  fi
}

prove_tcp() { # ADDRESS PUBLISHED TARGET MACHINE
  local answer before
  before=$(arrivals)
  answer=$(try_tcp "$1" "$2")
  # A packet may get lost. When several forwards are silent it is no accident, and one attempt at each is enough.
  if [ "$answer" = silent ] && [ "$failures" -lt 2 ]; then answer=$(try_tcp "$1" "$2"); fi
  case $answer in
    open) say "tcp $2: open" ;;
    refused) say "tcp $2: the way is free, but nothing listens on $3 at $4" ;;
    silent) fail "tcp $2" "$3" "$4" "$before" ;;
  esac
}

# UDP answers only if the service likes to; what can be proven is that a packet arrives.
prove_udp() { # ADDRESS PUBLISHED TARGET MACHINE
  local before
  before=$(arrivals)
  for _ in 1 2 3; do
    (printf '' >"/dev/udp/$1/$2") 2>/dev/null || : # an ICMP error for an earlier packet is no reason to stop
    (printf 'home-relay' >"/dev/udp/$1/$2") 2>/dev/null || :
    sleep 0.3
    if [ "$(arrivals)" -gt "$before" ]; then
      if listens udp "$3" "$4"; then
        say "udp $2: arrives at home"
      else
        say "udp $2: arrives at home, but nothing listens on $3 there"
      fi
      return
    fi
  done
  fail "udp $2" "$3" "$4" "$before"
}

# The relay answers where it last heard this home's keys. That may have been a machine that had them before this one, and
# was on again for a moment. WireGuard makes a new session by itself when nothing has come back for 15 seconds.
call_relay() { # RELAY-ADDRESS
  for _ in {1..25}; do
    if ping -c 1 -W 1 -I "$interface" "$1" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  say "the relay does not answer through the tunnel"
}

failures=0
fail() { # WHAT TARGET MACHINE ARRIVALS-BEFORE
  failures=$((failures + 1))
  if [ "$(arrivals)" -gt "$4" ]; then
    say "$1: no answer. It came out of the tunnel, so a firewall or the service at $3 swallows it (port $2)."
  else
    say "$1: no answer. It did not come out of the tunnel: a firewall between here and the relay, or on it, swallows it."
  fi
}

main() { # RELAY-ADDRESS
  local word published target machine sources address=''
  call_relay "$1"
  while read -r word published target machine sources; do
    # This home may be none of those that are let in, and need not be.
    if [ "$sources" = some ]; then
      say "$word $published: open to some only, not tried from here"
      continue
    fi
    case $word in
      address) address=$published ;;
      tcp) prove_tcp "$address" "$published" "$target" "$machine" ;;
      udp) prove_udp "$address" "$published" "$target" "$machine" ;;
    esac
  done
  [ "$failures" -gt 0 ] || return 0
  /usr/local/lib/homerelay/name-neighbours.sh
  die "$failures of the forwards do not work from outside"
}

main "$@"
