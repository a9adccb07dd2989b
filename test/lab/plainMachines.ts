import { chmod, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { addresses, bridges, namespaces, registrarPort } from "./addresses.ts";
import { announceServer } from "./dataCentre.ts";
import type { MachineFile, MachineSpec } from "./machines.ts";
import { paths } from "./paths.ts";
import { cachedRoot } from "./root.ts";
import type { Suite } from "./root.ts";
import { must } from "./shell.ts";

/** Machines that somebody installed by hand, and that no cloud knows: they are there when the lab wants them. */
export type PlainMachine = "home" | "attic" | "vps";

/** How a home's machine differs from the usual one. */
export interface HomeMachine {
  /** @default trixie */
  readonly suite?: Suite;
  /** `native`: an address of the LAN's /64; `off`: its owner wants none at all. @default link-local only */
  readonly ipv6?: "native" | "off";
  /** A public IPv4 address on its card. @default false */
  readonly publicCard?: boolean;
}

/** Those that a check may add to a lab that is up; `home` is always there. */
export const addableMachines = ["attic", "vps"] as const satisfies readonly PlainMachine[];

/** What runc asks of the kernel for each container: a session keyring, and a BPF program that guards the devices. */
export const callsOfContainers = ["add_key", "keyctl", "bpf"] as const;

/** Where the home sees this repository, and the engines of the cache. */
export const readableAtHome = { repository: "/opt/lab/home-relay", engine: "/opt/lab/engine" } as const;

const people = join(import.meta.dirname, "people");

/** Makes the key with which the operator may log in everywhere. */
export async function makeOperatorKey(): Promise<void> {
  await makeKey(paths.operatorKey, "operator");
}

/**
 * A plain Debian with an SSH login for the operator; what it knows of us comes by the program under test. `home` alone
 * differs by more than its suite.
 */
export async function plainMachine(
  name: PlainMachine,
  { suite = "trixie", ipv6, publicCard = false }: HomeMachine = {},
): Promise<MachineSpec> {
  const { directory: root } = await cachedRoot(suite);
  const files = await ownFiles(name);
  switch (name) {
    case "home":
      return {
        ...inLan(name, "nas"),
        root,
        // Its owner may run the program there.
        readable: [
          { from: join(import.meta.dirname, "../.."), at: readableAtHome.repository },
          { from: await engineCache(), at: readableAtHome.engine },
        ],
        files: [
          ...files,
          ...(await homeFiles("nas", "home", {
            addresses: [
              ...(publicCard ? [`${addresses.homePublic}/25`] : []),
              `${addresses.home}/24`,
              ...(ipv6 === "native" ? [`${addresses.home6}/64`] : []),
            ],
            // The network's own service would else give the card a link-local address all the same.
            ...(ipv6 === "off" ? { "link-local": [] } : {}),
            routes: [
              { to: "0.0.0.0/0", via: publicCard ? addresses.publicGateway : addresses.homeRouter },
              ...(ipv6 === "native" ? [{ to: "::/0", via: addresses.homeRouter6 }] : []),
            ],
          })),
          ...(ipv6 === "off" ? [withoutIpv6] : []),
        ],
      };
    case "attic":
      return {
        ...inLan(name, "attic"),
        root,
        files: [
          ...files,
          ...(await homeFiles("attic", "the attic", {
            addresses: [`${addresses.attic}/24`],
            routes: [{ to: "0.0.0.0/0", via: addresses.homeRouter }],
          })),
        ],
      };
    case "vps":
      return {
        name,
        hostname: "vps",
        root,
        namespace: namespaces.internet,
        bridge: bridges.dataCentre,
        link: "vb-vps",
        files: [...files, ...(await vpsFiles())],
        onStart: (init) => announceServer({ ipv4: addresses.vps, ipv6: `${addresses.vps6}/64` }, init),
      };
  }
}

const inLan = (name: PlainMachine, hostname: string) => ({
  name,
  hostname,
  namespace: namespaces.router,
  bridge: bridges.lan,
  link: `vb-${name}`,
});

/** Its host key, and the operator's way in. */
async function ownFiles(name: PlainMachine): Promise<MachineFile[]> {
  const key = join(paths.run, `${name}-host-key`);
  await rm(key, { force: true });
  await rm(`${key}.pub`, { force: true });
  await makeKey(key, name);
  const files = [
    { path: "/etc/ssh/ssh_host_ed25519_key", content: await readFile(key), mode: 0o600 },
    { path: "/etc/ssh/ssh_host_ed25519_key.pub", content: await readFile(paths.hostKeyOf(name)) },
    {
      path: "/root/.ssh/authorized_keys",
      content: await readFile(`${paths.operatorKey}.pub`),
      mode: 0o600,
    },
    { path: "/etc/cloud/cloud-init.disabled", content: "" },
  ];
  await rm(key);
  return files;
}

/** The folder of all engines, which may be built only after the home. */
async function engineCache(): Promise<string> {
  const folder = join(paths.cache, "engine");
  await mkdir(folder, { recursive: true });
  return folder;
}

async function makeKey(file: string, comment: string): Promise<void> {
  await must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file]);
  await chmod(file, 0o600);
}

