#!/bin/bash
# Runs on a host, sent there on stdin, so that it needs nothing of what it looks at; it changes nothing. Behind it on stdin:
#   file MODE SHA256 PATH     as it should be
#   secret MODE SHA256 PATH   the same, of a file that is shown to nobody
#   joined MODE SHA256 PATH   the same, where each key stands as the name of its file
#   whole FOLDER              nothing else lies in it
#   settings BASE64           what the kernel is to be set to, for kernel-settings.sh
#   sshd KEYWORD              a setting to tell
# stdout, with tabs between: `KIND WHAT FOUND`, as said below.
set -euo pipefail
export LC_ALL=C
umask 077

readonly key_folder=/etc/homerelay/keys settings_file=/etc/sysctl.d/60-homerelay.conf

tell() { # WORD…
  local IFS=$'\t'
  printf '%s\n' "$*"
}

sha256() {
  sha256sum | cut -d ' ' -f 1
}

# A configuration of WireGuard with the names of key files in place of keys.
without_keys() { # FILE
  awk -v folder="$key_folder" '
    BEGIN {
      command = "cd " folder " 2>/dev/null && for file in *; do printf \"%s \" \"$file\"; head -n 1 \"$file\"; done"
      while ((command | getline line) > 0) { split(line, word, " "); name[word[2]] = word[1] }
    }
    /^(Private|Preshared)Key = / && ($3 in name) { $0 = $1 " = key:" name[$3] }
    { print }' "$1"
}

# `file PATH missing`, `file PATH empty`, `file PATH mode OCTAL`, or `file PATH text BASE64`, the last word only where it
# may be shown.
look_at_file() { # HOW MODE SHA256 PATH
  local found mode
  if [ ! -f "$4" ]; then
    tell file "$4" missing
    return
  fi
  if [ "$1" = joined ]; then found=$(without_keys "$4" | sha256); else found=$(sha256 <"$4"); fi
  mode=$(stat -c %a "$4")
  if [ "$found" != "$3" ]; then
    if [ ! -s "$4" ]; then tell file "$4" empty; elif [ "$1" = file ]; then tell file "$4" text "$(base64 -w 0 <"$4")"; else tell file "$4" text; fi
  fi
  if [ "$mode" != "$2" ]; then tell file "$4" mode "$mode"; fi
}

