#!/bin/bash
# Runs on the relay, sent there on stdin: watches how far knocks at forwards get, in a table of its own that is gone after
# a minute whatever happens. Argument `begin`: behind this on stdin `tcp|udp PORT` a line. `end`: stdout, with tabs:
#   arrived PROTOCOL PORT SENDER    at the relay's card
#   sent PROTOCOL PORT              into the tunnel
#   dropped PROTOCOL PORT RULE      by this rule, whoever owns it
set -euo pipefail
export LC_ALL=C
umask 077

readonly table=homerelay_check folder=/run/homerelay-check

begin() {
  local protocol port elements arrived=''
  local -A ports=()
  while read -r protocol port; do ports[$protocol]+="${ports[$protocol]:+, }$port"; done
  rm -rf "$folder"
  mkdir "$folder"
  for protocol in "${!ports[@]}"; do
    elements="{ ${ports[$protocol]} }"
    if [ "$protocol" = tcp ]; then arrived='tcp flags & (syn | ack) == syn'; else arrived=''; fi
    cat >>"$folder/rules" <<TABLE
table inet $table {
	set ${protocol}4 {
		type ipv4_addr . inet_service
		flags dynamic
		size 4096
	}
	set ${protocol}6 {
		type ipv6_addr . inet_service
		flags dynamic
		size 4096
	}
	set wanted_$protocol {
		type inet_service
		elements = $elements
	}
	set sent_$protocol {
		type inet_service
		flags dynamic
		size 65535
	}
	chain arriving_$protocol {
		type filter hook prerouting priority -350; policy accept;
		iifname "homerelay" accept
		$protocol dport != @wanted_$protocol accept
		$arrived meta nfproto ipv4 add @${protocol}4 { ip saddr . $protocol dport }
		$arrived meta nfproto ipv6 add @${protocol}6 { ip6 saddr . $protocol dport }
		$arrived limit rate 50/second meta nftrace set 1
	}
	chain sending_$protocol {
		type filter hook postrouting priority 300; policy accept;
		oifname "homerelay" meta l4proto $protocol ct original proto-dst @wanted_$protocol add @sent_$protocol { ct original proto-dst }
	}
}
TABLE
  done
  nft delete table inet "$table" 2>/dev/null || : # of a run that was cut off
  nft -f "$folder/rules"
  (
    timeout 60 nft monitor trace >"$folder/trace" 2>/dev/null &
    echo "$!" >"$folder/watcher"
    wait "$!" || : # its time is over
    nft delete table inet "$table" 2>/dev/null || : # the other half of this has done it
    rm -rf "$folder"
  ) </dev/null >/dev/null 2>&1 &
  sleep 0.3
}

elements_of() { # SET
  { nft list set inet "$table" "$1" 2>/dev/null || :; } | tr '\n' ' ' | sed 's/$/\n/' |
    sed -n 's/.*elements = { *\([^}]*\)}.*/\1/p' | tr ',' '\n' | sed 's/^ *//; s/ *$//'
}

end_watch() {
  local protocol sender port
  for protocol in tcp udp; do
    { elements_of "${protocol}4"; elements_of "${protocol}6"; } | while read -r sender _ port; do
      if [ -n "$port" ]; then printf 'arrived\t%s\t%s\t%s\n' "$protocol" "$port" "$sender"; fi
    done
    elements_of "sent_$protocol" | while read -r port; do
      if [ -n "$port" ]; then printf 'sent\t%s\t%s\n' "$protocol" "$port"; fi
    done
  done
  if [ -f "$folder/trace" ]; then
    awk -v table="$table" '
      / packet: / && $5 == table && !($3 in knock) {
        protocol = / udp / ? "udp" : "tcp"
        for (i = 7; i < NF; i++) if ($i == "dport") knock[$3] = protocol "\t" $(i + 1)
      }
      ($3 in knock) && (/ \(verdict drop\) *$/ || / policy drop *$/) {
        rule = $0
        sub(/^trace id [^ ]+ [^ ]+ [^ ]+ [^ ]+ (rule )?/, "", rule)
        sub(/ *\(verdict drop\) *$/, "", rule)
        sub(/ counter packets [0-9]+ bytes [0-9]+/, "", rule)
        print "dropped\t" knock[$3] "\t" $4 " " $5 " " $6 ": " rule
      }' "$folder/trace" | sort -u
  fi
  nft delete table inet "$table" 2>/dev/null || : # its minute is over
  if [ -f "$folder/watcher" ]; then kill "$(cat "$folder/watcher")" 2>/dev/null || :; fi
}

main() { # begin|end
  case $1 in
    begin) begin ;;
    end) end_watch ;;
  esac
}

# On one line: what follows on stdin is not for the shell.
main "$@"; exit
