#!/bin/bash
# Sends what waits in the outbox, and tells those who want to hear it that the relay lives.
#   send-messages.sh            what is due; a timer runs it
#   send-messages.sh new        a first message to each service that never took one
#   send-messages.sh everybody  the same; to all of them, where there is no such service
# Where a service is, is a secret: curl gets it on its stdin, so that no list of processes shows it, and no line of ours
# has it, nor what a service answers. With a word, this fails when a service refuses what it is told.
set -euo pipefail
export LC_ALL=C
umask 077

# shellcheck source=../host/messages.sh
. /usr/local/lib/homerelay/messages.sh
# shellcheck source=../host/files.sh
. /usr/local/lib/homerelay/files.sh
# shellcheck source=outbox.sh
. /usr/local/lib/homerelay/outbox.sh
# shellcheck source=service-requests.sh
. /usr/local/lib/homerelay/service-requests.sh

# Five runs of the timer, which may come some seconds early.
readonly alive_seconds=290
readonly longest_wait_seconds=3600
# One or two failures in a row are the internet's.
readonly failures_until_said=3
# At most so often the journal is told that a service fails.
readonly quiet_seconds=3600

# The service that is told: its folder, its setting, and both in the words of messages.
declare own='' setting='' title=''

# How sending to a service went: failures in a row, when the next attempt is due, when the journal was last told of a
# failure, whether that still holds, and for those who hear that the relay lives: when they were told, and what.
read_progress() {
  failures=0 due=0 said_at=0 said=no told_at=0 told=-
  [ -f "$own/progress" ] || return 0
  read -r failures due said_at said told_at told <"$own/progress" || : # a power cut left it empty
  [[ "$failures $due $said_at $told_at" =~ ^[0-9]+( [0-9]+){3}$ ]] || failures=0 due=0 said_at=0 said=no told_at=0 told=-
}

write_progress() {
  write_if_changed 0600 "$own/progress" <<<"$failures $due $said_at $said $told_at $told" || : # all is as before
}

# A clock that was set back must not silence anybody.
is_due() {
  [ "$now" -ge "$due" ] || [ $((due - now)) -gt "$longest_wait_seconds" ]
}

succeed() {
  if [ "$said" = yes ]; then say "$title takes messages again"; fi
  failures=0 due=0 said=no
}

# Tries again after 1, 2, 4 minutes and so on; who is to hear that the relay lives, not later than he would have.
fail() { # LONGEST-WAIT
  local wait=60 i
  failures=$((failures + 1))
  for ((i = 1; i < failures && wait < $1; i++)); do wait=$((wait * 2)); done
  if [ "$wait" -gt "$1" ]; then wait=$1; fi
  # The timer's runs are a minute apart, more or less.
  due=$((now + wait - 10))
  if [ "$said" = no ] && [ "$failures" -ge "$failures_until_said" ] && [ $((now - said_at)) -ge "$quiet_seconds" ]; then
    say "warning: $title $answer; the relay goes on trying, at least once an hour$(mend "$setting")"
    said=yes said_at=$now
  fi
}

# All that waits for one service, until it does not take one.
send_waiting() {
  local message kind subject text
  while read -r message; do
    { read -r kind && read -r subject && read -r text; } <"$message" || {
      rm -f "$message" # a power cut left it empty
      continue
    }
    attempt "$service" "$url" "$token" "$kind" "$subject" "$text"
    if [ "$outcome" != sent ]; then
      fail "$longest_wait_seconds"
      return 0
    fi
    rm -f "$message"
    sync "$own"
    succeed
  done < <(list_messages "$own")
}

# Sets `kind` and `text` to what a service hears that wants to know what is so.
see_what_is_so() {
  local missing
  missing=$(awk '$2 == "away" { printf "%s%s", sep, $1; sep = ", " }' "$memory_of_notify/homes" 2>/dev/null || :) # not yet
  kind=all text="The relay of $stack lives, and hears from its homes."
  if [ -n "$missing" ] && [ "$service" = healthchecks ]; then
    kind=missing text="The relay of $stack hears nothing from: $missing."
  fi
}

say_alive() {
  local kind text
  see_what_is_so
  if [ "$told" = "$kind" ] && [ "$now" -ge "$told_at" ] && [ $((now - told_at)) -lt "$alive_seconds" ]; then return 0; fi
  attempt "$service" "$url" "$token" "$kind" '' "$text"
  if [ "$outcome" = sent ]; then
    told=$kind told_at=$now
    succeed
  else
    fail "$alive_seconds"
  fi
}

# One run of the timer, for one service.
serve() {
  read_progress
  is_due || return 0
  if takes_messages "$service"; then send_waiting; else say_alive; fi
  write_progress
}

# A first message, and what became of it; a service that cannot take it now gets it later.
introduce() {
  local subject="home-relay tells you here" kind=all text
  text="This is a test. The relay of $stack tells you here when a home is away for more than five minutes, and when it is back."
  read_progress
  if ! takes_messages "$service"; then see_what_is_so; fi
  attempt "$service" "$url" "$token" "$kind" "$subject" "$text"
  case $outcome in
    sent)
      told=$kind told_at=$now
      : >"$own/introduced"
      succeed
      if takes_messages "$service"; then
        say "told $title, under the title: $subject"
      else
        say "told $title that the relay lives"
      fi
      ;;
    refused)
      say "$title $answer$(mend "$setting")"
      touch "$work/refused"
      ;;
    *)
      say "warning: $title $answer; the relay goes on trying, at least once an hour$(mend "$setting")"
      : >"$own/introduced"
      if takes_messages "$service"; then queue_for "$id" all "$subject" "$text"; fi
      fail "$longest_wait_seconds"
      ;;
  esac
  write_progress
}

# Services that the settings no longer have.
forget_others() {
  local folder
  for folder in "$outbox"/*/; do
    [ -d "$folder" ] || continue
    folder=${folder%/}
    grep -q "^${folder##*/} " < <(list_services) || rm -rf "$folder"
  done
}

# Each on its own: one that hangs must not keep the others waiting.
for_each_service() { # COMMAND…
  local index=0 id service url token
  while read -r id service url token; do
    own=$outbox/$id work_of_request=$work/$id setting=$(setting_of_notify settings)[$index]
    title="$service ($setting)"
    index=$((index + 1))
    install -d -m 0700 "$own" "$work_of_request"
    "$@" &
  done < <(list_services)
  wait
}

introduce_where_new() {
  [ -e "$own/introduced" ] || introduce
}

all_are_introduced() {
  local id rest
  while read -r id rest; do [ -e "$outbox/$id/introduced" ] || return 1; done < <(list_services)
}

main() { # [new|everybody]
  # Not there before the step that says who is watched.
  [ -f "$settings_of_notify/watched" ] || return 0
  take_turn
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  now=$(date +%s)
  stack=$(setting_of_notify stack)
  case ${1-} in
    '') for_each_service serve ;;
    everybody)
      forget_others
      if all_are_introduced; then for_each_service introduce; else for_each_service introduce_where_new; fi
      ;;
    *)
      forget_others
      for_each_service introduce_where_new
      ;;
  esac
  [ ! -e "$work/refused" ]
}

main "$@"
