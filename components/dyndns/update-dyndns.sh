#!/bin/bash
# Tells a DynDNS service where its names point.
#   update-dyndns.sh      what is due: what was never sent, what the service could not take, what was sent long ago
#   update-dyndns.sh now  everything
# /etc/homerelay/dyndns/requests says what to send, and `secret` beside it who we are; curl gets both on its stdin,
# so that no list of processes shows them. Fails when the service refuses: then nothing is sent any more by itself,
# as https://help.dyn.com/return-codes/ asks of clients, until the settings change.
set -euo pipefail
export LC_ALL=C
umask 077

# shellcheck source=../host/messages.sh
. /usr/local/lib/homerelay/messages.sh
# shellcheck source=../host/files.sh
. /usr/local/lib/homerelay/files.sh

readonly etc=/etc/homerelay/dyndns memory=/var/lib/homerelay/dyndns
# No-IP drops free names after 30 days of silence; a service that lost one has it back after these.
readonly refresh_seconds=$((7 * 86400))
# What the protocol asks for after an error of the service's own.
readonly busy_seconds=1800
# An answer that nobody knows is no reason to stop for ever, nor to ask often.
readonly odd_seconds=86400
# freemyip.com takes the second of two quick requests for one with a wrong token.
readonly pause_seconds=6
readonly agent=home-relay/0.1.0

declare provider=none settings=dns kind=none user='' expect=''
declare -a requests=() secrets=()
# What came of each request, by its line: sent, busy, odd, unreached or stopped, and when.
declare -A outcome=() moment=()

read_requests() {
  local word rest
  while read -r word rest; do
    case $word in
      provider) provider=$rest ;;
      settings) settings=$rest ;;
      secret) kind=$rest ;;
      user) user=$rest ;;
      expect) expect=$rest ;;
      request) requests+=("$rest") ;;
    esac
  done <"$etc/requests"
  if [ "$kind" != none ]; then mapfile -t secrets <"$etc/secret"; fi
}

read_memory() {
  local state time line
  [ -f "$memory/requests" ] || return 0
  while read -r state time line; do
    [[ $time =~ ^[0-9]+$ && -n $line ]] || continue
    outcome[$line]=$state
    moment[$line]=$time
  done <"$memory/requests"
}

write_memory() {
  local line
  for line in "${requests[@]}"; do
    if [ -n "${outcome[$line]-}" ]; then printf '%s %s %s\n' "${outcome[$line]}" "${moment[$line]}" "$line"; fi
  done >"$memory/requests.next"
  move_into_place "$memory/requests.next" "$memory/requests"
}

is_due() { # LINE
  local age
  age=$(($(date +%s) - ${moment[$1]:-0}))
  # The clock was set back: nothing is known of the age.
  if [ "$age" -lt 0 ]; then age=$refresh_seconds; fi
  case ${outcome[$1]-} in
    sent) [ "$age" -ge "$refresh_seconds" ] ;;
    busy) [ "$age" -ge "$busy_seconds" ] ;;
    odd) [ "$age" -ge "$odd_seconds" ] ;;
    stopped) false ;;
    *) true ;;
  esac
}

