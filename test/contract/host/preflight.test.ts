/** What a host is asked before anything is changed there: ask-host.sh itself, by each `sh` that a host may have. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import { renderGuard } from "../../../components/home/guard.ts";
import { admittedDevices } from "../../../components/home/deviceRules.ts";
import { askingCommand, parseAnswers } from "../../../components/host/preflight.ts";
import type { HostAnswers, HostNeeds } from "../../../components/host/preflight.ts";
import { askParts } from "../../../components/host/scriptParts.ts";
import { parseForward } from "../../../components/network/forward.ts";
import { devices } from "../../unit/generators/devices.ts";
import { nas, optioned, optionedForwards, relay } from "../../unit/generators/examples.ts";
import { BareHost } from "./bareHost.ts";
import type { Ended } from "./bareHost.ts";

const script = askParts
  .map((part) => readFileSync(join(__dirname, "../../../components", part), "utf8"))
  .join("");
const mark = "mark-0123";

let host: BareHost;
/** An ordinary Debian machine. */
beforeEach(() => {
  host = new BareHost();
  chmodSync(host.root, 0o755);
  host.write("/etc/os-release", 'ID=debian\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n');
  host.write("/etc/passwd", "root:x:0:0::/root:/bin/bash\nops:x:1000:1000::/home/ops:/bin/bash\n");
  for (const folder of ["run/systemd/system", "var/lib/dpkg/updates", "var/cache", "lib-modules"])
    mkdirSync(join(host.root, folder), { recursive: true });
  host.stub("apt-get", `case $* in --version) echo "apt 3.0.3 (amd64)" ;; esac`);
  host.stub("systemd-detect-virt", "echo none; exit 1");
  host.stub("uname", "echo 6.12.1-amd64");
  host.stub("dpkg", "echo amd64");
  host.stub("ip");
});
afterEach(() => host.remove());

interface Question extends Partial<HostNeeds> {
  readonly shell?: string;
  readonly now?: number;
  readonly isFirstBoot?: boolean;
  /** Runs before, in the same machine. */
  readonly before?: string;
  /** @default root */
  readonly user?: "ops";
}

function run({ shell = "dash", before = "", user, ...rest }: Question, by = mark): Ended {
  const { packages = [], listenPort, plainWireguard, ...asking } = rest;
  const command = askingCommand({ packages, listenPort, plainWireguard }, { mark: by, ...asking });
  const asked = command.replace(/^sh /, `${user === undefined ? "" : "setpriv --reuid 1000 "}${shell} `);
  return host.run(["bash", "-c", `${before}\n${asked}`], script);
}

function ask(question: Question = {}): HostAnswers {
  const { said } = run(question);
  const answers = parseAnswers(said, mark);
  if (answers === undefined) throw new Error(`no answers: ${said}`);
  return answers;
}

/** It has no such program: a file that nobody may run lies over each. */
function lack(program: string): string {
  host.write("/no-program", "");
  return `for file in /usr/bin/${program} /usr/sbin/${program}; do [ ! -e $file ] || mount --bind /no-program $file; done`;
}

/** A folder of modules of its own, of these kernels, with all else that /lib has. */
function modulesOf(...kernels: readonly string[]): void {
  rmSync(join(host.root, "lib"));
  for (const kernel of ["", ...kernels])
    mkdirSync(join(host.root, "lib/modules", kernel), { recursive: true });
  for (const name of readdirSync("/usr/lib"))
    if (name !== "modules") symlinkSync(`/usr/lib/${name}`, join(host.root, "lib", name));
}

const packages = ["bash:bash", "no-such-command:wireguard-tools"];
const cannotInstall = `case $* in
  --version) echo "apt 3.0.3 (amd64)" ;;
  *update*) echo "E: The repository 'https://enterprise.proxmox.com/debian/pve trixie Release' is not signed."; exit 100 ;;
  *) echo "Reading package lists..."; echo "E: Unable to locate package wireguard-tools"; exit 100 ;; esac`;

