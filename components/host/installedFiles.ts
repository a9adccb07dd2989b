/** What a host is to the stack. */
export type Role = "relay" | "home";

export interface InstalledFile {
  /** Below components/. */
  readonly source: string;
  /** On the host. */
  readonly path: string;
  /** Octal. */
  readonly mode: string;
}

/** Where our scripts lie on a host. */
export const libraryFolder = "/usr/local/lib/homerelay";

const units = "/etc/systemd/system";

const everywhere: readonly InstalledFile[] = [
  script("host/begin-step.sh"),
  script("host/store-keys.sh"),
  script("tunnel/families.sh"),
  script("tunnel/sync-interface.sh"),
  unit("firewall/homerelay-firewall.service"),
  {
    source: "firewall/nftables.conf",
    path: `${units}/nftables.service.d/homerelay.conf`,
    mode: "0644",
  },
  {
    source: "tunnel/wg-quick-homerelay.conf",
    path: `${units}/wg-quick@homerelay.service.d/homerelay.conf`,
    mode: "0644",
  },
];

/** Our scripts and units on a host of each role; a step names one of them and brings only its document. */
export const installedFiles: Readonly<Record<Role, readonly InstalledFile[]>> = {
  relay: [
    ...everywhere,
    script("firewall/apply-firewall.sh"),
    script("firewall/confirm-firewall.sh"),
    script("firewall/roll-back-firewall.sh"),
    script("firewall/name-services.sh"),
    script("firewall/name-firewalls.sh"),
    script("relay/harden-relay.sh"),
    script("firewall/open-way-back.sh"),
    unit("firewall/homerelay-wayback.service"),
    unit("firewall/homerelay-wayback.timer"),
    { source: "firewall/counters.nft", path: `${libraryFolder}/counters.nft`, mode: "0644" },
    {
      source: "firewall/relay.conf",
      path: `${units}/homerelay-firewall.service.d/relay.conf`,
      mode: "0644",
    },
    script("host/sync-sshd.sh"),
    script("relay/apply-sshd.sh"),
    script("tunnel/apply-tunnel.sh"),
    script("tunnel/remember-endpoints.sh"),
    script("tunnel/route-devices.sh"),
    unit("tunnel/homerelay-endpoints.service"),
    unit("tunnel/homerelay-endpoints.timer"),
    script("dyndns/store-dyndns-secret.sh"),
    script("dyndns/apply-dyndns.sh"),
    script("dyndns/update-dyndns.sh"),
    unit("dyndns/homerelay-dyndns.service"),
    unit("dyndns/homerelay-dyndns.timer"),
  ],
  home: [
    ...everywhere,
    script("host/restore-sysctls.sh"),
    script("home/apply-guard.sh"),
    script("home/join-relay.sh"),
    script("home/sync-routes.sh"),
    script("home/name-neighbours.sh"),
    script("reachability/prove-forwards.sh"),
  ],
};

function script(source: string): InstalledFile {
  return { source, path: `${libraryFolder}/${fileName(source)}`, mode: "0755" };
}

function unit(source: string): InstalledFile {
  return { source, path: `${units}/${fileName(source)}`, mode: "0644" };
}

function fileName(source: string): string {
  return source.slice(source.lastIndexOf("/") + 1);
}