# As curl's configuration wants a text between double quotes.
quoted() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# Sends one request, with MORE behind its URL. Sets `status` (that of HTTP; 000: no answer at all; bad: somebody else
# answers) and `answer` (one short line, for people).
send() { # INDEX [MORE]
  local line=${requests[$1]} names addresses url failure=0
  local -a family=()
  read -r names addresses url <<<"$line"
  # Some services take the caller's address for one of a family that they are told none of.
  [[ $addresses == *:* ]] || family=(--ipv4)
  case $kind in
    token) url=${url//'{token}'/"${secrets[0]}"} ;;
    url) url=${secrets[$1]} ;;
  esac
  url+=${2-}
  : >"$folder/body"
  status=$(
    {
      printf 'url = %s\n' "$(quoted "$url")"
      if [ "$kind" = password ]; then printf 'user = %s\n' "$(quoted "$user:${secrets[0]}")"; fi
    } | curl --disable --config - --silent --show-error --globoff --proto =https "${family[@]}" --user-agent "$agent" \
      --connect-timeout 10 --max-time 30 --output "$folder/body" --write-out '%{http_code}' 2>"$folder/error"
  ) || failure=$?
  case $failure in
    0) answer=$(presentable "$(head -c 400 "$folder/body" | tr -d '\0')") ;;
    *)
      # 60: the certificate is not that of the URL's host.
      if [ "$failure" = 60 ]; then status=bad; else status=000; fi
      answer=$(presentable "$(head -c 200 "$folder/error")")
      ;;
  esac
}

# The first line, without what could be our secret: some services repeat the token that they do not know.
presentable() { # TEXT
  local text=${1%%$'\n'*} secret
  text=$(tr -cd '[:print:]' <<<"$text")
  for secret in "${secrets[@]}"; do
    [ -z "$secret" ] || text=${text//"$secret"/(secret)}
  done
  if [ "$kind" = url ] && [[ $status =~ ^[1-9] ]]; then
    # A part of a secret URL cannot be told from other words.
    [[ $text =~ ^[A-Za-z!]{0,20} ]] && text=${BASH_REMATCH[0]}
  fi
  printf '%s' "${text:0:120}"
}

# What an answer means: sent, busy, odd, unreached or stopped. Dyn's words: https://help.dyn.com/return-codes/;
# those of No-IP: https://www.noip.com/integrate/response.
judge() {
  local word=${answer%% *}
  case $provider:$status:$word in
    *:000:*) echo unreached ;;
    *:bad:*) echo odd ;;
    # So Dyn says that it did nothing, to programs which it has blocked.
    dyndns2:2??:good) if [ "$answer" = 'good 127.0.0.1' ]; then echo stopped; else echo sent; fi ;;
    dyndns2:2??:nochg) echo sent ;;
    dyndns2:*:911 | dyndns2:*:dnserr) echo busy ;;
    dyndns2:*:badauth | dyndns2:*:badagent | dyndns2:*:badsys | dyndns2:*:!donator | dyndns2:*:!yours) echo stopped ;;
    dyndns2:*:notfqdn | dyndns2:*:nohost | dyndns2:*:numhost | dyndns2:*:abuse) echo stopped ;;
    freemyip:2??:OK | duckdns:2??:OK) echo sent ;;
    freemyip:2??:ERROR | duckdns:2??:KO) echo stopped ;;
    url:2??:*) if [ -z "$expect" ] || grep -qE -- "$expect" "$folder/body"; then echo sent; else echo odd; fi ;;
    *:429:* | *:5??:*) echo busy ;;
    *:2??:*) echo odd ;;
    *) echo stopped ;;
  esac
}

# Whether the answer is about the account, so that it will be the same for the other names.
concerns_account() {
  case $provider:$status:${answer%% *} in
    dyndns2:*:notfqdn | dyndns2:*:nohost | dyndns2:*:!yours | dyndns2:*:numhost) false ;;
    *) true ;;
  esac
}

# The setting to mend.
mend() {
  local secret="pulumi config set --secret --path $settings.$kind"
  case $provider:$status:${answer%% *} in
    dyndns2:*:badauth | dyndns2:401:* | dyndns2:403:*) say "mend $settings.user, or: $secret" ;;
    dyndns2:*:nohost | dyndns2:*:!yours) say "make the name in your account there, or mend $settings.names" ;;
    dyndns2:*:notfqdn | dyndns2:*:numhost) say "mend $settings.names" ;;
    dyndns2:*:!donator) say "the service wants a paid account for this" ;;
    dyndns2:*:abuse) say "the service has blocked the name: have it unblocked there, then: pulumi up" ;;
    dyndns2:*:badagent | dyndns2:*:good) say "the service admits no updates from this program" ;;
    dyndns2:*) say "mend $settings.server, which must speak dyndns2" ;;
    freemyip:bad:* | duckdns:bad:*) say "is the relay's clock right?" ;;
    url:2??:*) say "mend $settings.expect, which this answer does not match, or the url" ;;
    url:*) if [ "$kind" = none ]; then say "mend $settings.url"; else say "mend $settings.url, or: $secret"; fi ;;
    *) say "mend $settings.names, or: $secret" ;;
  esac
}

