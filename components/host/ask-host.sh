# shellcheck shell=sh
# Read by `sh -s` on a host of which nothing is known, behind port-holder.sh: all that is asked before anything is changed
# there. Each question once; it changes nothing but apt's lists, and those only where packages are to come. For any sh: a
# host that is no Debian may have no bash.
#
# Arguments: MARK, then in any order
#   now=SECONDS           the operator's clock
#   firstBoot=yes         the host is new: the end of its first boot is waited for
#   port=NUMBER           a UDP port that has to be free, or our own already
#   plain=NAME            the home that can have a plain WireGuard configuration instead
#   package=COMMAND:NAME  a package that the host needs, and the command by which it shows that it has it
#
# What it prints are lines `MARK KIND TEXT`; whatever else arrives with them (a greeting of .bashrc) is noise. KIND:
#   problem, note         told to people; further lines of it are `more`
#   fact NAME TEXT        what only the stack can judge
#   end                   the last line: all was asked
# With `-` for MARK a person reads it, and its exit code is 1 where there is a problem.

# A program that a login file has put in the shell's place has no arguments, and does nothing of this.
[ -n "${1-}" ] || exit 64

export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
mark=$1
problems=0

main() {
  shift
  now='' first_boot='' port='' plain='' packages='' missing=''
  for word; do
    case $word in
      now=*) now=${word#now=} ;;
      firstBoot=yes) first_boot=yes ;;
      port=*) port=${word#port=} ;;
      plain=*) plain=${word#plain=} ;;
      package=*) packages="$packages ${word#package=}" ;;
    esac
  done
  # The noise before may have left its line open.
  if [ "$mark" != - ]; then echo; fi
  if [ -n "$now" ]; then ask_clock; fi
  if [ -n "$first_boot" ]; then wait_for_first_boot; fi
  for word in $packages; do
    command -v "${word%%:*}" >/dev/null || missing="$missing ${word#*:}"
  done
  container=$(name_container)
  if ask_system; then
    ask_init
    # What is asked below, only root can tell.
    if ask_privilege; then
      # A container may not be allowed a network of its own, in which a trial is seen by nobody and goes by itself.
      apart=''
      if unshare -n true 2>/dev/null; then apart='unshare -n'; fi
      ask_owner
      if ask_disk; then ask_packages; fi
      ask_wireguard
      ask_rules
      ask_settings
      if [ -n "$port" ]; then ask_port; fi
    fi
  fi
  if [ "$mark" != - ]; then
    echo "$mark end"
  elif [ "$problems" != 0 ]; then
    echo "Nothing was changed here. Mend that, then run this again."
    exit 1
  fi
}

problem() { # TEXT
  problems=$((problems + 1))
  tell problem "$1"
}

tell() { # KIND TEXT
  if [ "$mark" = - ]; then set -- '-' "$2"; else set -- "$mark $1" "$2"; fi
  printf '%s\n' "$2" | while IFS= read -r line; do
    printf '%s %s\n' "$1" "$line"
    if [ "$mark" = - ]; then set -- ' '; else set -- "$mark more"; fi
  done
}

# Only told: the two clocks alone do not tell which of them is wrong, and where apt minds, it says so itself.
ask_clock() {
  off=$(($(date +%s) - now))
  way="ahead of"
  if [ "$off" -lt 0 ]; then off=$((-off)) way=behind; fi
  [ "$off" -ge 300 ] || return 0
  tell note "its clock is $((off / 60)) minutes $way this machine's. Set the one that is wrong (timedatectl set-ntp true):
apt refuses what is not yet, or no longer, valid, and a clock that is set back keeps the tunnel from beginning for as long."
}

# What a first boot was to do and has not done is seen below, and done with the first step.
wait_for_first_boot() {
  command -v cloud-init >/dev/null || return 0
  code=0
  timeout 300 cloud-init status --wait >/dev/null 2>&1 || code=$?
  case $code in
    # 2: it ended with a warning from which it recovered.
    0 | 2) ;;
    124) tell note "its first boot has not ended in five minutes, and is not waited for any longer. See there: cloud-init status --long" ;;
    *) tell note "its first boot ended with an error, and what it has left undone is done now. More is told there by: cloud-init status --long" ;;
  esac
}

# Nothing for a machine of its own, and for Windows' Linux.
name_container() {
  kind=$(systemd-detect-virt --container 2>/dev/null || :) # none: exit code 1
  case $kind in
    none | wsl) ;;
    ?*) echo "$kind" ;;
    # There is no systemd to ask.
    *) if [ -e /.dockerenv ]; then echo docker; elif [ -e /run/.containerenv ]; then echo podman; fi ;;
  esac
}