describe.each(["dash", "bash --posix", "bash"])("with %s", (shell) => {
  test("an ordinary machine has nothing to say, and nothing is changed there", () => {
    const before = host.files();
    const now = Math.floor(Date.now() / 1000);
    const needs = { packages: ["bash:bash", "nft:nftables"], listenPort: 51820, plainWireguard: "nas" };
    expect(ask({ shell, now, isFirstBoot: true, ...needs })).toEqual({ problems: [], notes: [], owner: [] });
    expect(host.files()).toEqual(before);
    expect(host.calls().filter((call) => / install|update/.test(call))).toEqual([]);
  });

  test("all that is wrong is told at once", () => {
    host.stub("ip", 'echo "Error: Unknown device type." >&2; exit 2');
    host.stub("apt-get", cannotInstall);
    rmSync(join(host.root, "run/systemd"), { recursive: true });
    host.stub("systemd-detect-virt", "echo lxc");
    const { problems, notes } = ask({
      shell,
      now: 1_000_000_000,
      packages,
      listenPort: 51820,
      before: `${lack("wireguard-go")}; ${hold("127.0.0.1", 51820)}`,
    });
    expect(problems.map((problem) => problem.split(/[:,.]/)[0])).toEqual([
      expect.stringMatching(/^It is a container \(lxc\) that runs \S+ instead of systemd$/),
      "It needs packages that apt cannot install there",
      "Its kernel (6",
      "UDP port 51820",
    ]);
    expect(notes).toEqual([expect.stringMatching(/^its clock is \d+ minutes ahead of this machine's\. /)]);
  });
});

test("a program that a login file has put in the shell's place does nothing of it", () => {
  expect(host.run(["bash", "-s"], script)).toEqual({ status: 64, said: "" });
});

describe("a machine that cannot be set up is refused with what to do instead", () => {
  const instead = `Set up a virtual machine or a container with Debian on it instead.
Or use plain WireGuard: with install: manual for nas, after pulumi up:  npm run -s home nas wireguard`;

  test("since it is no Debian", () => {
    host.write("/etc/os-release", 'ID=alpine\nPRETTY_NAME="Alpine Linux v3.22"\n');
    expect(ask({ plainWireguard: "nas" }).problems).toEqual([
      `It is no Debian and nothing made from it; found Alpine Linux v3.22.
home-relay sets up Debian, Ubuntu and Raspberry Pi OS.
${instead}`,
    ]);
    expect(ask().problems[0]).toMatch(/ with Debian on it instead\.$/);
  });

  test("since it says nowhere what it is", () => {
    rmSync(join(host.root, "etc/os-release"));
    expect(ask({ before: "mount --bind /dev/null /usr/lib/os-release" }).problems).toEqual([
      expect.stringContaining("found no /etc/os-release.\n"),
    ]);
  });

  test.each(["ID=ubuntu", 'ID=raspbian\nID_LIKE="debian"', 'ID=linuxmint\nID_LIKE="ubuntu debian"'])(
    "but not where it is made from one: %j",
    (release) => {
      host.write("/etc/os-release", `${release}\n`);
      expect(ask().problems).toEqual([]);
    },
  );

  test("since /usr is read-only", () => {
    const [problem, ...more] = ask({
      plainWireguard: "nas",
      before: "mount -o remount,bind,ro /usr/local/lib",
    }).problems;
    expect([problem, more]).toEqual([
      expect.stringContaining(
        "/usr or /etc is read-only there: nothing can be installed. Is it an appliance that is replaced as a whole at each",
      ),
      [],
    ]);
    expect(problem).toContain(instead);
  });

  test("since its apt is a stub", () => {
    host.stub("apt-get", 'echo "Package management tools are disabled on TrueNAS appliances." >&2; exit 1');
    expect(ask({ plainWireguard: "nas" }).problems).toEqual([
      `It has no apt-get, or one that installs nothing, as on an appliance.\n${instead}`,
    ]);
  });

  test("since what is written to its root is gone at the next start, and not where it stays", () => {
    const overlay = (upper: string) => `
      mkdir -p /lower /over ${upper}
      mount -t overlay -o lowerdir=/lower,upperdir=${upper}/up,workdir=${upper}/work overlay /over
      for folder in $(ls / | grep -v '^over$\\|^proc$'); do mkdir -p /over/$folder; mount --rbind /$folder /over/$folder; done
      mkdir -p /over/proc && mount --rbind /proc /over/proc
      cd /over && exec chroot . dash -s -- ${mark}`;
    const inMemory = `mkdir -p /memory && mount -t tmpfs none /memory && mkdir /memory/up /memory/work`;
    const lost = [
      `What is written to its disk is lost at the next start: its root is in memory (overlay).
Is that a live system? Then install it. Is it the overlay of Raspberry Pi OS? Then switch it off and restart:
  raspi-config nonint disable_overlayfs && reboot`,
    ];
    expect(ask({ before: `${inMemory}; ${overlay("/memory")}` }).problems).toEqual(lost);
    expect(ask({ before: `mkdir -p /disk/up /disk/work; ${overlay("/disk")}` }).problems).toEqual([]);
    host.stub("systemd-detect-virt", "echo docker");
    expect(ask({ before: `${inMemory}; ${overlay("/memory")}` }).problems).toEqual([]);
  });
});

describe("another init than systemd", () => {
  beforeEach(() => rmSync(join(host.root, "run/systemd"), { recursive: true }));

  test("in a container is its kind's matter", () => {
    host.stub("systemd-detect-virt", "echo docker");
    expect(ask().problems).toEqual([
      expect.stringMatching(
        /^It is a container \(docker\) that runs \S+ instead of systemd, .*\nTake one that boots as a machine does/,
      ),
    ]);
  });

  test("in one without systemd is told by what Docker leaves there", () => {
    host.stub("systemd-detect-virt", "exit 127");
    host.write("/.dockerenv", "");
    expect(ask().problems[0]).toMatch(/^It is a container \(docker\) that runs /);
  });

  test("on a machine is changed by a command", () => {
    expect(ask().problems).toEqual([
      expect.stringMatching(
        /^It runs \S+ instead of systemd, .*:\n {2}apt-get install systemd-sysv && reboot$/,
      ),
    ]);
  });
});

describe("a user who is not root", () => {
  const sudo = (body: string) => host.stub("sudo", body);

  test("has no sudo", () => {
    expect(ask({ user: "ops", before: lack("sudo") }).problems).toEqual([
      "There is no sudo for ops to become root with. Install it there (apt-get install sudo), or log in as root.",
    ]);
  });

  test("has one that asks", () => {
    sudo('echo "sudo: a password is required" >&2; exit 1');
    expect(ask({ user: "ops" }).problems).toEqual([
      `sudo does not let ops become root without a question: sudo: a password is required
Allow it, there:
  echo 'ops ALL=(ALL) NOPASSWD: ALL' | sudo tee -a /etc/sudoers.d/home-relay`,
    ]);
  });

  test("has one that wants a terminal", () => {
    sudo('echo "sudo: sorry, you must have a tty to run sudo" >&2; exit 1');
    expect(ask({ user: "ops" }).problems).toEqual([
      `Its sudo wants a terminal (requiretty), and a program has none. Allow ops to do without, there:
  echo 'Defaults:ops !requiretty' | sudo tee -a /etc/sudoers.d/home-relay`,
    ]);
  });
});

test("whose it is, is told as it stands there", () => {
  host.write("/etc/homerelay/owner", "id fedcba9876543210\nstack other/dev\nhost the relay\n");
  expect(ask().owner).toEqual(["id fedcba9876543210", "stack other/dev", "host the relay"]);
});

describe("packages that are missing", () => {
  test("are tried by apt without a change, and its lists are left alone where they are good", () => {
    expect(ask({ packages }).problems).toEqual([]);
    expect(host.calls().filter((call) => call.startsWith("apt-get -"))).toEqual([
      "apt-get --version",
      "apt-get -qq -s install --no-install-recommends wireguard-tools",
    ]);
  });

  test("are to be had once the lists are there", () => {
    host.stub(
      "apt-get",
      `case $* in --version) echo "apt 3.0.3" ;; *update*) >/lists ;; *) [ -e /lists ] || exit 100 ;; esac`,
    );
    expect(ask({ packages }).problems).toEqual([]);
  });

  test("and are not to be had, are told with all that apt says", () => {
    host.stub("apt-get", cannotInstall);
    expect(ask({ packages }).problems).toEqual([
      `It needs packages that apt cannot install there: wireguard-tools. apt says:
  E: Unable to locate package wireguard-tools
and before that, of its sources of packages:
  E: The repository 'https://enterprise.proxmox.com/debian/pve trixie Release' is not signed.
Try it there, and mend what it names:  apt-get update && apt-get install wireguard-tools`,
    ]);
  });

  test("wait for the end of an installation that was interrupted, unless one is at work", () => {
    host.write("/var/lib/dpkg/updates/0001", "");
    host.write("/var/lib/dpkg/lock", "");
    expect(ask({ packages }).problems).toEqual([
      "An installation was interrupted there, and apt installs nothing more until it is ended:  dpkg --configure -a",
    ]);
    const lock = `import fcntl, time; file = open("/var/lib/dpkg/lock", "w"); fcntl.lockf(file, fcntl.LOCK_EX); print(flush=True); time.sleep(20)`;
    const before = `exec 5< <(exec python3 -c '${lock}'); read -r <&5; trap "kill $!" EXIT`;
    expect(ask({ packages, before }).problems).toEqual([]);
    expect(ask({ packages: ["bash:bash"] }).problems).toEqual([]);
  });
});

describe("a disk", () => {
  test("that is full is named, with where, and apt is not asked", () => {
    host.stub(
      "df",
      `case $1 in
        -Pk) printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\\n/dev/sda1 999 9 3072 99%% /\\n/dev/sda2 9 9 99999999 9%% /var\\n' ;;
        *) printf 'Filesystem Inodes IUsed IFree IUse%% Mounted on\\n/dev/sda1 0 0 0 - /\\n/dev/sda2 9999 9990 9 99%% /var\\n' ;; esac`,
    );
    host.stub("apt-get", cannotInstall);
    expect(ask({ packages }).problems).toEqual([
      `Its disk is full: / has 3 MB left, and 150 MB are needed
/var can take 9 more files, and 500 are needed.
See what fills it (du -xh / | sort -h | tail), or make room with:  apt-get clean; journalctl --vacuum-size=50M`,
    ]);
  });
});

describe("a kernel without WireGuard", () => {
  beforeEach(() => host.stub("ip", 'echo "Error: Unknown device type." >&2; exit 2'));
  const without = () => lack("wireguard-go");

  test("is mended by a restart where its modules are gone", () => {
    modulesOf("6.12.2-amd64");
    expect(ask({ before: without() }).problems).toEqual([
      `Its kernel (6.12.1-amd64) has no WireGuard: it was upgraded and not restarted since, and the modules of
the one that still runs are gone:
  reboot`,
    ]);
  });

  test("is mended on the machine on which a container runs", () => {
    host.stub("systemd-detect-virt", "echo lxc");
    expect(ask({ before: without() }).problems).toEqual([
      `Its kernel (6.12.1-amd64) has no WireGuard: a container (lxc) has that of the machine on which it runs.
There, as root, now and for each start of that machine:
  echo wireguard | xargs -n 1 | tee /etc/modules-load.d/home-relay.conf | xargs modprobe -a`,
    ]);
  });

  test("is what OpenVZ has", () => {
    host.stub("systemd-detect-virt", "echo openvz");
    expect(ask({ before: without() }).problems).toEqual([
      expect.stringMatching(
        / has no WireGuard: an OpenVZ container has an old one\.\nTake a virtual machine \(KVM\)\./,
      ),
    ]);
  });

  test("is replaced by the system's own", () => {
    modulesOf("6.12.1-amd64");
    expect(ask({ before: without() }).problems).toEqual([
      expect.stringMatching(
        / has no WireGuard: it was built without\.\n.*\n {2}apt-get install linux-image-amd64 && reboot$/,
      ),
    ]);
  });

  test.each([
    ["Ubuntu", "/etc/os-release", "ID=ubuntu\n", "apt-get install linux-image-raspi"],
    [
      "Raspberry Pi OS",
      "/etc/rpi-issue",
      "Raspberry Pi reference\n",
      "apt-get update && apt-get full-upgrade",
    ],
  ])("is replaced by that of %s", (_, path, text, upgrade) => {
    host.write(path, text);
    host.stub("uname", "echo 6.8.0-1004-raspi");
    modulesOf();
    expect(ask({ before: without() }).problems).toEqual([
      expect.stringContaining(`\n  ${upgrade} && reboot`),
    ]);
  });

  test("will do where WireGuard is there as a program, and TUN with it", () => {
    mkdirSync(join(host.root, "dev/net"));
    host.write("/dev/net/tun", "");
    host.write("/tools/wireguard-go", "");
    const before = `${without()}; chmod 755 /tools/wireguard-go`;
    expect(ask({ before }).problems).toEqual([]);
  });

  test("and a container that may make no interface are told apart", () => {
    host.stub("ip", 'echo "RTNETLINK answers: Operation not permitted" >&2; exit 2');
    host.stub("unshare", "exit 1");
    host.stub("systemd-detect-virt", "echo docker");
    expect(ask({ before: without() }).problems).toEqual([
      `It may make no network interface, and so no tunnel: it is a container (docker) without that right.
Give it CAP_NET_ADMIN where it is started, or take a virtual machine.`,
    ]);
  });
});

test("where no network of its own is to be had, a trial leaves no interface behind", () => {
  host.stub("unshare", "exit 1");
  expect(ask().problems).toEqual([]);
  expect(host.calls().filter((call) => call.startsWith("ip "))).toEqual([
    "ip link add dev hrtrial type wireguard",
    "ip link del dev hrtrial",
  ]);
});

describe("our rules", () => {
  test("that a kernel does not take are named by its modules, with the mend", () => {
    modulesOf("6.12.1-amd64");
    host.stub(
      "nft",
      `rules=$(cat); case $rules in *fib*|*masquerade*) echo "Error: Could not process rule"; exit 1 ;; esac`,
    );
    expect(ask().problems).toEqual([
      expect.stringMatching(
        /^Its kernel \(6\.12\.1-amd64\) lacks what our nftables rules need \(nft_fib_inet nft_masq\): it was built without\./,
      ),
    ]);
  });

  test("that a container may not load are its right's matter, and those that nft itself does not read are nobody's", () => {
    host.stub("nft", 'echo "Error: Could not process rule: Operation not permitted"; exit 1');
    expect(ask().problems).toEqual([
      `It may load no nftables rules: it is a container without that right.
Give it CAP_NET_ADMIN where it is started, or take a virtual machine.`,
    ]);
    host.stub("nft", 'echo "Error: syntax error, unexpected saddr"; exit 1');
    expect(ask().problems).toEqual([]);
  });

  test("are looked for among the modules where there is no nft yet", () => {
    modulesOf("6.12.1-amd64");
    host.stub("modprobe", "case $* in *nft_nat) exit 1 ;; esac");
    expect(ask({ before: lack("nft") }).problems).toEqual([
      expect.stringContaining("lacks what our nftables rules need (nft_nat): it was built without."),
    ]);
  });

  test("are not missed where the kernel is Debian's: each module that is looked for is one of its", () => {
    // Of linux-image-6.1.0-50-cloud-amd64 and linux-image-6.12.100+deb12-cloud-amd64.
    const debians =
      "nf_tables|nft_chain_nat|nft_ct|nft_fib|nft_fib_inet|nft_fib_ipv4|nft_fib_ipv6|nft_hash|nft_limit|nft_log|nft_masq|nft_nat|nft_numgen|nft_quota|nft_redir|nft_reject|nft_reject_inet|nft_socket|nft_synproxy|nft_tproxy";
    modulesOf("6.12.1-amd64");
    host.stub("modprobe", `case \${!#} in ${debians}) ;; *) exit 1 ;; esac`);
    expect(ask({ before: lack("nft") }).problems).toEqual([]);
    expect(host.calls()).toContain("modprobe -n -q nft_masq");
  });

  test("have no expression of nftables that is not tried", () => {
    const kinds = (said: string) => new Set([...said.matchAll(/^ {2}\[ (\w+) /gm)].map(([, kind]) => kind));
    host.stub("nft", '/usr/sbin/nft --debug=netlink "$@" >>/calls');
    ask();
    const tried = kinds(host.calls().join("\n"));
    const forwards = [...optionedForwards, parseForward("53:5353/tcp+udp")];
    const rulesets = [
      renderRelayRuleset(optioned),
      renderRelayRuleset({ ...optioned, shared: true }),
      renderGuard({ home: nas, relay, forwards, devices: admittedDevices("nas", devices) }),
    ];
    for (const ruleset of rulesets) {
      const { status, said } = host.run(["/usr/sbin/nft", "--debug=netlink", "-c", "-f", "-"], ruleset);
      expect(status).toBe(0);
      // These are part of nf_tables itself.
      const own = [
        "bitwise",
        "byteorder",
        "cmp",
        "counter",
        "exthdr",
        "immediate",
        "lookup",
        "meta",
        "notrack",
        "payload",
        "range",
      ];
      expect([...kinds(said)].filter((kind) => !tried.has(kind) && !own.includes(kind ?? ""))).toEqual([]);
    }
    expect(tried.size).toBeGreaterThan(8);
  });
});

test("settings of the kernel's network that cannot be written are told", () => {
  host.stub("systemd-detect-virt", "echo docker");
  expect(
    ask({ before: "mount -o remount,bind,ro /proc || mount -t proc -o ro proc /proc" }).problems,
  ).toEqual([
    expect.stringMatching(
      /^The network settings of its kernel \(\/proc\/sys\/net\) are read-only there, since it is a container \(docker\)\.\n/,
    ),
  ]);
});

describe("the port at which WireGuard is to listen", () => {
  const mends = (port: number, mend: string) => `
Take another one for the tunnel in the stack file:
  home-relay:tunnel: { listenPort: ${port === 51820 ? 51821 : 51820} }
or end what has it there, such as:  ${mend}`;

  test.each(["0.0.0.0", "127.0.0.1", "::1"])("is taken by a program at %s, which is named", (address) => {
    const [problem] = ask({ listenPort: 53, before: hold(address, 53) }).problems;
    expect(problem).toMatch(
      /^UDP port 53, where WireGuard is to listen, is taken: python3?\S* \(process \d+\) has it\.\n/,
    );
    expect(problem).toMatch(/systemctl status \d+ {2}names the service; then systemctl disable --now NAME$/);
  });

  test("is taken by another WireGuard, which is named", () => {
    host.stub("wg", "printf 'wg0\\t51820\\n'");
    expect(ask({ listenPort: 51820, before: hold("0.0.0.0", 51820) }).problems).toEqual([
      `UDP port 51820, where WireGuard is to listen, is taken: the WireGuard interface wg0 has it.${mends(51820, "systemctl disable --now wg-quick@wg0")}`,
    ]);
  });

  test.each(["docker", "podman"])("is taken by a container of %s's, which is named", (engine) => {
    host.stub("docker");
    host.stub(engine, "echo wg-easy");
    expect(ask({ listenPort: 51820, before: hold("0.0.0.0", 51820) }).problems).toEqual([
      `UDP port 51820, where WireGuard is to listen, is taken: the ${engine} container wg-easy has it.${mends(51820, `${engine} stop wg-easy`)}`,
    ]);
  });

  test("is taken by the kernel for somebody, and how to find out is told", () => {
    host.stub("ss");
    const [problem] = ask({ listenPort: 51820, before: hold("0.0.0.0", 51820) }).problems;
    expect(problem).toContain(
      "is taken: something in the kernel, such as another WireGuard interface has it.",
    );
    expect(problem).toContain(mends(51820, "ip link show type wireguard  names those interfaces; "));
  });

  test("is our own already", () => {
    host.stub("wg", "printf 'wg0\\t51820\\nhomerelay\\t51820\\n'");
    expect(ask({ listenPort: 51820, before: hold("0.0.0.0", 51820) }).problems).toEqual([]);
  });

  test("was somebody's for a moment, or is a connection's own end", () => {
    expect(ask({ listenPort: 51820, before: hold("0.0.0.0", 51820, 0.5) }).problems).toEqual([]);
    const connected = hold("127.0.0.1", 51820).replace("print(", 's.connect(("127.0.0.1", 9)); print(');
    expect(ask({ listenPort: 51820, before: connected }).problems).toEqual([]);
  });
});

describe("a clock", () => {
  const now = () => Math.floor(Date.now() / 1000);
  test.each([
    [-3600, "60 minutes ahead"],
    [3600, "(59|60) minutes behind"],
  ])("that is %d s off is told, and no reason to stop", (off, words) => {
    const { problems, notes } = ask({ now: now() + off });
    expect([problems, notes]).toEqual([
      [],
      [expect.stringMatching(`^its clock is ${words} (of )?this machine's\\. `)],
    ]);
  });

  test("is not judged by a few minutes", () => {
    expect(ask({ now: now() - 200 }).notes).toEqual([]);
  });
});

describe("a first boot", () => {
  const ended = (code: number) => host.stub("cloud-init", `exit ${code}`);

  test("is waited for where the host is new, and nowhere else", () => {
    ended(0);
    expect(ask({ isFirstBoot: true }).notes).toEqual([]);
    expect(host.calls()).toContain("cloud-init status --wait");
    ask();
    expect(host.calls()).not.toContain("cloud-init status --wait");
  });

  test("that installs what is needed has done so when it is asked for", () => {
    host.stub(
      "cloud-init",
      "printf '#!/bin/sh\\n' >/tools/no-such-command; chmod 755 /tools/no-such-command",
    );
    host.stub("apt-get", cannotInstall);
    expect(ask({ isFirstBoot: true, packages }).problems).toEqual([]);
  });

  test.each([0, 2])("that ended with %d is no matter", (code) => {
    ended(code);
    expect(ask({ isFirstBoot: true })).toEqual({ problems: [], notes: [], owner: [] });
  });

  test("that ended with an error is told, and no reason to stop", () => {
    ended(1);
    const { problems, notes } = ask({ isFirstBoot: true });
    expect([problems, notes]).toEqual([
      [],
      [
        "its first boot ended with an error, and what it has left undone is done now. More is told there by: cloud-init status --long",
      ],
    ]);
  });
});

describe("by hand", () => {
  test("nothing is said of an ordinary machine", () => {
    expect(run({ plainWireguard: "nas" }, "-")).toEqual({ status: 0, said: "" });
  });

  test("the same problems are told to whoever runs it, and end it", () => {
    host.write("/etc/os-release", 'ID=alpine\nPRETTY_NAME="Alpine Linux v3.22"\n');
    expect(run({ plainWireguard: "nas" }, "-")).toEqual({
      status: 1,
      said: `- It is no Debian and nothing made from it; found Alpine Linux v3.22.
  home-relay sets up Debian, Ubuntu and Raspberry Pi OS.
  Set up a virtual machine or a container with Debian on it instead.
  Or use plain WireGuard: with install: manual for nas, after pulumi up:  npm run -s home nas wireguard
Nothing was changed here. Mend that, then run this again.
`,
    });
  });
});

/** A program that has a UDP port, for some seconds. */
function hold(address: string, port: number, seconds = 30): string {
  const family = address.includes(":") ? "AF_INET6" : "AF_INET";
  const program = `import socket, time; s = socket.socket(socket.${family}, socket.SOCK_DGRAM); s.bind(("${address}", ${port})); print(flush=True); time.sleep(${seconds})`;
  return `/usr/sbin/ip link set dev lo up; exec 5< <(exec python3 -c '${program}'); read -r <&5; trap "kill $!" EXIT`;
}