report() { # NAMES HOST ADDRESSES STATE
  local said="answered \"$answer\""
  case $status in
    200) ;;
    000 | bad) said="cannot be reached: ${answer#curl: }" ;;
    *) said="answered \"$answer\" (HTTP $status)" ;;
  esac
  case $4 in
    sent) say "$1: $2 has $3" ;;
    busy) say "warning: $1: $2 $said; the relay tries again in half an hour" ;;
    unreached) say "warning: $1: $2 $said; the relay tries again in five minutes" ;;
    *) say "$1: $2 $said; $(mend)" ;;
  esac
}

# DuckDNS keeps an address of the other family until both are cleared (https://www.duckdns.org/spec.jsp), so that the name
# leads nowhere for a moment: only the operator's own `up` does that.
clear_what_is_kept() { # INDEX NAMES ADDRESSES HOST
  local name
  [[ $provider == duckdns && $3 != *:* ]] || return 0
  for name in ${2//,/ }; do
    if has_ipv6_address "$name"; then
      say "$2: $4 keeps an IPv6 address from before, which goes"
      send "$1" '&clear=true'
      return
    fi
  done
}

has_ipv6_address() { # NAME
  local found
  found=$(timeout 5 getent --no-addrconfig ahostsv6 "$1" 2>/dev/null) || return 1
  # What is made of an IPv4 address is none.
  [ -n "$found" ] && grep -qv '^::ffff:' <<<"$found"
}

send_what_is_due() { # MODE
  local index line names addresses url host state ended='' failed=0 sent=0
  for index in "${!requests[@]}"; do
    line=${requests[$index]}
    read -r names addresses url <<<"$line"
    if [ "$names" = - ]; then names=$addresses; fi
    if [ -n "$ended" ]; then
      remember "$line" "$ended"
    elif [ "$1" = now ] || is_due "$line"; then
      if [ "$sent" -gt 0 ]; then sleep "$pause_seconds"; fi
      sent=$((sent + 1))
      host=${url#https://}
      host=${host%%[/?]*}
      if [ "$kind" = url ]; then host='the service'; fi
      if [ "$1" = now ]; then clear_what_is_kept "$index" "$names" "$addresses" "${host##*@}"; fi
      send "$index"
      state=$(judge)
      report "$names" "${host##*@}" "$addresses" "$state"
      remember "$line" "$state"
      if [ "$state" != sent ] && concerns_account; then ended=$state; fi
    elif [ "${outcome[$line]}" = stopped ]; then
      say "$names: refused before; nothing is sent until the settings change"
    fi
    case ${outcome[$line]} in stopped | odd) failed=1 ;; esac
  done
  if [ "$sent" -gt 0 ]; then write_memory; fi
  return "$failed"
}

remember() { # LINE STATE
  outcome[$1]=$2
  moment[$1]=$(date +%s)
}

main() {
  install -d -m 0700 "$memory"
  # The timer and `pulumi up` take turns.
  exec 8<"$memory"
  flock -w 240 8 || {
    say "another update has been running for four minutes"
    exit 1
  }
  # With what a run left that was killed.
  folder=$memory/answer
  rm -rf "$folder"
  mkdir "$folder"
  trap 'rm -rf "$folder"' EXIT
  read_requests
  read_memory
  send_what_is_due "${1-timer}"
}

main "$@"
