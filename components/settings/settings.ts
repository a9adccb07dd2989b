import type { DynDnsService } from "../network/dynDnsService.ts";
import type { Device } from "../network/device.ts";
import type { Forward } from "../network/forward.ts";
import type { NotifyService } from "../network/notifyService.ts";
import type { Prefix } from "../network/prefix.ts";
import type { SshAccess } from "../network/sshAccess.ts";
import type { TunnelPlan } from "../network/tunnelPlan.ts";
import type { TunnelAddress } from "../network/addressPlan.ts";

/**
 * What the user wrote, checked once. Nothing here can be wrong, so nobody checks again. What each key means to the
 * user, and its default, stand with its reader (`relay.ts`, `homes.ts` and so on) and, for people, in docs/settings.md.
 */
export interface Settings {
  readonly relay: RelaySettings;
  /** WireGuard at both ends. */
  readonly tunnel: TunnelPlan;
  readonly homes: readonly HomeSettings[];
  readonly devices: readonly DeviceSettings[];
  /** `undefined` when the user points no name at the relay. */
  readonly dns: DnsSettings | undefined;
  /** Who is told what becomes of the homes. */
  readonly notify: readonly NotifyService[];
}

/** The VPS with the public address: made here, or one that the user already has. */
export type RelaySettings = HetznerRelaySettings | ExistingRelaySettings;

/** A relay made at Hetzner. */
export interface HetznerRelaySettings {
  readonly provider: "hetzner";
  /** Hetzner's location name. */
  readonly location: string;
  /** Hetzner's server type name. */
  readonly serverType: string;
  /** Hetzner's system image name. */
  readonly image: string;
  /** TCP port of the relay's sshd. */
  readonly sshPort: number;
  /** Another number for other SSH keys: the one that this program comes in with, and the relay's host key. */
  readonly sshKeyGeneration: number;
  /** Who may open an SSH connection to the relay. */
  readonly adminCidrs: readonly Prefix[];
  /** Whether SSH goes to the relay's public address or through the tunnel. */
  readonly sshVia: "public" | "tunnel";
  /** Names of the peers that may open an SSH connection to the relay through the tunnel. */
  readonly sshPeers: readonly string[];
  /** Names of the peers that may read the relay's metrics through the tunnel. */
  readonly metricsPeers: readonly string[];
  /** What the relay may send in a month at no further cost. */
  readonly includedTrafficGb: number | undefined;
}

/** A machine that was there before, reached as a home is, and that may serve its owner otherwise too. */
export interface ExistingRelaySettings extends SshAccess {
  readonly provider: "ssh";
  /** Its public IPv4 address. */
  readonly ipv4: string;
  /** Its public IPv6 address; `undefined`: the forwards answer over IPv4 alone. */
  readonly ipv6: string | undefined;
  /** Who may open an SSH connection to it. */
  readonly adminCidrs: readonly Prefix[];
  /** Names of the peers that may read the relay's metrics through the tunnel. */
  readonly metricsPeers: readonly string[];
  /** What it may send in a month at no further cost. */
  readonly includedTrafficGb: number | undefined;
}

/** A server at home. How it is set up is told by `install`. */
export type HomeSettings = InstalledHome | ManualHome;

interface NamedHome {
  /** Names the home everywhere: 1-20 of a-z, 0-9 and hyphen, beginning with a letter. */
  readonly name: string;
  /** From the home's name alone. */
  readonly tunnelAddress: TunnelAddress;
  /** Whether its kernel has IPv6. */
  readonly ipv6: boolean;
  /** Which of the relay's public addresses it calls. */
  readonly endpoint: "ipv4" | "ipv6";
  readonly forwards: readonly Forward[];
}

/** A laptop or a phone that joins the tunnel. */
export interface DeviceSettings extends Device {
  /** Resolvers while the tunnel is up, by address. */
  readonly dns: readonly string[];
  /** Which of the relay's public addresses it calls. */
  readonly endpoint: "ipv4" | "ipv6";
}

/** Set up by this program: over SSH, or the very machine that runs it. */
export interface InstalledHome extends NamedHome {
  readonly install: "ssh" | "local";
  /** `here`: the machine that runs this program. */
  readonly access: SshAccess | "here";
}

/** Set up by its owner with a script that this program writes; nothing contacts it. */
export interface ManualHome extends NamedHome {
  readonly install: "manual";
}

/** Records in a zone, or names that a DynDNS service keeps for us. */
export type DnsSettings = HetznerDnsSettings | DynDnsService;

export interface HetznerDnsSettings {
  readonly provider: "hetzner";
  /** The zone's name, for example `example.org`. */
  readonly zone: string;
  /** `false`: the zone is there already. `true`: this stack makes it, and destroy takes it away. */
  readonly createZone: boolean;
  /** Names inside the zone: `@` for the zone itself, `www`, `a.b`. */
  readonly names: readonly string[];
  /** Seconds, 60-86400. */
  readonly ttlSeconds: number;
  /** The full name that the relay's addresses lead back to; `undefined` for the provider's own. */
  readonly reverse: string | undefined;
}
