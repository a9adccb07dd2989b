#!/bin/bash
# Sourced by what changes the SSH keys by which this stack comes in as root. KEY: the text between type and comment. A key
# of the stack's has a comment of ours from its first change on, so that the owner's own keys are never touched.

# shellcheck source=../host/begin-step.sh
[ -n "${etc-}" ] || . /usr/local/lib/homerelay/begin-step.sh

readonly authorized_keys=/root/.ssh/authorized_keys key_mark=home-relay-stack-key

# Lets KEY in beside those before it.
admit_key() { # KEY BEFORE…
  mkdir -p "${authorized_keys%/*}"
  touch "$authorized_keys"
  # shellcheck disable=SC2016 # awk's
  rewrite_keys -v before="${*:2}" -v key="$1" '
    function was_before(   i, each, all) { all = split(before, each, " "); for (i = 1; i <= all; i++) if (has(each[i])) return 1; return 0 }
    has(key) || was_before() { found = found || has(key); print $0 ($NF == mark ? "" : " " mark); next }
    { print }'
}

# Of the stack's keys KEY alone stays.
keep_key() { # KEY
  if ! grep -q " $key_mark\$" "$authorized_keys" 2>/dev/null; then return 0; fi # they were never changed
  # shellcheck disable=SC2016 # awk's
  rewrite_keys -v key="$1" '
    has(key) { found = 1; print; next }
    $NF == mark { next }
    { print }'
}

# The one that is wanted is always there in the end.
rewrite_keys() { # AWK…
  local program=${*: -1}
  awk -v mark="$key_mark" "${@:1:$#-1}" '
    function has(text,   i) { for (i = 1; i <= NF; i++) if ($i == text) return 1; return 0 }
    /^[[:space:]]*#/ { print; next }
    '"$program"'
    END { if (!found) print "ssh-ed25519 " key " " mark }' "$authorized_keys" >"$authorized_keys.next" ||
    die "cannot write $authorized_keys"
  if place 600 "$authorized_keys"; then say "the SSH keys of this stack have changed"; fi
}
