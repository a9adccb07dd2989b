#!/bin/sh
# Runs a step on a host, as root; stdin is its document. Arguments: the command there.
# shellcheck source=connect-host.sh
. components/host/connect-host.sh
connect "$(as_root)$*"
