# shellcheck shell=bash
# Sourced by what watches and by what sends, behind files.sh: messages that wait until a service has taken them.
#
# /var/lib/homerelay/notify/services has a folder for each service, named after where it is, so that the order of the
# settings does not matter: the messages, by number, and how sending went. A message is its kind, its title and its text,
# a line each.

readonly settings_of_notify=/etc/homerelay/notify memory_of_notify=/var/lib/homerelay/notify
readonly outbox=$memory_of_notify/services
# Of a service that is dead for good, the newest.
readonly most_messages=20

# The timer's runs and `pulumi up` take turns.
take_turn() {
  install -d -m 0700 "$memory_of_notify" "$outbox"
  exec 8<"$memory_of_notify"
  flock -w 240 8 || die "another run of ours has been sending messages for four minutes"
}

# A line a service, in the order of the settings: its folder, its name, URL and token.
list_services() {
  local service url token id
  [ -f "$settings_of_notify/secrets" ] || return 0
  while read -r service url token; do
    id=$(printf '%s %s' "$service" "$url" | sha256sum)
    printf '%s %s %s %s\n' "${id:0:16}" "$service" "$url" "$token"
  done <"$settings_of_notify/secrets"
}

# Whether a service takes messages; to others it is told what is so.
takes_messages() { # SERVICE
  [ "$1" != healthchecks ] && [ "$1" != heartbeat ]
}

queue_message() { # KIND TITLE TEXT
  local id service rest
  while read -r id service rest; do
    if takes_messages "$service"; then queue_for "$id" "$@"; fi
  done < <(list_services)
}

queue_for() { # ID KIND TITLE TEXT
  local folder=$outbox/$1 waiting last
  install -d -m 0700 "$folder"
  mapfile -t waiting < <(list_messages "$folder")
  last=0
  if [ "${#waiting[@]}" -gt 0 ]; then last=$((10#${waiting[-1]##*/})); fi
  printf '%s\n' "${@:2}" >"$folder/message.next"
  move_into_place "$folder/message.next" "$folder/$(printf '%08d' $((last + 1)))"
  while [ "${#waiting[@]}" -ge "$most_messages" ]; do
    rm -f "${waiting[0]}"
    waiting=("${waiting[@]:1}")
  done
}

# The oldest first.
list_messages() { # FOLDER
  find "$1" -maxdepth 1 -type f -name '[0-9]*' 2>/dev/null | sort || : # nobody was told anything yet
}

# What the settings say, by its first word.
setting_of_notify() { # WORD
  sed -n "s/^$1 //p" "$settings_of_notify/watched"
}