# What to do with a machine that cannot be set up.
instead() {
  echo "Set up a virtual machine or a container with Debian on it instead."
  if [ -n "$plain" ]; then
    echo "Or use plain WireGuard: with install: manual for $plain, after pulumi up:  npm run -s home $plain wireguard"
  fi
}

ask_system() {
  release=/etc/os-release
  if [ ! -r "$release" ]; then release=/usr/lib/os-release; fi
  # shellcheck disable=SC1090 # the system's
  kinds=$(. "$release" 2>/dev/null && echo " $ID ${ID_LIKE-} ")
  case $kinds in
    *' debian '* | *' ubuntu '* | *' raspbian '*) ;;
    *)
      # shellcheck disable=SC1090 # the system's
      found=$(. "$release" 2>/dev/null && echo "${PRETTY_NAME-$ID}")
      problem "It is no Debian and nothing made from it; found ${found:-no /etc/os-release}.
home-relay sets up Debian, Ubuntu and Raspberry Pi OS.
$(instead)"
      return 1
      ;;
  esac
  case $(findmnt -no OPTIONS -T /usr/local/lib 2>/dev/null),$(findmnt -no OPTIONS -T /etc 2>/dev/null), in
    *,ro,* | ro,*)
      problem "/usr or /etc is read-only there: nothing can be installed. Is it an appliance that is replaced as a whole at each
update, such as TrueNAS SCALE? $(instead)
Did the kernel make the disk read-only after an error? Then this tells more:  dmesg | grep -i 'remount'"
      return 1
      ;;
  esac
  if ! is_kept; then
    problem "What is written to its disk is lost at the next start: its root is in memory ($root).
Is that a live system? Then install it. Is it the overlay of Raspberry Pi OS? Then switch it off and restart:
  raspi-config nonint disable_overlayfs && reboot"
    return 1
  fi
  if ! apt-get --version 2>/dev/null | grep -q '^apt '; then
    problem "It has no apt-get, or one that installs nothing, as on an appliance.
$(instead)"
    return 1
  fi
}

# A container's root may be an overlay, and lasts as long as the container.
is_kept() {
  root=$(findmnt -no FSTYPE / 2>/dev/null | tail -n 1)
  case $root in
    tmpfs | ramfs | squashfs) return 1 ;;
    overlay) ;;
    *) return 0 ;;
  esac
  if [ -n "$container" ]; then return 0; fi
  upper=$(findmnt -no OPTIONS / | tail -n 1 | sed -n 's/.*upperdir=\([^,]*\).*/\1/p')
  case $(stat -f -c %T "$upper" 2>/dev/null || echo gone) in
    gone | tmpfs | ramfs) return 1 ;;
  esac
}

ask_init() {
  [ -d /run/systemd/system ] && return
  first=$(cat /proc/1/comm 2>/dev/null || echo unknown)
  if [ -n "$container" ]; then
    problem "It is a container ($container) that runs $first instead of systemd, which starts the tunnel and the rules.
Take one that boots as a machine does (LXC, systemd-nspawn), or a virtual machine."
  else
    problem "It runs $first instead of systemd, which starts the tunnel and the rules. On Debian this installs it:
  apt-get install systemd-sysv && reboot"
  fi
}

ask_privilege() {
  [ "$(id -u)" = 0 ] && return
  user=$(id -un)
  if ! command -v sudo >/dev/null; then
    problem "There is no sudo for $user to become root with. Install it there (apt-get install sudo), or log in as root."
    return 1
  fi
  said=$(sudo -n env true 2>&1 </dev/null | tail -n 1)
  case $said in
    *tty*)
      problem "Its sudo wants a terminal (requiretty), and a program has none. Allow $user to do without, there:
  echo 'Defaults:$user !requiretty' | sudo tee -a /etc/sudoers.d/home-relay"
      ;;
    *)
      problem "sudo does not let $user become root without a question: ${said:-it gave no reason}
Allow it, there:
  echo '$user ALL=(ALL) NOPASSWD: ALL' | sudo tee -a /etc/sudoers.d/home-relay"
      ;;
  esac
  return 1
}

ask_owner() {
  [ -r /etc/homerelay/owner ] || return 0
  if [ "$mark" != - ]; then sed "s/^/$mark fact owner /" /etc/homerelay/owner; fi
}

