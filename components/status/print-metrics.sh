#!/bin/bash
# Answers one request over HTTP (stdin and stdout are the connection) with what the relay counts, in Prometheus' text
# format 0.0.4. It changes nothing. The names come from a file: `peer ADDRESS NAME home|device` and
# `forward PROTOCOL FIRST LAST HOME` a line. By hand, with all that goes wrong:
#   echo 'GET /metrics' | /usr/local/lib/homerelay/print-metrics.sh
set -euo pipefail
export LC_ALL=C

# shellcheck source=../host/paths.sh
. /usr/local/lib/homerelay/paths.sh

# What a request may say, in lines and in characters a line; nothing of it but the first line is of any matter.
readonly most_lines=60 longest_line=2000

answer() { # STATUS BODY [TYPE]
  printf 'HTTP/1.0 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' \
    "$1" "${3:-text/plain; charset=utf-8}" "${#2}" "$2"
}

facts() {
  cat "$metric_names" || return 1
  # Whose address is whose key.
  wg show homerelay allowed-ips 2>/dev/null | awk '{ for (i = 2; i <= NF; i++) print "owns", $1, $i }' || : # no interface
  /usr/local/lib/homerelay/read-status.sh brief
}

render() {
  awk '
    $1 == "peer" && NF == 4 { peers[++peer_count] = $3; address[$3] = $2; kind[$3] = $4 }
    $1 == "forward" { forwards[++forward_count] = $0 }
    $1 == "owns" { sub("/32$", "", $3); key[$3] = $2 }
    $1 == "peer" && NF == 6 { handshake[$2] = $4; received[$2] = $5; sent[$2] = $6 }
    $1 == "count" { packets[$2, $3] = $4; bytes[$2, $3] = $5; ports[$2] = ports[$2] " " $3 }
    $1 == "now" { now = $2 }
    $1 == "up" { up = $2 }
    $1 == "restart" { restart = 1 }
    $1 == "disk" { disk_free = $2; disk = $3 }
    $1 == "tracked" { tracked = $2; most = $3 }
    $1 == "missing" { missing[$2] = 1 }
    $1 == "failed" { failed++ }
    $1 == "traffic" { month_received = $4; month_sent = $5 }
    $1 == "end" { ended = 1 }

    function head(name, type, help) { printf "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type }
    function single(name, type, help, value) { head(name, type, help); printf "%s %s\n", name, value }
    # As it came: not every awk writes a large number out.
    function known(text) { return text == "" ? 0 : text }
    function of_peers(name, type, help, values,   i, peer) {
      if (peer_count == 0) return
      head(name, type, help)
      for (i = 1; i <= peer_count; i++) {
        peer = peers[i]
        printf "%s{peer=\"%s\",kind=\"%s\"} %s\n", name, peer, kind[peer], known(values[key[address[peer]]])
      }
    }
    function of_forwards(name, help, set, values,   i, j, part, first, last, count, list, sum) {
      if (forward_count == 0) return
      head(name, "counter", help)
      for (i = 1; i <= forward_count; i++) {
        split(forwards[i], part, " ")
        first = part[3] + 0; last = part[4] + 0
        sum = 0
        if (first == last) sum = values[set "_" part[2], first]
        else {
          count = split(ports[set "_" part[2]], list, " ")
          for (j = 1; j <= count; j++)
            if (list[j] + 0 >= first && list[j] + 0 <= last) sum += values[set "_" part[2], list[j]]
        }
        printf "%s{home=\"%s\",protocol=\"%s\",port=\"%s\"} %.0f\n", name, part[5], part[2], first == last ? first : first "-" last, sum
      }
    }

    END {
      if (!ended) exit 1
      single("homerelay_boot_time_seconds", "gauge", "When the relay was started, in seconds since 1970.", sprintf("%.0f", now - up))
      single("homerelay_interface_up", "gauge", "Whether the tunnel is there.", ("interface" in missing) ? 0 : 1)
      single("homerelay_rules_loaded", "gauge", "Whether the firewall rules are in force.", ("rules" in missing) ? 0 : 1)
      single("homerelay_failed_units", "gauge", "Units of home-relay that have failed.", failed + 0)
      single("homerelay_restart_required", "gauge", "Whether an update waits for a restart.", restart + 0)
      if (disk != "") {
        single("homerelay_disk_free_bytes", "gauge", "What is free on the disk.", disk_free)
        single("homerelay_disk_size_bytes", "gauge", "How large the disk is.", disk)
      }
      if (most != "") {
        single("homerelay_tracked_connections", "gauge", "Connections that the kernel keeps track of.", tracked)
        single("homerelay_tracked_connections_limit", "gauge", "Connections that it can keep track of.", most)
      }
      if (month_sent != "") {
        single("homerelay_month_receive_bytes", "gauge", "What the relay has received in this calendar month (UTC).", month_received)
        single("homerelay_month_transmit_bytes", "gauge", "What the relay has sent in this calendar month (UTC).", month_sent)
      }
      of_peers("homerelay_peer_last_handshake_timestamp_seconds", "gauge", "The last handshake, in seconds since 1970; 0: none yet.", handshake)
      of_peers("homerelay_peer_receive_bytes_total", "counter", "From the peer, since the tunnel was started.", received)
      of_peers("homerelay_peer_transmit_bytes_total", "counter", "To the peer, since the tunnel was started.", sent)
      of_forwards("homerelay_forward_connections_total", "Connections that were passed on, since the boot.", "connections", packets)
      of_forwards("homerelay_forward_receive_bytes_total", "From callers to the home, since the boot.", "received", bytes)
      of_forwards("homerelay_forward_transmit_bytes_total", "From the home to callers, since the boot.", "sent", bytes)
    }'
}

# The first line of a request is in `method` and `path`. Exit code 1: it says more than any reader has to say.
read_request() {
  local line lines=0
  IFS=$' \r' read -r -t 5 -n "$longest_line" method path _ || exit 0
  while IFS= read -r -t 5 -n "$longest_line" line && [ -n "${line%$'\r'}" ]; do
    if ((++lines > most_lines)); then return 1; fi
  done
}

main() {
  local method='' path='' body
  if ! read_request; then
    answer "431 Request Header Fields Too Large" $'This is more than a request for metrics.\n'
    return
  fi
  case $method:${path%%\?*} in
    GET:/metrics)
      if body=$(facts | render && echo .); then
        answer "200 OK" "${body%.}" "text/plain; version=0.0.4; charset=utf-8"
      else
        answer "500 Internal Server Error" "The relay cannot read its own counters. On the relay, as root, see why:
  echo 'GET /metrics' | /usr/local/lib/homerelay/print-metrics.sh
"
      fi
      ;;
    GET:*) answer "404 Not Found" $'The metrics are at /metrics.\n' ;;
    *) answer "405 Method Not Allowed" $'Only GET is answered.\n' ;;
  esac
}

main "$@"
