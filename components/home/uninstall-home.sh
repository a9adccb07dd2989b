# shellcheck shell=bash
# Read by `bash -s` on a home, behind host/begin-uninstall.sh: takes away all that home-relay put there. Running it
# twice is fine.

main() {
  stop_units
  remove_tunnel
  remove_tables homerelay homerelay_proof
  give_back_kernel_settings
  remove_files
  say "nothing of home-relay is left here"
}

# On one line: what follows on stdin is not for the shell.
main "$@"; exit
