#!/bin/sh
# Runs a step on a host, as root; stdin is its document. Arguments: the command there.
# shellcheck source=connect-host.sh
. components/host/connect-host.sh
# sudo would forget where the connection comes from, and apply-firewall.sh has to know whom not to lock out.
connect "$(as_root)env SSH_CONNECTION=\"\$SSH_CONNECTION\" $*"
