#!/bin/sh
# Becomes systemd-nspawn for one machine; started anew for each boot.
# usage: start-machine.sh MACHINE HOSTNAME NAMESPACE LINK LOWER FOLDER CGROUP... -- OPTION...
#   LINK    the host's end of the machine's eth0; LOWER the shared root
#   FOLDER  has `upper`, `work` and `root`; CGROUP the machine's own, one for each hierarchy
#   OPTION  more of systemd-nspawn's own
set -eu
export LC_ALL=C

main() {
  machine=$1 hostname=$2 namespace=$3 link=$4 lower=$5 folder=$6
  shift 6
  if [ "${HOME_RELAY_LAB_STAGE:-}" != mounts ]; then
    while [ "$1" != -- ]; do
      echo $$ >"$1/cgroup.procs"
      shift
    done
    shift
    # Mounts of its own vanish with the machine, however it ends.
    export HOME_RELAY_LAB_STAGE=mounts
    exec unshare --mount --propagation slave "$0" "$machine" "$hostname" "$namespace" "$link" "$lower" "$folder" "$@"
  fi
  unset HOME_RELAY_LAB_STAGE
  mount -t overlay "lab-$machine" -o "lowerdir=$lower,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
  mkdir -p /run/systemd/nspawn
  mount -t tmpfs lab-nspawn /run/systemd/nspawn
  export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
  exec nsenter --net="/run/netns/$namespace" systemd-nspawn --quiet \
    --directory="$folder/root" --boot --machine="$machine" --hostname="$hostname" \
    --network-veth-extra="$link:eth0" --resolv-conf=off --link-journal=no \
    --register=no --keep-unit --console=read-only --bind=/dev/net/tun "$@"
}

main "$@"
