# shellcheck shell=bash
# Read by mend-host.sh on a relay whose metrics somebody may read: the socket at which they are read.

: "${metric_names:?}"

look() {
  [ -f "$metric_names" ] || return 0
  look_at_unit homerelay-metrics.socket
}

mend() {
  mend_unit homerelay-metrics.socket
}
