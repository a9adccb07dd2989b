#!/bin/bash
# Stands in for systemd's own: knows which units are enabled and which run, and does what those of ours do. As there, what
# a unit does is nobody's child and goes on when whoever asked for it is killed; units begin one after the other, but for
# those that a unit's own program asks for.
unset BASH_ENV
exec 8>&- 9>&-
readonly enabled=/etc/enabled-units active=/run/active-units waiting=/run/waits-for-new-keys

begin() { # UNIT
  if [ -e "$active/$1" ]; then return 0; fi
  case $1 in
    homerelay-sysctl.service) if [ -e /etc/sysctl.d/60-homerelay.conf ]; then sysctl -qe -p /etc/sysctl.d/60-homerelay.conf || :; fi ;;
    homerelay-firewall.service)
      /usr/local/lib/homerelay/load-firewall.sh && nft list chain inet homerelay prerouting >/dev/null || return
      if [ -e /usr/local/lib/homerelay/counters.nft ] && [ -e /etc/systemd/system/homerelay-firewall.service.d/relay.conf ]; then
        nft -f /usr/local/lib/homerelay/counters.nft || return
      fi
      begin homerelay-sysctl.service
      ;;
    wg-quick@homerelay.service)
      begin homerelay-firewall.service || return
      wg-quick up homerelay || return
      /usr/local/lib/homerelay/set-address6.sh
      /usr/local/lib/homerelay/sync-routes.sh
      if [ -e /usr/local/lib/homerelay/remember-endpoints.sh ]; then /usr/local/lib/homerelay/remember-endpoints.sh restore; fi
      ;;
    homerelay-new-keys.service)
      touch "$active/$1"
      # shellcheck disable=SC2016 # for the shell that begins there
      setsid bash -c 'echo $$ >"$waiting"; /usr/local/lib/homerelay/await-new-keys.sh; end_waiting' &
      return
      ;;
  esac
  touch "$active/$1"
}

end_waiting() {
  nft "table inet homerelay_key_change; delete table inet homerelay_key_change" || :
  rm -f "$waiting" "$active/homerelay-new-keys.service"
}

finish() { # UNIT
  [ -e "$active/$1" ] || return 0
  rm "$active/$1"
  case $1 in
    homerelay-new-keys.service)
      kill -KILL -- "-$(<"$waiting")" || :
      end_waiting
      ;;
    homerelay-firewall.service) finish wg-quick@homerelay.service ;;
    wg-quick@homerelay.service)
      wg-quick down homerelay
      if [ -e /usr/local/lib/homerelay/sync-routes.sh ]; then /usr/local/lib/homerelay/sync-routes.sh remove; fi
      ;;
  esac
}

do_job() { # VERB NOW UNIT…
  local verb=$1 now=$2 unit
  shift 2
  mkdir -p "$enabled" "$active"
  for unit; do
    [[ $unit == *.* ]] || unit+=.service
    case $verb in
      enable) touch "$enabled/$unit" && { [ -z "$now" ] || begin "$unit"; } ;;
      disable) rm -f "$enabled/$unit" && { [ -z "$now" ] || finish "$unit"; } ;;
      start) begin "$unit" ;;
      restart) finish "$unit"; begin "$unit" ;;
      stop) finish "$unit" ;;
    esac || return
  done
}

main() {
  local verb='' now='' word units=()
  for word; do
    case $word in
      --now) now=yes ;;
      -*) ;;
      *) if [ -z "$verb" ]; then verb=$word; else units+=("$word"); fi ;;
    esac
  done
  case $verb in
    is-active)
      word=${units[0]}
      [[ $word == *.* ]] || word+=.service
      [ -e "$active/$word" ]
      ;;
    enable | disable | start | restart | stop)
      if [ -n "${in_job-}" ]; then
        do_job "$verb" "$now" "${units[@]}" >>/run/journal 2>&1
        return
      fi
      export -f begin finish do_job end_waiting
      export enabled active waiting in_job=yes
      setsid --wait flock --close /run/systemd.lock bash -c 'do_job "$@"' job "$verb" "$now" "${units[@]}" </dev/null >>/run/journal 2>&1
      ;;
  esac
}

main "$@"
