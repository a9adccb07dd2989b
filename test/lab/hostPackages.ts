import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { run, must } from "./shell.ts";

/** Debian packages that the lab and the contract tests use on the host. */
const packages = [
  "ca-certificates",
  "conntrack",
  "curl",
  "debian-archive-keyring",
  "dpkg-dev",
  "iproute2",
  "iputils-ping",
  "kmod",
  "mmdebstrap",
  "netcat-openbsd",
  "nftables",
  "openssh-client",
  "openssl",
  "procps",
  "python3",
  "shellcheck",
  "systemd-container",
  "wireguard-go",
  "wireguard-tools",
] as const;

/** Signs Debian 13: a keyring from before its release is there, but too old. */
const trixieKey = "/usr/share/keyrings/debian-archive-trixie-stable.gpg";

/** Installs what the lab needs; nothing on a prepared machine. */
export async function prepareHost(detail: (line: string) => void): Promise<void> {
  await providePackages(packages, detail);
  await provideTun();
  await provideWatches();
}

/** Installs those of the Debian packages that are not there. */
export async function providePackages(
  names: readonly string[],
  detail: (line: string) => void,
): Promise<void> {
  const missing = await missingPackages(names);
  if (missing.length === 0) return;
  detail(`apt-get install ${missing.join(" ")}`);
  await aptGet(["update"], detail);
  // Recommends are left out: those of wireguard-tools bring a kernel image where none is installed.
  await aptGet(["install", "--no-install-recommends", ...missing], detail);
}

/** Says in one sentence why no lab can be raised here. */
export function refuseUnfitHost(): void {
  if (process.platform !== "linux") {
    throw new Error(`The lab needs Linux with network namespaces; this is ${process.platform}.`);
  }
  if (process.getuid?.() !== 0) {
    throw new Error(
      "The lab needs root, for network namespaces and machines: run the same command with sudo.",
    );
  }
  if (!existsSync("/proc/thread-self/children")) {
    throw new Error(
      "The lab needs a kernel with CONFIG_PROC_CHILDREN, by which it finds its machines' processes.",
    );
  }
  if (!existsSync("/usr/bin/apt-get")) {
    throw new Error("The lab needs apt-get, that is Debian or a system made from it.");
  }
}

async function missingPackages(names: readonly string[]): Promise<string[]> {
  const { stdout } = await run(["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}\\n"]);
  const installed = new Set(
    stdout.split("\n").flatMap((line) => (line.startsWith("installed ") ? [line.slice(10)] : [])),
  );
  return names.filter(
    (name) => !installed.has(name) || (name === "debian-archive-keyring" && !existsSync(trixieKey)),
  );
}

function aptGet(args: readonly string[], detail: (line: string) => void): Promise<string> {
  return must(["apt-get", "--yes", "--quiet", "--option", "DPkg::Lock::Timeout=120", ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" },
    timeoutMs: 600_000,
    onLine: detail,
  });
}

/** Userspace WireGuard in the machines needs the host's TUN device. */
async function provideTun(): Promise<void> {
  if (existsSync("/dev/net/tun")) return;
  await run(["modprobe", "tun"]);
  if (existsSync("/dev/net/tun")) return;
  throw new Error("The lab needs /dev/net/tun: this kernel has no TUN driver.");
}

/** All labs together; a machine takes eight of them, and one without them boots with no network. */
const inotifyInstances = 1024;

/** Machines share one user with the host, and a kernel's own limit of 128 is enough for fifteen of them. */
async function provideWatches(): Promise<void> {
  const limit = Number(await readFile("/proc/sys/fs/inotify/max_user_instances", "utf8"));
  if (limit >= inotifyInstances) return;
  await must(["sysctl", "--quiet", "--write", `fs.inotify.max_user_instances=${inotifyInstances}`]);
}
