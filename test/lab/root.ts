import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import {
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { addresses } from "./addresses.ts";
import { paths } from "./paths.ts";
import { run } from "./shell.ts";

/** Debian 13 and Debian 12. */
export type Suite = "trixie" | "bookworm";

/** A Debian system, shared read-only by all machines of its suite, and the packages they may add. */
export interface Root {
  readonly directory: string;
  readonly packages: string;
}

/** As a Hetzner image: cloud-init and sshd are there, nftables and wireguard-tools are not. */
const included = [
  "systemd",
  "systemd-sysv",
  "systemd-resolved",
  "dbus",
  "udev",
  "openssh-server",
  "cloud-init",
  // Without netcat cloud-init's single-process units fail; without netplan it renders no network.
  "netcat-openbsd",
  "netplan.io",
  "iproute2",
  "iputils-ping",
  "ca-certificates",
  "procps",
  "locales",
  "curl",
  // The kernel may lack WireGuard; wg-quick falls back to this by itself.
  "wireguard-go",
];

const installable = (suite: Suite): readonly string[] => [
  "nftables",
  "wireguard-tools",
  "conntrack",
  "curl",
  "unattended-upgrades",
  "qrencode",
  "sudo",
  "ufw",
  "iptables",
  "tcpdump",
  "fish",
  // 66 MB with what they depend on, so for one suite alone.
  ...(suite === "trixie" ? ["docker.io", "docker-cli"] : []),
];

/** Files that make the plain Debian into the lab's image. */
const imageFiles = (suite: Suite): Readonly<Record<string, string>> => ({
  "etc/apt/sources.list": `deb [trusted=yes] http://${addresses.packageMirror}/${suite} ./\n`,
  "etc/apt/apt.conf.d/80lab": 'Acquire::Languages "none";\n',
  "etc/cloud/cloud.cfg.d/90_lab.cfg":
    "disable_root: false\nusers: []\nlocale: C.UTF-8\ndatasource_list: [NoCloud]\n",
  "etc/hostname": "localhost\n",
});

const fetchPackages = join(import.meta.dirname, "fetch-packages.sh");

/** The cached root of a suite; throws when it has not been built. */
export async function cachedRoot(suite: Suite): Promise<Root> {
  const root = rootAt(await cacheDirectory(suite));
  if (!existsSync(root.directory)) {
    throw new Error(`No root for ${suite} is built yet: run \`npm run lab -- root ${suite}\` once.`);
  }
  return root;
}

/** The root of a suite, built at the first call (about half a minute, from the host's own Debian mirror). */
export async function provideRoot(suite: Suite, detail: (line: string) => void): Promise<Root> {
  const directory = await cacheDirectory(suite);
  if (!existsSync(directory)) await build(suite, directory, detail);
  const now = new Date();
  await utimes(directory, now, now);
  return rootAt(directory);
}

const rootAt = (directory: string): Root => ({
  directory: join(directory, "root"),
  packages: join(directory, "packages"),
});

/** Named after everything that the content comes from: another recipe is another root. */
async function cacheDirectory(suite: Suite): Promise<string> {
  const recipe = [
    suite,
    included,
    installable(suite),
    imageFiles(suite),
    await readFile(fetchPackages, "utf8"),
  ];
  const hash = createHash("sha256").update(JSON.stringify(recipe)).digest("hex").slice(0, 12);
  return join(paths.cache, "roots", `${suite}-${hash}`);
}

async function build(suite: Suite, directory: string, detail: (line: string) => void): Promise<void> {
  await mkdir(dirname(directory), { recursive: true });
  const work = await mkdtemp(`${directory}.tmp-`);
  try {
    const root = rootAt(work);
    const hook = [`'${fetchPackages}'`, `'${root.packages}'`, ...installable(suite)].join(" ");
    const { code, stderr } = await run(
      [
        // In a mount namespace of its own: what it mounts in the root ends with it, even when it is killed.
        ...["unshare", "--mount", "--propagation", "slave"],
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        "--format=directory",
        `--include=${included.join(",")}`,
        '--aptopt=Acquire::Languages "none"',
        `--customize-hook=${hook}`,
        suite,
        root.directory,
        ...(await hostMirrors(suite)),
      ],
      { timeoutMs: 900_000, onLine: detail },
    );
    if (code !== 0) {
      const end = stderr.trimEnd().split("\n").slice(-15).join("\n");
      throw new Error(`mmdebstrap made no Debian ${suite} (exit ${code}); its last words:\n${end}`);
    }
    await finish(suite, root.directory);
    await rename(work, directory);
    await removeUnused(directory);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** mmdebstrap's mirror arguments: those of the host's own apt, or none, that is its default. */
async function hostMirrors(suite: Suite): Promise<string[]> {
  const format = ["--format", "$(REPO_URI) $(CODENAME) $(ORIGIN)", "Created-By: Packages"];
  const { stdout } = await run(["apt-get", "indextargets", ...format]);
  const rows = stdout.split("\n").map((line) => line.split(" "));
  const uriOf = (wanted: (codename: string) => boolean) =>
    rows.find(
      ([, codename, origin]) => origin === "Debian" && codename !== undefined && wanted(codename),
    )?.[0];
  const main = uriOf((codename) => !codename.includes("-"));
  if (main === undefined) return [];
  const security = uriOf((codename) => codename.endsWith("-security"));
  const line = (uri: string, name: string) =>
    `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${uri} ${name} main`;
  return [
    line(main, suite),
    line(main, `${suite}-updates`),
    ...(security === undefined ? [] : [line(security, `${suite}-security`)]),
  ];
}

async function finish(suite: Suite, root: string): Promise<void> {
  await rm(join(root, "etc/apt/sources.list.d"), { recursive: true, force: true });
  await rm(join(root, "etc/apt/apt.conf.d/99mmdebstrap"), { force: true });
  await mkdir(join(root, "etc/apt/sources.list.d"));
  // Each machine makes host keys of its own.
  const ssh = join(root, "etc/ssh");
  const hostKeys = (await readdir(ssh)).filter((name) => name.startsWith("ssh_host_"));
  await Promise.all(hostKeys.map((name) => rm(join(ssh, name))));
  await rm(join(root, "etc/resolv.conf"), { force: true });
  await symlink("../run/systemd/resolve/stub-resolv.conf", join(root, "etc/resolv.conf"));
  for (const [name, content] of Object.entries(imageFiles(suite))) {
    await writeFile(join(root, name), content);
  }
}

/** Another checkout may have another recipe: only what no lab has used for a week goes. */
async function removeUnused(current: string): Promise<void> {
  const weekAgo = Date.now() - 7 * 24 * 3_600_000;
  for (const name of await readdir(dirname(current))) {
    const path = join(dirname(current), name);
    const used = (await stat(path).catch(() => undefined))?.mtimeMs ?? Infinity;
    if (path !== current && used < weekAgo) await rm(path, { recursive: true, force: true });
  }
}
