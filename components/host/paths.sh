# shellcheck shell=bash
# Sourced first by scripts on hosts: what of ours lies where, if more than one of them names it.
# shellcheck disable=SC2034 # for the scripts that source this one

readonly etc=/etc/homerelay keys=/etc/homerelay/keys unproven=/etc/homerelay/unproven
# What we have put on this host: `package COMMAND NAME`, `file PATH`, `folder PATH`, `settings PATH`, one a line.
readonly installed_list=/etc/homerelay/installed
# What is to be here, in the same words.
readonly wanted_list=/etc/homerelay/wanted
# The stack that this host belongs to, and what the host is to it: `id …`, `stack …`, `host …`.
readonly owner_file=/etc/homerelay/owner
# Loaded along with the rules: the relay's public addresses at a home, and what a machine passed on before us.
readonly relay_addresses=/etc/homerelay/relay.nft passing_note=/etc/homerelay/passes-others.nft
readonly firewall_file=/etc/homerelay/firewall.nft firewall_on_trial=/etc/homerelay/firewall-on-trial.nft
# The SHA-256 of the rules that were last confirmed, whatever became of their file.
readonly firewall_confirmed=/etc/homerelay/firewall-confirmed
# What kernel settings were before us: `KEY=VALUE` a line, in the order in which they are given back; and a comment for
# each bridge that was here before us.
readonly sysctl_note=/etc/homerelay/before
readonly sysctl_file=/etc/sysctl.d/60-homerelay.conf
# What the relay's metrics call its peers and forwards; there only where somebody may read them.
readonly metric_names=/etc/homerelay/metrics
readonly sshd_drop_in=/etc/ssh/sshd_config.d/10-homerelay.conf
readonly upgrades_file=/etc/apt/apt.conf.d/52homerelay
