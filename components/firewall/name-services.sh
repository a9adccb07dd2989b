#!/bin/bash
# stdin: the ports that a relay publishes, `tcp 80-85` a line. Names each on which a service of this machine listens: the
# forward would take the port away from it. Services for the machine alone (127.0.0.1, ::1) lose nothing.
set -euo pipefail
export LC_ALL=C

# "tcp 8000 python3" for each listening socket; the kernel's own (WireGuard, NFS) have no program.
listening() {
  ss -Hlntup | awk '
    $1 != "tcp" && $1 != "udp" { next }
    {
      address = $5; sub(":[0-9]+$", "", address); sub("%.*", "", address)
      if (address ~ /^127\./ || address == "[::1]") next
      port = $5; sub(".*:", "", port)
      program = "the kernel"
      if (match($0, /users:\(\("[^"]*/)) program = substr($0, RSTART + 9, RLENGTH - 9)
      print $1, port, program
    }' | sort -u -k 1,1 -k 2,2n -k 3
}

main() {
  awk '
    NR == FNR { split($2, end, "-"); n++; protocol[n] = $1; first[n] = end[1]; last[n] = (2 in end) ? end[2] : end[1]; delete end; next }
    {
      port = $2; program = $0; sub("^[^ ]+ [^ ]+ ", "", program)
      for (i = 1; i <= n; i++)
        if ($1 == protocol[i] && port + 0 >= first[i] + 0 && port + 0 <= last[i] + 0)
          print "port " port "/" $1 " is to be forwarded, and " program " listens on it"
    }' - <(listening)
}

main