# Less would be used up by our own files, or by apt's lists.
ask_disk() {
  needed=20
  if [ -n "$missing" ]; then needed=150; fi
  full=$(
    df -Pk /etc /usr/local /var/lib /var/cache 2>/dev/null | sed 1d | while read -r _ _ _ left _ at; do
      if [ "$((left / 1024))" -lt "$needed" ]; then echo "$at has $((left / 1024)) MB left, and $needed MB are needed"; fi
    done | sort -u
    df -Pi /etc /usr/local /var/lib /var/cache 2>/dev/null | sed 1d | while read -r _ all _ left _ at; do
      # Some file systems do not count them.
      if [ "$all" != 0 ] && [ "$all" != - ] && [ "$left" -lt 500 ]; then echo "$at can take $left more files, and 500 are needed"; fi
    done | sort -u
  )
  [ -n "$full" ] || return 0
  problem "Its disk is full: $full.
See what fills it (du -xh / | sort -h | tail), or make room with:  apt-get clean; journalctl --vacuum-size=50M"
  return 1
}

ask_packages() {
  [ -n "$missing" ] || return 0
  export DEBIAN_FRONTEND=noninteractive
  # Somebody at work there, such as unattended upgrades, is waited for by the first step.
  if is_at_work; then return; fi
  for update in /var/lib/dpkg/updates/[0-9]*; do
    [ -e "$update" ] || break
    problem "An installation was interrupted there, and apt installs nothing more until it is ended:  dpkg --configure -a"
    return
  done
  said=$(can_install) && return
  # Its lists may be old, or not there at all, as on many a new server.
  updated=$(timeout 180 apt-get -qq update 2>&1)
  case $updated in *'lists/lock'*) return ;; esac
  said=$(can_install) && return
  problem "It needs packages that apt cannot install there:$missing. apt says:
$(shorten "$said")${updated:+
and before that, of its sources of packages:
$(shorten "$updated")}
Try it there, and mend what it names:  apt-get update && apt-get install$missing"
}

can_install() {
  # shellcheck disable=SC2086 # words
  timeout 120 apt-get -qq -s install --no-install-recommends $missing 2>&1
}

# Whether somebody holds a lock of dpkg or apt.
is_at_work() {
  for lock in $(stat -c %i /var/lib/dpkg/lock /var/lib/dpkg/lock-frontend /var/lib/apt/lists/lock 2>/dev/null); do
    if grep -q ":$lock [0-9]* EOF" /proc/locks 2>/dev/null; then return 0; fi
  done
  return 1
}

# A program's own words, without what is no complaint.
shorten() { # TEXT
  {
    printf '%s\n' "$1" | grep -E '^(E|W|Err|dpkg)[: ]' || printf '%s\n' "$1" # all of it, where it complains in other words
  } | head -n 6 | sed 's/^/  /'
}

# By a trial: whether it is a module, built in, or the business of a container's host.
ask_wireguard() {
  if command -v ip >/dev/null; then
    if said=$($apart ip link add dev hrtrial type wireguard 2>&1); then
      if [ -z "$apart" ]; then ip link del dev hrtrial; fi
      return
    fi
    case $said in
      # A run that was cut off has left it.
      *'File exists'*) ip link del dev hrtrial && return ;;
    esac
  else
    said=$(modprobe -n -q wireguard 2>&1) && return
  fi
  # wg-quick falls back on it.
  if command -v wireguard-go >/dev/null && [ -e /dev/net/tun ]; then return; fi
  case $said in
    *'not permitted'*)
      problem "It may make no network interface, and so no tunnel: it is a container${container:+ ($container)} without that right.
Give it CAP_NET_ADMIN where it is started, or take a virtual machine."
      ;;
    *)
      problem "Its kernel ($(uname -r)) has no WireGuard: $(mend_kernel wireguard)"
      ;;
  esac
}

# Ends the sentence of a problem with why that is so, and what to do.
mend_kernel() { # MODULE…
  upgrade="apt-get install linux-image-$(dpkg --print-architecture)"
  # Ubuntu's is of the kind that runs: generic, raspi, aws, …
  case $kinds in *' ubuntu '*) upgrade="apt-get install linux-image-$(uname -r | sed 's/.*-//')" ;; esac
  # Raspberry Pi OS has kernels of its own.
  if [ -e /etc/rpi-issue ]; then upgrade="apt-get update && apt-get full-upgrade"; fi
  if [ "$container" = openvz ]; then
    echo "an OpenVZ container has an old one.
Take a virtual machine (KVM). If TUN can be switched on for this one, WireGuard also runs as a program:
  apt-get install wireguard-go"
  elif [ -n "$container" ]; then
    echo "a container ($container) has that of the machine on which it runs.
There, as root, now and for each start of that machine:
  echo $* | xargs -n 1 | tee /etc/modules-load.d/home-relay.conf | xargs modprobe -a"
  elif [ -d "/lib/modules/$(uname -r)" ]; then
    echo "it was built without.
