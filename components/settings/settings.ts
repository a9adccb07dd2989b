import type { Forward } from "../network/forward.ts";
import type { Prefix } from "../network/prefix.ts";
import type { TunnelAddress } from "../network/addressPlan.ts";

/** What the user wrote, checked once. Nothing here can be wrong, so nobody checks again. */
export interface Settings {
  readonly relay: RelaySettings;
  readonly tunnel: TunnelSettings;
  readonly homes: readonly HomeSettings[];
  /** `undefined` when the user points no name at the relay. */
  readonly dns: DnsSettings | undefined;
}

/** A relay made at Hetzner. */
export interface RelaySettings {
  /** @default hetzner */
  readonly provider: "hetzner";
  /** Hetzner's location name. @default nbg1 */
  readonly location: string;
  /** Hetzner's server type name. @default cx23 */
  readonly serverType: string;
  /** Hetzner's system image name. @default debian-13 */
  readonly image: string;
  /** TCP port of the relay's sshd. @default 22 */
  readonly sshPort: number;
  /** Who may open an SSH connection to the relay. @default everybody: 0.0.0.0/0 and ::/0 */
  readonly adminCidrs: readonly Prefix[];
  /** Whether SSH goes to the relay's public address or through the tunnel. @default public */
  readonly sshVia: "public" | "tunnel";
  /** Names of the peers that may open an SSH connection to the relay through the tunnel. @default none */
  readonly sshPeers: readonly string[];
}

export interface TunnelSettings {
  /** UDP port of WireGuard on the relay. @default 51820 */
  readonly listenPort: number;
  /** Bytes, 1280-1420. @default 1420 */
  readonly mtu: number;
  /** How often a home sends something, so that the NATs before it keep their mapping. 5-120. @default 25 */
  readonly keepaliveSeconds: number;
  /** IPv4 addresses of the tunnel, /16 to /28. @default 10.77.0.0/16 */
  readonly prefix4: Prefix;
  /** IPv6 addresses of the tunnel, a ULA /64. @default fd77::/64 */
  readonly prefix6: Prefix;
  /** Raise it by one to get new keys everywhere. @default 1 */
  readonly keyGeneration: number;
}

export interface HomeSettings {
  /** Names the home everywhere: 1-20 of a-z, 0-9 and hyphen, beginning with a letter. */
  readonly name: string;
  /** @default ssh */
  readonly install: "ssh";
  readonly ssh: SshSettings;
  /** From the home's name alone. */
  readonly tunnelAddress: TunnelAddress;
  readonly forwards: readonly Forward[];
}

/** How the operator's own OpenSSH reaches a home. */
export interface SshSettings {
  /** Name or address. */
  readonly host: string;
  /** @default 22 */
  readonly port: number;
  /** root, or a user whose sudo asks for no password. @default root */
  readonly user: string;
  /** The home's public host key, `ssh-ed25519 AAAA…`, without a comment. */
  readonly hostKey: string;
  /** A private key file on the operator's machine. @default whatever `ssh` itself would use: agent, ~/.ssh */
  readonly identityFile: string | undefined;
}

export interface DnsSettings {
  /** @default hetzner */
  readonly provider: "hetzner";
  /** The zone's name, for example `example.org`. */
  readonly zone: string;
  /** `false`: the zone is there already. `true`: this stack makes it, and destroy takes it away. @default false */
  readonly createZone: boolean;
  /** Names inside the zone: `@` for the zone itself, `www`, `a.b`. @default ["@"] */
  readonly names: readonly string[];
  /** Seconds, 60-86400. @default 60 */
  readonly ttlSeconds: number;
}
