#!/bin/sh
# The SSH_ASKPASS of connect-host.sh.
set -eu
cat "$PASSWORD_FILE"