Take the one that the system brings (5.10 or later has it), and restart:
  $upgrade && reboot"
  elif [ -n "$(ls /lib/modules 2>/dev/null)" ]; then
    echo "it was upgraded and not restarted since, and the modules of
the one that still runs are gone:
  reboot"
  else
    echo "it has no modules at all.
Is it the provider's? Then choose the system's own where you rent the machine, install it, and restart:
  $upgrade && reboot"
  fi
}

# What our rules are made of, with the module of each: a kernel may lack one of them. What is no module of its own is
# part of nf_tables.
needed_rules() {
  cat <<'RULES'
nft_fib_inet filter fib saddr type local fib saddr . mark oifname "lo" accept
nft_ct filter ct state new ct mark set 0x1 ct original zone set 1 accept
nft_socket filter socket transparent 0 accept
nft_limit filter limit rate 5/second counter accept
nft_reject_inet filter meta l4proto tcp reject with tcp reset
nf_tables forward tcp flags syn tcp option maxseg size set rt mtu
nf_tables filter update @trial { ip saddr limit rate over 5/second } accept
nft_nat nat meta l4proto { tcp, udp } dnat ip addr . port to meta l4proto . th dport map @trials
nft_masq source meta l4proto udp masquerade to :1024
RULES
}

ask_rules() {
  if command -v nft >/dev/null; then
    said=$(needed_rules | try_rules) && return
    case $said in
      *'not permitted'*)
        problem "It may load no nftables rules: it is a container${container:+ ($container)} without that right.
Give it CAP_NET_ADMIN where it is started, or take a virtual machine."
        return
        ;;
      *'Could not process'*) ;;
      # nft itself minds, and not the kernel: before our rules are loaded, it is asked for them themselves.
      *) return ;;
    esac
    lacking=$(needed_rules | while read -r module chain rule; do
      echo "$module $chain $rule" | try_rules >/dev/null || echo "$module"
    done | sort -u)
  elif [ -d "/lib/modules/$(uname -r)" ] && command -v modprobe >/dev/null; then
    lacking=$(needed_rules | while read -r module _; do modprobe -n -q "$module" || echo "$module"; done | sort -u)
  else
    # Nobody knows before there is an nft.
    return
  fi
  [ -n "$lacking" ] || return 0
  # shellcheck disable=SC2086 # words
  set -- $lacking
  problem "Its kernel ($(uname -r)) lacks what our nftables rules need ($*): $(mend_kernel "$@")"
}

# Loads rules of the form above where nobody is filtered by them, or asks the kernel what it would say.
try_rules() {
  {
    echo 'table inet hrtrial {
      set trial { type ipv4_addr; flags dynamic,timeout; timeout 1m; size 16; }
      map trials { type inet_proto . inet_service : ipv4_addr . inet_service; }
      chain route { type route hook output priority mangle; meta mark set 0x1; }
      chain filter { type filter hook prerouting priority mangle; }
      chain forward { type filter hook forward priority filter; }
      chain nat { type nat hook prerouting priority dstnat; }
      chain input { type nat hook input priority 100; }
      chain source { type nat hook postrouting priority srcnat; }
    }'
    while read -r _ chain rule; do echo "add rule inet hrtrial $chain $rule"; done
  } | if [ -n "$apart" ]; then $apart nft -f - 2>&1; else nft -c -f - 2>&1; fi
}

ask_settings() {
  [ ! -w /proc/sys/net/ipv4/conf/all/rp_filter ] || return 0
  problem "The network settings of its kernel (/proc/sys/net) are read-only there${container:+, since it is a container ($container)}.
Start it so that it may set those of its own network, or take a virtual machine."
}

ask_port() {
  held=$(port_holder "$port" homerelay)
  [ -n "$held" ] || return 0
  problem "UDP port $port, where WireGuard is to listen, is taken: $held has it.
Take another one for the tunnel in the stack file:
  home-relay:tunnel: { listenPort: $(if [ "$port" = 51820 ]; then echo 51821; else echo 51820; fi) }
or end what has it there, such as:  $(end_holder "$held")"
}

end_holder() { # HOLDER
  case $1 in
    'the WireGuard interface '*) echo "systemctl disable --now wg-quick@${1##* }" ;;
    'the docker container '* | 'the podman container '*)
      set -- "${1#the }"
      echo "${1%% *} stop ${1##* }"
      ;;
    'something in the kernel'*) echo "ip link show type wireguard  names those interfaces; then systemctl disable --now wg-quick@NAME" ;;
    *) echo "systemctl status $(printf '%s' "$1" | sed -n 's/.*(process \([0-9]*\))$/\1/p')  names the service; then systemctl disable --now NAME" ;;
  esac
}

main "$@" </dev/null
exit
