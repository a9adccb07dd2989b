# shellcheck shell=bash
# Read by mend-host.sh: our table of the firewall, as it was when it was loaded, and the unit that loads it at boot.

# From paths.sh and mend-host.sh.
: "${firewall_file:?}" "${firewall_on_trial:?}" "${verb:?}"
# shellcheck source=../firewall/table.sh
. /usr/local/lib/homerelay/table.sh

look() {
  local now
  [ -f "$firewall_file" ] || return 0
  look_at_unit homerelay-firewall.service
  # Rules on trial have a way back of their own.
  if [ -e "$firewall_on_trial" ] && systemctl is-active --quiet homerelay-rollback.timer; then return 0; fi
  now=$(nft -s list table inet homerelay 2>/dev/null) || now=''
  if [ -z "$now" ]; then
    differs firewall 'table inet homerelay' missing there
    return 0
  fi
  if [[ $now == *$'\n\tflags persist'$'\n'* ]]; then differs firewall 'owner of table inet homerelay' missing there; fi
  if ! was_loaded_from_file; then
    differs firewall 'table inet homerelay' 'from another file' "from $firewall_file"
    return 0
  fi
  # Held since it was loaded, as a rule: the timer need not compare what nobody could change.
  if [ "$verb" = watch ] && [[ $now == *$'\n\tflags owner,persist'$'\n'* ]]; then return 0; fi
  now=$(without_changing <<<"$now")
  if [ "$now" = "$(tail -n +2 "$loaded")" ]; then return 0; fi
  name_parts "$now"
}

was_loaded_from_file() {
  local sum=''
  [ -f "$loaded" ] && read -r sum <"$loaded" && [ "$sum" = "$(sha256sum <"$firewall_file")" ]
}

# Each set, map or chain that is another one than when the table was loaded.
name_parts() { # TABLE
  awk '
    FNR == 1 { file++ }
    /^\t(set|map|chain) / { name = $1 " " $2; seen[name] = 1 }
    name != "" { text[file, name] = text[file, name] $0 "\n" }
    /^\t}/ { name = "" }
    END {
      for (name in seen) {
        was = text[1, name]; is = text[2, name]
        if (was == is) continue
        print "firewall\t" name " of table inet homerelay\t" \
          (is == "" ? "missing" : was == "" ? "there" : "changed") "\t" (was == "" ? "missing" : is == "" ? "there" : "as loaded")
      }
    }' "$loaded" - <<<"$1"
}

mend() {
  # Without its rules the tunnel carries nothing; with them it comes back by itself.
  /usr/local/lib/homerelay/load-firewall.sh || {
    systemctl stop homerelay-firewall.service
    return 2
  }
  mend_unit homerelay-firewall.service
}
