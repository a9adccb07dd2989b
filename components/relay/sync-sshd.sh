#!/bin/bash
# Sourced by what changes the relay's sshd. A change is tested before sshd reads it, and taken back if sshd then does
# not answer.

# shellcheck source=../host/begin-step.sh
[ -n "${etc-}" ] || . /usr/local/lib/homerelay/begin-step.sh

# An sshd that was handed systemd's socket keeps it for good, whatever becomes of the socket's unit.
refuse_socket() {
  if systemctl is-active --quiet ssh.socket; then
    die "on this relay systemd listens in sshd's place (ssh.socket), at a port of its own. Nothing has changed. Run there,
and then pulumi up again:
  systemctl disable ssh.socket && systemctl enable ssh.service && reboot"
  fi
}

# Gives sshd the drop-in on stdin.
sync_sshd() {
  local changed='' wanted
  refuse_socket
  touch "$sshd_drop_in"
  cp -p "$sshd_drop_in" "$etc/sshd.before"
  if write_if_changed 0644 "$sshd_drop_in"; then changed=yes; fi
  if ! sshd -t; then
    move_into_place "$etc/sshd.before" "$sshd_drop_in"
    die "sshd refuses this configuration; the one before it stays"
  fi
  if [ -z "$changed" ] && answers; then
    say "sshd is as it should be"
  else
    listen_anew
    if ! answers; then
      wanted=$(ports_wanted)
      move_into_place "$etc/sshd.before" "$sshd_drop_in"
      listen_anew
      die "sshd did not answer at port $wanted; it has its configuration from before again.
Something else may listen there: $(ss -Hltnp | awk '!/"sshd"/ { print $4, $6 }' | tr '\n' ' ')"
    fi
    say "sshd listens on port $(ports_wanted)"
  fi
  rm -f "$etc/sshd.before"
}

# By its whole configuration, ascending, on one line.
ports_wanted() {
  sshd -T | awk '$1 == "port" { print $2 }' | sort -un | xargs
}

ports_open() {
  ss -Hltnp | awk '/"sshd"/ { sub(".*:", "", $4); print $4 }' | sort -un | xargs
}

# Whether sshd listens where it should and nowhere else, and lets people in.
answers() {
  local wanted port banner
  wanted=$(ports_wanted)
  for _ in {1..50}; do
    if [ "$(ports_open)" = "$wanted" ]; then break; fi
    sleep 0.1
  done
  [ "$(ports_open)" = "$wanted" ] || return 1
  for port in $wanted; do
    # The subshell closes the connection; bash says there why it could not be opened.
    banner=$( (exec 3<>"/dev/tcp/127.0.0.1/$port" && read -r -t 5 line <&3 && echo "$line") 2>/dev/null) || return 1
    [[ $banner == SSH-2.0-* ]] || return 1
  done
}

listen_anew() {
  hold_new_connections
  systemctl reload-or-restart ssh.service
  # It closes its ports and opens them again; in between they look the same from here.
  sleep 0.3
  for _ in {1..20}; do
    if [ "$(ports_open)" = "$(ports_wanted)" ]; then break; fi
    sleep 0.1
  done
  nft delete table inet homerelay_hold
}

# For a moment nobody listens, and a connection begun just then would be refused. Left without an answer, its sender
# asks again a second later. The kernel ends this after two seconds, whatever becomes of this script.
hold_new_connections() {
  local ports
  ports=$(printf '%s %s' "$(ports_open)" "$(ports_wanted)" | xargs -n 1 | sort -un | paste -sd ,)
  nft -f - <<RULES
table inet homerelay_hold
delete table inet homerelay_hold
table inet homerelay_hold {
	set ports {
		type inet_service
		flags timeout
		timeout 2s
		elements = { $ports }
	}
	chain input {
		type filter hook input priority filter - 1; policy accept;
		iifname != "lo" tcp dport @ports tcp flags & (syn | ack) == syn drop
	}
}
RULES
  # A connection that was accepted just before is still to be handed to a process of its own.
  sleep 0.2
}
