# shellcheck shell=bash
# Sourced by send-messages.sh: how each service is asked, and what its answer means.

readonly agent=home-relay/0.1.0
# What is sent and what is answered; each service that is asked has a folder of its own.
declare work_of_request=''
# Who is slower than this is tried again later.
readonly longest_request_seconds=15

# As curl's configuration wants a text between double quotes.
quoted() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# Texts of ours have no control characters but ends of lines.
json() {
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"}
  printf '"%s"' "${text//$'\n'/\\n}"
}

header() { # NAME VALUE
  printf 'header = %s\n' "$(quoted "$1: $2")"
}

# curl's configuration for one request, which is secret. What it sends is put into $work_of_request/body.
# ntfy: https://docs.ntfy.sh/publish/, gotify: https://gotify.net/docs/pushmsg,
# slack: https://api.slack.com/messaging/webhooks, discord: https://discord.com/developers/docs/resources/webhook,
# healthchecks: https://healthchecks.io/docs/http_api/
render_request() { # SERVICE URL TOKEN KIND TITLE TEXT
  local url=$2 body="$5"$'\n'"$6" type='text/plain; charset=utf-8'
  case $1:$4 in
    ntfy:away) header Priority 4 && header Tags rotating_light ;;
    ntfy:back) header Tags white_check_mark ;;
    ntfy:*) header Tags house ;;
    healthchecks:missing)
      # What stands behind a question mark stays behind it.
      url=${2%%\?*}
      url=${url%/}/fail${2#"${2%%\?*}"}
      ;;
  esac
  case $1 in
    ntfy)
      header Title "$5"
      body=$6
      ;;
    gotify)
      url=${2%/}/message
      header X-Gotify-Key "$3"
      type=application/json
      body="{\"title\":$(json "$5"),\"message\":$(json "$6"),\"priority\":$(if [ "$4" = away ]; then echo 8; else echo 5; fi)}"
      ;;
    slack)
      type=application/json
      body="{\"text\":$(json "$body")}"
      ;;
    discord)
      type=application/json
      body="{\"content\":$(json "$body"),\"allowed_mentions\":{\"parse\":[]}}"
      ;;
    healthchecks) body=$6 ;;
  esac
  case $1 in
    ntfy | post) if [ -n "$3" ]; then header Authorization "Bearer $3"; fi ;;
  esac
  printf 'url = %s\n' "$(quoted "$url")"
  if [ "$1" != heartbeat ]; then
    header Content-Type "$type"
    printf '%s' "$body" >"$work_of_request/body"
    printf 'data-binary = %s\n' "$(quoted "@$work_of_request/body")"
  fi
}

# Sets `outcome` (sent; later: it may be taken then; refused: it will not, as things are), `answer`, which goes on from the
# service's name, and `wrong`, the setting that may be: url, token or none.
# shellcheck disable=SC2034 # for the script that sources this one
attempt() { # SERVICE URL TOKEN KIND TITLE TEXT
  local status failure=0
  : >"$work_of_request/answer"
  outcome=refused answer='' wrong=url
  status=$(
    render_request "$@" |
      curl --disable --config - --silent --globoff --proto =https --user-agent "$agent" --connect-timeout 10 \
        --max-time "$longest_request_seconds" --max-filesize 1000000 --output "$work_of_request/answer" \
        --write-out '%{http_code}' 2>/dev/null
  ) || failure=$?
  case $failure:$status in
    0:2??)
      # As some servers of healthchecks put it.
      if [ "$1" = healthchecks ] && grep -qF '(not found)' "$work_of_request/answer"; then
        answer='does not know this check'
      else
        outcome=sent
      fi
      ;;
    0:3??) answer="sends us on to another address (HTTP $status), which is the one to set" ;;
    0:401 | 0:403)
      answer="does not let us in (HTTP $status)"
      case $1 in ntfy | gotify | post) wrong=token ;; esac
      ;;
    0:404 | 0:410) answer="knows nothing at this address (HTTP $status)" ;;
    0:429) outcome=later answer="wants to hear less from here (HTTP $status)" wrong='' ;;
    0:5??) outcome=later answer="has a fault of its own (HTTP $status)" wrong='' ;;
    0:*) answer="does not take the message (HTTP $status)" ;;
    # A name that does not exist, and a resolver that does not answer, look the same to curl.
    6:*) outcome=later answer='cannot be found: its name has no address' ;;
    28:*) outcome=later answer="does not answer within $longest_request_seconds seconds" wrong='' ;;
    60:*) answer="shows a certificate that is not good for its name, or the relay's clock is wrong" ;;
    *) outcome=later answer="cannot be reached (error $failure of curl)" wrong='' ;;
  esac
}

# What the operator types, behind a full stop; nothing where no setting is wrong.
mend() { # SETTING
  if [ -n "$wrong" ]; then
    printf '. Set it again: %s' "pulumi config set --secret --path '$1.$wrong', then: pulumi up"
  fi
}
