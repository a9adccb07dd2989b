# shellcheck shell=bash
# The last part of the script that sets a home up by hand. What stands above it there: $home, what the stack calls the
# home; $version, which no other text of the script has; ${steps[@]}, which set the home up in this order; and a function
# for each of these and for uninstall, with its document inside.

: "${home:?}" "${version:?}" "${steps:?}"

# The version that was last installed here.
readonly installed=/etc/homerelay/script-version

usage() {
  cat <<USAGE
usage: sudo bash $0 install | remove | status
  install  sets $home up, or brings it in line with this script; may be run again at any time
  remove   takes away all that install put here
  status   says whether $home is as this script wants it, and when the relay was last heard
USAGE
}

be_root() {
  [ "$(id -u)" = 0 ] || {
    echo "this needs root: sudo bash $0 $1"
    exit 1
  }
}

install_home() {
  local step
  for step in "${steps[@]}"; do "$step"; done
  printf '%s\n' "$version" >"$installed"
  echo "$home is set up"
}

remove_home() {
  uninstall
  echo "The relay still knows $home: remove it from the stack file, too, and run pulumi up."
}

show_status() {
  local heard
  if [ ! -f "$installed" ]; then
    echo "$home is not set up: sudo bash $0 install"
    exit 1
  fi
  if ! systemctl is-active --quiet wg-quick@homerelay.service || ! nft list table inet homerelay >/dev/null 2>&1; then
    echo "$home is set up, but its tunnel or its guard is not there: sudo bash $0 install"
    exit 1
  fi
  heard=$(wg show homerelay latest-handshakes | awk '{ print $2 }')
  if [ "${heard:-0}" = 0 ]; then
    echo "the relay was never heard"
  else
    echo "the relay was heard $(($(date +%s) - heard)) seconds ago"
  fi
  if [ "$(cat "$installed")" != "$version" ]; then
    echo "$home was set up by another version of this script: sudo bash $0 install"
    exit 1
  fi
  echo "$home is set up by this version of the script"
}

main() {
  case ${1-} in
    install)
      be_root install
      install_home
      ;;
    remove)
      be_root remove
      remove_home
      ;;
    status)
      be_root status
      show_status
      ;;
    *)
      usage
      exit 2
      ;;
  esac
}

main "$@"