/** A web page and echo services, as a home has them. */
async function homeFiles(hostname: string, title: string, card: object): Promise<MachineFile[]> {
  return [
    ...named(hostname),
    netplan({ ...card, nameservers: { addresses: [addresses.resolver] } }),
    await person("page.py", "/opt/lab/page.py", 0o755),
    await person("echo.py", "/opt/lab/echo.py", 0o755),
    await person("make-certificate.sh", "/opt/lab/make-certificate.sh", 0o755),
    {
      path: "/etc/systemd/system/lab-page.service",
      content: (await readFile(join(people, "lab-page.service"), "utf8")).replace(
        "TITLE",
        `Hello from ${title}`,
      ),
    },
    await person("lab-echo.service", "/etc/systemd/system/lab-echo.service"),
    {
      path: "/etc/systemd/system/multi-user.target.d/lab.conf",
      content: "[Unit]\nWants=lab-page.service lab-echo.service\n",
    },
  ];
}

const withoutIpv6: MachineFile = {
  path: "/etc/sysctl.d/50-no-ipv6.conf",
  content: "net.ipv6.conf.all.disable_ipv6=1\n",
};

/** A server at some provider, with a page of its owner's on port 8000. */
async function vpsFiles(): Promise<MachineFile[]> {
  return [
    ...named("vps"),
    netplan({
      addresses: [`${addresses.vps}/32`, `${addresses.vps6}1/64`],
      "accept-ra": false,
      routes: [
        { to: "0.0.0.0/0", via: addresses.dataCentreGateway, "on-link": true },
        { to: "::/0", via: addresses.dataCentreGateway6 },
      ],
      nameservers: { addresses: [addresses.resolver] },
    }),
    await person("page.py", "/opt/lab/page.py", 0o755),
    await person("vps-page.service", "/etc/systemd/system/vps-page.service"),
    {
      path: "/etc/systemd/system/multi-user.target.d/lab.conf",
      content: "[Unit]\nWants=vps-page.service\n",
    },
  ];
}

const named = (hostname: string): MachineFile[] => [
  { path: "/etc/hostname", content: `${hostname}\n` },
  { path: "/etc/hosts", content: `127.0.0.1 localhost\n127.0.1.1 ${hostname}\n::1 localhost\n` },
];

function netplan(eth0: object): MachineFile {
  const content = JSON.stringify({ network: { version: 2, ethernets: { eth0 } } });
  return { path: "/etc/netplan/10-lab.yaml", content, mode: 0o600 };
}

async function person(file: string, path: string, mode = 0o644): Promise<MachineFile> {
  return { path, content: await readFile(join(people, file)), mode };
}

/** What answers where no machine is, by namespace. */
export const services: Readonly<Record<string, readonly (readonly string[])[]>> = {
  // A page, and an echo on its raw printing port.
  [namespaces.printer]: [
    ["python3", join(people, "page.py"), "Hello from the printer", "80"],
    ["python3", join(people, "echo.py"), "tcp:9100"],
  ],
  // Where telephones register, and whom a connection asks for its address.
  [namespaces.registrar]: [
    ["python3", join(people, "witness.py"), `udp:${registrarPort}`, `tcp:${registrarPort}`],
  ],
};
