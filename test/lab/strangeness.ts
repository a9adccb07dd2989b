/**
 * What makes a machine another one than the lab's plain Debian, one named way an entry: as the systems, providers and
 * owners bring it that `like` names. To add one, add its entry; `checks/strangeMachines.test.ts` walks through all.
 */
import { addresses } from "./addresses.ts";
import { installPackages, shell } from "./people.ts";

/** The machines that can be made strange, and whom the operator comes to them as. */
export type StrangePlace = "home" | "vps";

/** Has a shell of his own choice and may become root by sudo; his machine has him before anything of ours. */
export const owner = "owner";

interface Strangeness {
  /** Where it is so, and what of that is imitated here. */
  readonly like: string;
  /** What it takes of Debian's. @default nothing */
  readonly packages?: readonly string[];
  /** For `sh`, as root of the machine. */
  readonly make: string;
  /** The same machine as before. */
  readonly undo: string;
}

export const strangeness = {
  fishShell: {
    like: "Raspberry Pi OS and others after `chsh -s /usr/bin/fish`: the real one, whose login says something first",
    packages: ["fish"],
    make: `chsh -s /usr/bin/fish ${owner}; install -d -o ${owner} /home/${owner}/.config/fish
      echo 'echo "Welcome to fish, "(hostname)' >/home/${owner}/.config/fish/config.fish`,
    undo: `chsh -s /bin/bash ${owner}; rm -rf /home/${owner}/.config /home/${owner}/.local`,
  },
  noisyBashrc: {
    like: "every .bashrc that greets before it looks whether anybody is there to read it",
    make: `cp -a /home/${owner}/.bashrc /home/${owner}/.kept; sed -i '1i printf "Welcome back\\n42 updates can be applied"' /home/${owner}/.bashrc`,
    undo: `mv /home/${owner}/.kept /home/${owner}/.bashrc`,
  },
  appArmor: {
    like: `Ubuntu 25.04 and later: what its AppArmor profile of wg-quick denies to it and whatever it starts, by mounts that
      they alone have. No program outside of the system's own folders; no kernel setting but src_valid_mark.
      https://gitlab.com/apparmor/apparmor/-/blob/master/profiles/apparmor.d/wg-quick`,
    packages: ["wireguard-tools"],
    make: String.raw`mv /usr/bin/wg-quick /usr/bin/wg-quick.confined
      cat >/usr/bin/wg-quick <<'WRAPPER'
#!/bin/sh
exec unshare --mount sh -ec '
  for folder in /usr/local /opt /root /home /etc /var; do mount --bind -o noexec $folder $folder; done
  mount --bind -o ro /proc/sys/net /proc/sys/net
  mark=/proc/sys/net/ipv4/conf/all/src_valid_mark
  mount --bind $mark $mark
  mount -o remount,bind,rw $mark
  exec /usr/bin/wg-quick.confined "$@"' sh "$@"
WRAPPER
      chmod 755 /usr/bin/wg-quick`,
    undo: "mv /usr/bin/wg-quick.confined /usr/bin/wg-quick",
  },
  brokenAptSource: {
    like: "Proxmox without a subscription, whose enterprise source refuses: the file as it brings it, at a server that has no such thing",
    make: `printf '%s\\n' 'Types: deb' 'URIs: http://${addresses.packageMirror}/debian/pve' 'Suites: trixie' \
      'Components: pve-enterprise' 'Trusted: yes' >/etc/apt/sources.list.d/pve-enterprise.sources`,
    undo: "rm /etc/apt/sources.list.d/pve-enterprise.sources",
  },
  laterSysctlFile: {
    like: "a file of the owner's that is read after ours (99-*.conf), with what hardening guides say",
    make: `printf '%s = %s\\n' net.ipv4.ip_forward 0 net.ipv6.conf.all.forwarding 0 net.ipv4.conf.all.rp_filter 1 \
      net.ipv4.conf.default.rp_filter 1 net.ipv4.conf.all.src_valid_mark 0 >/etc/sysctl.d/99-hardening.conf`,
    undo: "rm /etc/sysctl.d/99-hardening.conf",
  },
  limitSsh: {
    like: "`ufw limit ssh`: of many new connections of one address the sixth is refused, and each further try keeps it shut",
    packages: ["nftables"],
    make: `nft -f - <<'RULES'
table inet limited {
  set often { type ipv4_addr; flags dynamic, timeout; timeout 1m; }
  set shut { type ipv4_addr; flags dynamic, timeout; timeout 10s; }
  chain input {
    type filter hook input priority -10
    tcp dport != 22 accept
    ct state != new accept
    ip saddr @shut update @shut { ip saddr } reject
    update @often { ip saddr limit rate over 10/minute burst 5 packets } update @shut { ip saddr } reject
  }
}
RULES`,
    undo: "nft delete table inet limited",
  },
  rejectingFirewall: {
    like: "a firewall of the owner's (firewalld, ufw reject) before a port that is forwarded, which answers as a closed port does",
    make: "nft 'table inet owner { chain input { type filter hook input priority 10; tcp dport 8080 reject; }; }'",
    undo: "nft delete table inet owner",
  },
  pleaseLogin: {
    like: "Ubuntu's and other cloud images for root: what cloud-init puts before the key, word for word but for the wait",
    make: String.raw`cd /home/${owner}/.ssh; cp -a authorized_keys authorized_keys.kept
      cat >words <<'WORDS'
no-port-forwarding,command="echo 'Please login as the user \"ubuntu\" rather than the user \"${owner}\".';echo;exit 142"
WORDS
      paste -d ' ' words authorized_keys.kept >authorized_keys; rm words`,
    undo: `mv /home/${owner}/.ssh/authorized_keys.kept /home/${owner}/.ssh/authorized_keys`,
  },
  noLogin: {
    like: "an account of a service's, or one that the provider has locked: Debian's own nologin",
    make: `usermod -s /usr/sbin/nologin ${owner}`,
    undo: `usermod -s /bin/bash ${owner}`,
  },
  passwordExpired: {
    like: "a VPS as some providers hand it out: its password has to be changed at the first login, at a terminal",
    make: `cp -a /etc/shadow /etc/shadow.kept; chage -d 0 ${owner}`,
    undo: "mv /etc/shadow.kept /etc/shadow",
  },
  sudoAsks: {
    like: "every Debian and Ubuntu as installed: sudo wants the user's password",
    make: `echo '${owner} ALL=(ALL) ALL' >/etc/sudoers.d/owner`,
    undo: `echo '${owner} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/owner`,
  },
  requireTty: {
    like: "older RHEL habits in a sudoers file: sudo wants a terminal",
    make: `echo 'Defaults:${owner} requiretty' >/etc/sudoers.d/terminal`,
    undo: "rm /etc/sudoers.d/terminal",
  },
  readOnlyUsr: {
    like: "TrueNAS SCALE and other appliances: /usr cannot be written",
    make: "mount --bind /usr /usr && mount -o remount,bind,ro /usr",
    // Whatever was started meanwhile has files of it open.
    undo: "umount --lazy /usr",
  },
  diskFull: {
    like: "a small disk that logs have filled: 64 kB for what is installed by hand, and those are full",
    make: "mount -t tmpfs -o size=64k full /usr/local && dd if=/dev/zero of=/usr/local/log bs=64k count=2 2>/dev/null || :",
    undo: "umount --lazy /usr/local",
  },
  noWireguard: {
    like: "a Pi that was upgraded and not restarted, OpenVZ: the kernel's answer to `ip link add … type wireguard`, and no WireGuard in userspace",
    make: String.raw`mv /usr/bin/wireguard-go /usr/bin/wireguard-go.kept; mv /usr/bin/ip /usr/bin/ip.kept
      cat >/usr/bin/ip <<'WRAPPER'
#!/bin/sh
case "$*" in *'type wireguard'*) echo 'Error: Unknown device type.' >&2; exit 2 ;; esac
exec /usr/bin/ip.kept "$@"
WRAPPER
      chmod 755 /usr/bin/ip`,
    undo: "mv /usr/bin/ip.kept /usr/bin/ip; mv /usr/bin/wireguard-go.kept /usr/bin/wireguard-go",
  },
  noSystemd: {
    like: "Devuan, MX and containers with an init of their own: by what `systemctl` itself, and whoever asks, tells it",
    make: `mv /run/systemd/system /run/systemd/away; echo init >/run/init; mount --bind /run/init /proc/1/comm`,
    undo: "umount /proc/1/comm; mv /run/systemd/away /run/systemd/system",
  },
  dpkgInterrupted: {
    like: "a power cut, or a closed window, amid an upgrade: what dpkg leaves, and apt goes by",
    make: "touch /var/lib/dpkg/updates/0001",
    undo: "rm -f /var/lib/dpkg/updates/0001",
  },
  noPackages: {
    like: "a server whose sources are all gone, as of a release that has moved to the archive",
    make: `mv /etc/apt/sources.list /etc/apt/sources.kept; rm -rf /var/lib/apt/lists/*
      echo 'deb [trusted=yes] http://${addresses.packageMirror}/buster ./' >/etc/apt/sources.list`,
    undo: "mv /etc/apt/sources.kept /etc/apt/sources.list",
  },
  listenPortTaken: {
    like: "a VPS on which wg-easy or another tunnel already runs: a program that has WireGuard's own port",
    make: "systemd-run --quiet --unit=taken nc -lku 51820",
    undo: "systemctl stop taken",
  },
} as const satisfies Record<string, Strangeness>;

export type StrangenessName = keyof typeof strangeness;

/** The machine's owner, as whom the operator comes. */
export async function settleOwner(machine: StrangePlace): Promise<void> {
  await installPackages(machine, ["sudo"]);
  await shell(
    machine,
    `useradd --create-home --shell /bin/bash ${owner}
    install -d -m 0700 -o ${owner} -g ${owner} /home/${owner}/.ssh
    install -m 0600 -o ${owner} -g ${owner} /root/.ssh/authorized_keys /home/${owner}/.ssh/authorized_keys
    echo '${owner} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/owner`,
  );
}

/** Makes a machine strange in these ways, in their order. */
export async function makeStrange(machine: StrangePlace, names: readonly StrangenessName[]): Promise<void> {
  const entries = names.map((name): Strangeness => strangeness[name]);
  const packages = entries.flatMap((entry) => entry.packages ?? []);
  if (packages.length > 0) await installPackages(machine, packages);
  for (const { make } of entries) await shell(machine, make);
}

/** Takes these ways back, the last one first. */
export async function makeOrdinary(machine: StrangePlace, names: readonly StrangenessName[]): Promise<void> {
  for (const name of names.toReversed()) await shell(machine, strangeness[name].undo);
}
