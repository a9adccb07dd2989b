#!/bin/sh
# A hook of mmdebstrap: fetches what the machines will install by themselves and makes it an apt repository.
# usage: fetch-packages.sh REPOSITORY PACKAGE...
set -eu
export LC_ALL=C

main() {
  repository=$1
  shift
  mkdir -p "$repository/partial"
  # The host's apt with mmdebstrap's configuration for the root: the root itself may have no resolver any more.
  # Without Recommends: those of wireguard-tools bring a kernel image where none is installed.
  APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get --yes --quiet --download-only --no-install-recommends \
    --option "Dir::Cache::archives=$repository" install "$@"
  cd "$repository"
  rm -rf partial lock
  dpkg-scanpackages --multiversion . >Packages
  gzip --keep --force Packages
}

main "$@"
