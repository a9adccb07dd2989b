#!/bin/bash
# Answers one request over HTTP (stdin and stdout are the connection) with what the relay counts, in Prometheus' text
# format 0.0.4. /etc/homerelay/metrics has the names: `peer ADDRESS NAME home|device`, `forward PROTOCOL FIRST LAST HOME`.
set -euo pipefail
export LC_ALL=C

readonly names=/etc/homerelay/metrics library=/usr/local/lib/homerelay

answer() { # STATUS TYPE BODY
  printf 'HTTP/1.0 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' "$1" "$2" "${#3}" "$3"
}

facts() {
  cat "$names"
  # Whose address is whose key.
  wg show homerelay allowed-ips 2>/dev/null | awk '{ for (i = 2; i <= NF; i++) print "owns", $1, $i }' || : # no interface
  "$library/read-status.sh" brief
}

render() {
  awk '
    function head(name, type, help) { printf "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type }
    function known(text) { return text == "" ? 0 : text }
    $1 == "peer" && NF == 4 { peers[++peer_count] = $3; address[$3] = $2; kind[$3] = $4 }
    $1 == "forward" { forwards[++forward_count] = $0 }
    $1 == "owns" { sub("/32$", "", $3); key[$3] = $2 }
    $1 == "peer" && NF == 6 { handshake[$2] = $4; received[$2] = $5; sent[$2] = $6 }
    $1 == "count" { packets[$2, $3] = $4; bytes[$2, $3] = $5; ports[$2] = ports[$2] " " $3 }
    $1 == "now" { now = $2 }
    $1 == "up" { up = $2 }
    $1 == "tracked" { tracked = $2; most = $3 }
    $1 == "missing" { missing[$2] = 1 }
    $1 == "failed" { failed++ }
    $1 == "traffic" { month_received = $4; month_sent = $5 }

    function of_peers(name, type, help, values,   i, peer) {
      head(name, type, help)
      for (i = 1; i <= peer_count; i++) {
        peer = peers[i]
        printf "%s{peer=\"%s\",kind=\"%s\"} %s\n", name, peer, kind[peer], known(values[key[address[peer]]])
      }
    }
    function of_forwards(name, help, set, values,   i, j, part, count, list, sum) {
      head(name, "counter", help)
      for (i = 1; i <= forward_count; i++) {
        split(forwards[i], part, " ")
        count = split(ports[set "_" part[2]], list, " ")
        sum = 0
        for (j = 1; j <= count; j++)
          if (list[j] + 0 >= part[3] + 0 && list[j] + 0 <= part[4] + 0) sum += values[set "_" part[2], list[j]]
        printf "%s{home=\"%s\",protocol=\"%s\",port=\"%s\"} %.0f\n", name, part[5], part[2], part[3] == part[4] ? part[3] : part[3] "-" part[4], sum
      }
    }
    function single(name, type, help, value) { head(name, type, help); printf "%s %s\n", name, value }

    END {
      single("homerelay_boot_time_seconds", "gauge", "When the relay was started, since 1970.", sprintf("%.0f", now - up))
      single("homerelay_interface_up", "gauge", "Whether the tunnel is there.", ("interface" in missing) ? 0 : 1)
      single("homerelay_rules_loaded", "gauge", "Whether the firewall rules are in force.", ("rules" in missing) ? 0 : 1)
      single("homerelay_failed_units", "gauge", "Units of home-relay that have failed.", failed + 0)
      if (most != "") {
        single("homerelay_tracked_connections", "gauge", "Connections that the kernel keeps track of.", tracked)
        single("homerelay_tracked_connections_limit", "gauge", "Connections that it can keep track of.", most)
      }
      if (month_sent != "") {
        single("homerelay_month_receive_bytes", "gauge", "What the relay has received in this calendar month (UTC).", month_received)
        single("homerelay_month_transmit_bytes", "gauge", "What the relay has sent in this calendar month (UTC).", month_sent)
      }
      of_peers("homerelay_peer_last_handshake_timestamp_seconds", "gauge", "The last handshake, since 1970; 0: none yet.", handshake)
      of_peers("homerelay_peer_receive_bytes_total", "counter", "From the peer, since the tunnel was started.", received)
      of_peers("homerelay_peer_transmit_bytes_total", "counter", "To the peer, since the tunnel was started.", sent)
      of_forwards("homerelay_forward_connections_total", "Connections that were passed on, since the boot.", "connections", packets)
      of_forwards("homerelay_forward_receive_bytes_total", "From callers to the home, since the boot.", "received", bytes)
      of_forwards("homerelay_forward_transmit_bytes_total", "From the home to callers, since the boot.", "sent", bytes)
    }'
}

main() {
  local method path line count=0 body
  read -r -t 5 -n 2000 method path _ || exit 0
  # What else the request says is of no matter, but for its end.
  while read -r -t 5 -n 8000 line && [ "${line%$'\r'}" != "" ] && ((++count < 100)); do :; done
  case $method:${path%%\?*} in
    GET:/metrics)
      body=$(facts | render && echo .)
      answer "200 OK" "text/plain; version=0.0.4; charset=utf-8" "${body%.}"
      ;;
    GET:*) answer "404 Not Found" text/plain $'The metrics are at /metrics.\n' ;;
    *) answer "405 Method Not Allowed" text/plain $'Only GET is answered.\n' ;;
  esac
}

main "$@"
