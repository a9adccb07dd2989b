#!/bin/bash
# Sourced by what sets addresses and routes of the tunnel: the address families that this machine speaks. Where IPv6 is
# switched off, the kernel takes neither for it.
# shellcheck disable=SC2034 # for the scripts that source this one
families=(4)
if [ "$(cat /proc/sys/net/ipv6/conf/default/disable_ipv6 2>/dev/null || echo 1)" = 0 ]; then families+=(6); fi
