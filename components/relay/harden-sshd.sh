#!/bin/bash
# stdin: our drop-in for the sshd of a relay that was there before; empty where this program itself comes in by a
# password.
# shellcheck source=../host/begin-step.sh
. /usr/local/lib/homerelay/begin-step.sh

main() {
  local wanted
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  wanted=$folder/sshd
  cat >"$folder/ours"
  if [ ! -s "$folder/ours" ]; then
    allow_passwords
  elif [ ! -d "${sshd_drop_in%/*}" ]; then
    say "sshd here reads no drop-ins, so it goes on as it is"
  else
    # Where sshd is started for each connection, its own folder may be gone.
    install -d -m 0755 /run/sshd
    copy_owners
    write_stricter "$wanted"
    apply_sshd "$wanted"
  fi
}

# What sshd reads besides our drop-in, in $folder.
copy_owners() {
  local file
  mkdir "$folder/sshd_config.d"
  for file in /etc/ssh/sshd_config "${sshd_drop_in%/*}"/*.conf; do
    if [ "$file" = "$sshd_drop_in" ] || [ ! -f "$file" ]; then continue; fi
    sed -E "/^[[:space:]]*include[[:space:]=]/I s#(/etc/ssh/)?sshd_config\\.d/#$folder/sshd_config.d/#g" \
      "$file" >"$folder/${file#/etc/ssh/}"
  done
}

# Our drop-in without what would loosen sshd: the first value that sshd reads counts, and it reads ours before its
# owner's. Where its owner asks for a password besides a key, that is not taken away: nobody could log in.
write_stricter() { # FILE
  local owners methods=''
  owners=$(sshd -T -f "$folder/sshd_config" 2>&1) ||
    die "sshd refuses its settings as they are, so ours are not put among them: $owners"
  if cat "$folder/sshd_config" "$folder/sshd_config.d"/* 2>/dev/null |
    grep -iE '^[[:space:]]*AuthenticationMethods[[:space:]=].*(password|keyboard-interactive)' >/dev/null; then
    methods=yes
  fi
  awk -v methods="$methods" '
    # From 1, the loosest. What is not known here is set as it is wanted.
    function strictness(keyword, value) {
      if (keyword == "permitrootlogin") return strict_root[value]
      return value == "yes" ? 1 : value == "no" ? 2 : 0
    }
    BEGIN {
      strict_root["yes"] = 1
      strict_root["prohibit-password"] = strict_root["without-password"] = 2
      strict_root["forced-commands-only"] = 3
      strict_root["no"] = 4
    }
    NR == FNR { owner[$1] = $2; next }
    { keyword = tolower($1) }
    methods && keyword ~ /^(passwordauthentication|kbdinteractiveauthentication)$/ { next }
    strictness(keyword, owner[keyword]) <= strictness(keyword, $2)' <(printf '%s\n' "$owners") "$folder/ours" >"$1"
}

allow_passwords() {
  if [ -e "$sshd_drop_in" ]; then
    rm "$sshd_drop_in"
    reload_sshd
  fi
  say "sshd takes passwords as before, since this program comes in by one"
}

# A faulty sshd would be the end of every way in, so it is asked before it is told.
apply_sshd() { # FILE
  if [ -f "$sshd_drop_in" ]; then cp -p "$sshd_drop_in" "$1.before"; fi
  write_if_changed 0644 "$sshd_drop_in" <"$1" || return 0
  # Where sshd is started for each connection, its own folder may be gone.
  install -d -m 0755 /run/sshd
  if ! complaint=$(sshd -t 2>&1); then
    if [ -f "$1.before" ]; then write_if_changed 0644 "$sshd_drop_in" <"$1.before" || :; else rm "$sshd_drop_in"; fi
    die "sshd refuses its settings with ours among them, so ours are taken back: $complaint"
  fi
  reload_sshd
  # Read whole before it is searched: with pipefail, a search that ends early would look like a failure.
  complaint=$(sshd -T)
  if [[ $complaint == *$'\n'"passwordauthentication no"$'\n'* ]]; then
    say "sshd takes keys alone"
  elif ! grep -q ^PasswordAuthentication "$sshd_drop_in"; then
    say "sshd asks for passwords where its owner's AuthenticationMethods say so"
  else
    say "sshd still takes passwords: something in /etc/ssh/sshd_config says so before $sshd_drop_in"
  fi
}

# With a socket that starts one sshd for each connection there is nobody to tell: the next one reads the new settings.
reload_sshd() {
  if systemctl is-active --quiet ssh.service; then systemctl reload ssh.service; fi
}

main "$@"