# `stranger PATH`
look_into_folder() { # FOLDER
  local file
  for file in "$1"/*; do
    if [ -e "$file" ] && [ -z "${expected[$file]-}" ]; then tell stranger "$file"; fi
  done
}

# `settings PATH FOUND WANTED`, both in base64, where the file for the next boot is another one than our own script would
# write.
look_at_settings() { # BASE64
  local folder wanted found=''
  folder=$(mktemp -d)
  base64 -d <<<"$1" >"$folder/wanted"
  # Without its scripts the host is told of them first.
  wanted=$(
    # shellcheck source=/dev/null
    for script in paths messages files kernel-settings; do . "/usr/local/lib/homerelay/$script.sh"; done
    echo "# Written by home-relay."
    resolve_settings "$folder/wanted" | sed 's/^\([^ ]*\) \([^ ]*\) /\1\2=/; s/^set//'
  ) 2>/dev/null || wanted=''
  rm -r "$folder"
  if [ -f "$settings_file" ]; then found=$(cat "$settings_file"); fi
  if [ -z "$wanted" ] || [ "$found" = "$wanted" ]; then return 0; fi
  tell settings "$settings_file" "$(base64 -w 0 <<<"$found" | sed "s/^Cg==\$//")" "$(base64 -w 0 <<<"$wanted")"
}

# `sshd KEYWORD VALUE FILES`: the files besides ours that set it, in the order in which sshd reads them.
look_at_sshd() { # KEYWORD…
  local settings keyword files
  install -d -m 0755 /run/sshd 2>/dev/null || : # where sshd is started for each connection it may be gone
  settings=$(sshd -T 2>&1) || {
    tell sshd refused "$(head -n 1 <<<"$settings")"
    return
  }
  for keyword; do
    files=$(grep -lsiE "^[[:space:]]*${keyword}[[:space:]=]" /etc/ssh/sshd_config.d/*.conf /etc/ssh/sshd_config | grep -v /10-homerelay.conf | tr '\n' ' ' || :)
    tell sshd "$keyword" "$(awk -v keyword="$keyword" '$1 == keyword { $1 = ""; printf "%s", $0 }' <<<"$settings" | sed 's/^ //')" "${files% }"
  done
}

# `override KEY VALUE FILE`: a setting of the kernel that we have, and that somebody sets otherwise.
look_for_overrides() {
  local file line key value wanted
  [ -f "$settings_file" ] || return 0
  wanted=$(tr -d ' ' <"$settings_file" | sed 's/^-//')
  for file in /etc/sysctl.conf /etc/sysctl.d/*.conf /run/sysctl.d/*.conf /usr/local/lib/sysctl.d/*.conf; do
    if [ ! -f "$file" ] || [ "$file" = "$settings_file" ]; then continue; fi
    # Debian has that file under a second name.
    if [ "$file" != /etc/sysctl.conf ] && [ "$file" -ef /etc/sysctl.conf ]; then continue; fi
    while IFS= read -r line; do
      line=${line#-} key=${line%%=*} value=${line#*=}
      if grep -qF -- "$key=" <<<"$wanted" && ! grep -qxF -- "$key=$value" <<<"$wanted"; then tell override "$key" "$value" "$file"; fi
    done < <(sed 's/[#;].*//' "$file" | tr -d ' \t' | grep '=' || :)
  done
}

# `active NAME`: firewalls of others that may swallow what comes out of the tunnel.
look_for_firewalls() {
  local answer
  if command -v ufw >/dev/null && answer=$(ufw status 2>/dev/null) && [[ $answer == 'Status: active'* ]]; then tell active ufw; fi
  if command -v firewall-cmd >/dev/null && firewall-cmd --state >/dev/null 2>&1; then tell active firewalld; fi
}

# `owner STACK-ID`, `caller ADDRESS`, and of each peer of the tunnel `endpoint ADDRESS` and `handshake SECONDS` ago, 0 for
# never.
tell_who() {
  local client now
  now=$(date +%s)
  tell owner "$(sed -n 's/^id //p' /etc/homerelay/owner 2>/dev/null || :)"
  read -r client _ <<<"${SSH_CONNECTION-}"
  if [ -n "$client" ]; then tell caller "$client"; fi
  { wg show homerelay endpoints 2>/dev/null || :; } | sed -n 's/.*\t\[\{0,1\}\(.*[^]]\)\]\{0,1\}:[0-9]*$/endpoint\t\1/p'
  { wg show homerelay latest-handshakes 2>/dev/null || :; } | awk -v now="$now" '{ print "handshake\t" ($2 ? now - $2 : 0) }'
}

main() {
  local how mode sum path settings='' keywords=() folders=() looked=()
  local -A expected=()
  while read -r how mode sum path; do
    case $how in
      file | secret | joined)
        expected[$path]=yes
        looked+=("$how $mode $sum $path")
        ;;
      whole) folders+=("$mode") ;;
      sshd) keywords+=("$mode") ;;
      settings) settings=$mode ;;
    esac
  done
  tell_who
  for path in "${looked[@]}"; do
    read -r how mode sum path <<<"$path"
    look_at_file "$how" "$mode" "$sum" "$path"
  done
  for path in "${folders[@]}"; do look_into_folder "$path"; done
  if [ -n "$settings" ]; then look_at_settings "$settings"; fi
  if [ "${#keywords[@]}" -gt 0 ]; then look_at_sshd "${keywords[@]}"; fi
  look_for_overrides
  look_for_firewalls
  tell end
}

# On one line: what follows on stdin is not for the shell.
main "$@"; exit
