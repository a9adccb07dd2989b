# shellcheck shell=bash
# Sourced by prove-forwards.sh: a table of the proof's own, there while knocks are under way, in which they are known as
# they come back, whatever else comes out of the tunnel meanwhile, and which notes how far each got. The guard has no
# part in it.
#
# Over UDP a knock is known by the eight characters with which it begins. Over TCP it is known by its largest segment
# size, which is set as it leaves, to one that nobody else has: networks on the way may lower that number, and none does
# so for one that is as small. Kept to what nft 0.9.8 (Debian 11) understands.

: "${interface:?}"
readonly knock_table=homerelay_proof

# Removes the table when this script ends, also when it is killed.
watch_over_table() {
  trap 'nft delete table inet "$knock_table" 2>/dev/null || :' EXIT # it may be gone
  trap 'exit 143' TERM INT
  (
    trap '' TERM INT
    while kill -0 $$ 2>/dev/null; do sleep 1; done
    nft delete table inet "$knock_table"
  ) </dev/null >/dev/null 2>&1 9>&- &
}

# Loads the table anew, with nothing noted; `sender` holds with the port the address from which a knock came to whom it is
# for, after every translation here. HOPS: the routers that the knocks may pass, or `all`; TRACE: empty, or their
# way through everybody's rules is to be traced.
load_knock_table() { # GROUP TOKEN SEGMENT RELAY-ADDRESS HOPS TRACE
  local tcp udp trace='' protocol hops='' ip=ip icmp=icmp address=ipv4_addr place
  if [[ $4 == *:* ]]; then ip=ip6 icmp=icmpv6 address=ipv6_addr; fi
  if [ "$5" != all ]; then hops="meta skgid $1 $([ "$ip" = ip ] && echo ip ttl || echo ip6 hoplimit) set $5"; fi
  if [ -n "$6" ]; then trace='meta nftrace set 1'; fi
  tcp="tcp flags & (syn | ack) == syn tcp option maxseg size $3"
  udp="meta l4proto udp @th,64,64 0x$(printf '%s' "$2" | od -An -tx1 | tr -d ' \n')"
  nft -f - <<TABLE
table inet $knock_table
delete table inet $knock_table
table inet $knock_table {
$(for protocol in tcp udp; do
    for place in came_out any_came_out own_sender reached_here passed_on unreachable expired; do
      printf '\tset %s {\n\t\ttype inet_service\n\t\tflags dynamic\n\t\tsize 65535\n\t}\n' "${place}_$protocol"
    done
    printf '\tset sender_%s {\n\t\ttype inet_service . %s\n\t\tflags dynamic\n\t\tsize 65535\n\t}\n' "$protocol" "$address"
  done)
	chain leaving {
		type filter hook output priority -150; policy accept;
		meta skgid $1 tcp flags & (syn | ack) == syn tcp option maxseg size set $3
		$hops
	}
	chain out_of_tunnel {
		type filter hook prerouting priority -310; policy accept;
		iifname != "$interface" accept
		tcp flags & (syn | ack) == syn add @any_came_out_tcp { tcp dport }
		$tcp $trace add @came_out_tcp { tcp dport }
		$udp $trace add @came_out_udp { udp dport }
		fib saddr type local $tcp add @own_sender_tcp { tcp dport }
		fib saddr type local $udp add @own_sender_udp { udp dport }
		fib saddr type local $tcp add @sender_tcp { tcp dport . $ip saddr }
		fib saddr type local $udp add @sender_udp { udp dport . $ip saddr }
	}
	chain expired {
		type filter hook prerouting priority -140; policy accept;
		$ip saddr != $4 $icmp type time-exceeded ct original protocol tcp add @expired_tcp { ct original proto-dst }
		$ip saddr != $4 $icmp type time-exceeded ct original protocol udp add @expired_udp { ct original proto-dst }
	}
$(for place in "input reached_here" "forward passed_on"; do
    printf '\tchain %s {\n\t\ttype filter hook %s priority 1000; policy accept;\n' "${place#* }" "${place% *}"
    printf '\t\tiifname "%s" %s add @%s { ct original proto-dst }\n' "$interface" "$tcp" "${place#* }_tcp" \
      "$interface" "$udp" "${place#* }_udp"
    printf '\t}\n'
  done)
	chain handed_over {
		type filter hook input priority 1000; policy accept;
		iifname != "$interface" accept
		$tcp add @sender_tcp { ct original proto-dst . $ip saddr }
		$udp add @sender_udp { ct original proto-dst . $ip saddr }
	}
	chain sent_on {
		type filter hook postrouting priority 1000; policy accept;
		meta skgid $1 accept
		oifname "$interface" accept
		$tcp add @sender_tcp { ct original proto-dst . $ip saddr }
		$udp add @sender_udp { ct original proto-dst . $ip saddr }
	}
	chain refusing {
		type filter hook postrouting priority 1000; policy accept;
		oifname "$interface" $icmp type destination-unreachable ct original protocol tcp add @unreachable_tcp { ct original proto-dst }
		oifname "$interface" $icmp type destination-unreachable ct original protocol udp add @unreachable_udp { ct original proto-dst }
	}
}
TABLE
}

# What the table has noted, as `SET PORT [ADDRESS]` a line.
read_knock_table() {
  nft list table inet "$knock_table" | awk '
    $1 == "set" { set = $2 }
    sub(/.*elements = \{/, "") { inside = 1 }
    inside {
      inside = !sub(/\}.*/, "")
      count = split($0, elements, /[,\t]+/)
      for (i = 1; i <= count; i++) {
        sub(/ \. /, " ", elements[i])
        if (elements[i] ~ /[^ ]/) print set, elements[i]
      }
    }'
}

# By `PROTOCOL ARRIVAL-PORT`, behind it the rule that dropped or refused the knock, whoever owns it. stdin: what
# `nft monitor trace` printed.
read_trace() {
  awk -v table="$knock_table" '
    / packet: / && $5 == table && !($3 in knock) {
      for (i = 7; i < NF; i++) if ($i == "dport") knock[$3] = $(i - 1) " " $(i + 1)
    }
    ($3 in knock) && (/ \(verdict drop\) *$/ || / policy drop *$/) {
      rule = $0
      sub(/^trace id [^ ]+ [^ ]+ [^ ]+ [^ ]+ (rule )?/, "", rule)
      sub(/ *\(verdict drop\) *$/, "", rule)
      sub(/ counter packets [0-9]+ bytes [0-9]+/, "", rule)
      print knock[$3], $4, $5, $6 ": " rule
    }'
}
