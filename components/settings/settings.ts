import type { DynDnsService } from "../network/dynDnsService.ts";
import type { Device } from "../network/device.ts";
import type { Forward } from "../network/forward.ts";
import type { Prefix } from "../network/prefix.ts";
import type { TunnelAddress } from "../network/addressPlan.ts";

/** What the user wrote, checked once. Nothing here can be wrong, so nobody checks again. */
export interface Settings {
  readonly relay: RelaySettings;
  readonly tunnel: TunnelSettings;
  readonly homes: readonly HomeSettings[];
  readonly devices: readonly DeviceSettings[];
  /** `undefined` when the user points no name at the relay. */
  readonly dns: DnsSettings | undefined;
}

/** The VPS with the public address: made here, or one that the user already has. */
export type RelaySettings = HetznerRelaySettings | ExistingRelaySettings;

/** A relay made at Hetzner. */
export interface HetznerRelaySettings {
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

/** A machine that was there before, reached as a home is, and that may serve its owner otherwise too. */
export interface ExistingRelaySettings extends SshSettings {
  readonly provider: "ssh";
  /** TCP port of its sshd: `port`. */
  readonly sshPort: number;
  /** Its owner may come in as before. */
  readonly sshVia: "public";
  readonly sshPeers: readonly [];
  /** Its public IPv4 address. @default `host`, where that is one */
  readonly ipv4: string;
  /** Its public IPv6 address; `undefined`: the forwards answer over IPv4 alone. */
  readonly ipv6: string | undefined;
  /** Who may open an SSH connection to it. @default everybody: 0.0.0.0/0 and ::/0 */
  readonly adminCidrs: readonly Prefix[];
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

/** A server at home. How it is set up is told by `install`. @default ssh */
export type HomeSettings = InstalledHome | ManualHome;

interface NamedHome {
  /** Names the home everywhere: 1-20 of a-z, 0-9 and hyphen, beginning with a letter. */
  readonly name: string;
  /** From the home's name alone. */
  readonly tunnelAddress: TunnelAddress;
  readonly forwards: readonly Forward[];
}

/** A laptop or a phone that joins the tunnel. */
export interface DeviceSettings extends Device {
  /** Resolvers while the tunnel is up, by address. @default whatever the device itself would use */
  readonly dns: readonly string[];
}

/** Set up by this program: over SSH, or the very machine that runs it. */
export interface InstalledHome extends NamedHome {
  readonly install: "ssh" | "local";
  /** `here`: the machine that runs this program. */
  readonly access: SshSettings | "here";
}

/** Set up by its owner with a script that this program writes; nothing contacts it. */
export interface ManualHome extends NamedHome {
  readonly install: "manual";
}

/** How the operator's own OpenSSH reaches a home, or a relay that was there before. */
export interface SshSettings {
  /** Name or address. */
  readonly host: string;
  /** @default 22 */
  readonly port: number;
  /** root, or a user whose sudo asks for no password. @default root */
  readonly user: string;
  /** The machine's public host key, `ssh-ed25519 AAAA…`, without a comment. */
  readonly hostKey: string;
  /** A private key file on the operator's machine. @default whatever `ssh` itself would use: agent, ~/.ssh */
  readonly identityFile: string | undefined;
  /** Instead of a key. @default none */
  readonly password: Password | undefined;
  /** A host on the way, from which alone the other can be reached. @default none */
  readonly jump: JumpSettings | undefined;
}

/** A secret that the user set, and its key in the stack file, for messages that ask to set it anew. */
export interface Password {
  readonly text: string;
  /** As `pulumi config set --secret --path` takes it: `home-relay:homes[0].ssh.password`. */
  readonly key: string;
}

/** A host that passes connections on. The operator's own OpenSSH logs in to it, with a key. */
export interface JumpSettings {
  /** Name or address. */
  readonly host: string;
  /** @default 22 */
  readonly port: number;
  /** @default root */
  readonly user: string;
  /** Its public host key. @default the operator's own known_hosts decide, and strictly */
  readonly hostKey: string | undefined;
  /** A private key file on the operator's machine. @default whatever `ssh` itself would use: agent, ~/.ssh */
  readonly identityFile: string | undefined;
}

/** Records in a zone, or names that a DynDNS service keeps for us. */
export type DnsSettings = HetznerDnsSettings | DynDnsService;

export interface HetznerDnsSettings {
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
  /**
   * The full name that the relay's addresses lead back to; `undefined` for the provider's own.
   * @default the first of `names` that is no wildcard
   */
  readonly reverse: string | undefined;
}
