import type * as pulumi from "@pulumi/pulumi";
import type { Host, StepArgs } from "../host/Host.ts";
import type { CleaningArgs } from "../host/Uninstall.ts";
import type { Installation } from "../network/installation.ts";
import type { SshKeyPair } from "../network/keys.ts";
import type { Owner } from "../network/owner.ts";
import type { Peer } from "../network/peer.ts";
import type { PublishedForward } from "../network/publishedForward.ts";
import type { SshAdmission } from "../network/sshAdmission.ts";
import type { TunnelPlan } from "../network/tunnelPlan.ts";

/**
 * The machine with the public address as the rest of a stack sees it, whoever rents it out: a provider's folder has a
 * component that is one, and `relay/` has the machine that was there before.
 */
export interface Relay {
  /** The machine's public addresses. Names and both ends of the tunnel depend on these alone. */
  readonly ipv4Address: pulumi.Output<string>;
  /** `undefined`: it has none, and the forwards answer over IPv4 alone. */
  readonly ipv6Address: pulumi.Output<string> | undefined;
  /** Where the relay's steps run. */
  readonly host: Host;
  /** Another text for another machine, also at the same address, and for one that was started anew. */
  readonly machineId: pulumi.Output<string>;
  /** Who may open an SSH connection to it. */
  readonly ssh: SshAdmission;
  /** Whether its owner runs other things on it: what is none of the tunnel's business then passes. */
  readonly isShared: boolean;
  /** A stranger's packets reach the relay's own firewall, and pass on from there, once these are there. */
  readonly open: readonly pulumi.Resource[];
  /** The step that sets up sshd. It comes when the firewall lets SSH in where it is wanted, which is proven. */
  readonly sshd: StepArgs;
  /** How a machine that outlives the stack is left. `undefined`: it goes with the stack. */
  readonly outlives: OutlivingMachine | undefined;
}

/** A machine on which the stack's things must not stay. */
export interface OutlivingMachine {
  /** Removed last by `pulumi destroy`, since it may fail: nothing that is billed may depend on it. */
  readonly uninstall: pulumi.Resource;
  /** How the machine that was the relay before this one is cleaned. */
  readonly cleaning: CleaningArgs;
}

/** What any relay is told. */
export interface RelayPlan {
  readonly owner: Owner<pulumi.Input<string>>;
  /** What the stack puts on any relay; a provider adds its own. */
  readonly installation: Installation;
  /** Nothing is made, changed or deleted before these are there, and `pulumi destroy` removes them only afterwards. */
  readonly after: readonly pulumi.Resource[];
  /** What stays elsewhere when the relay goes, and what to do about it, a line each. */
  readonly leaves: readonly string[];
}

/** What a relay is told that somebody rents out. */
export interface RentedRelayPlan extends RelayPlan {
  /** Names things at the provider; no other stack there has it. @example home-relay-dev */
  readonly label: string;
  readonly keys: RelayKeys;
  readonly tunnel: TunnelPlan;
  /** Homes and devices. */
  readonly peers: readonly Peer[];
  /** What strangers may reach. */
  readonly forwards: readonly PublishedForward[];
  /** The full name that the addresses lead back to. @default what the provider gives an address */
  readonly reverseName: string | undefined;
}

/** SSH keys that the stack makes for a relay of its own. */
export interface RelayKeys {
  /** What this program logs in with. */
  readonly admin: SshKeyPair<pulumi.Input<string>>;
  /** The host key that a server boots with. Others than us can read it there, so `host` takes its place at once. */
  readonly firstHost: SshKeyPair<pulumi.Input<string>>;
  /** The host key by which the relay proves itself from then on. */
  readonly host: SshKeyPair<pulumi.Input<string>>;
  /** Another number for other keys. */
  readonly generation: number;
  /** The keys of the first generation: a relay has them of which nothing else is noted. */
  readonly first: {
    readonly admin: SshKeyPair<pulumi.Input<string>>;
    readonly hostPublicKey: pulumi.Input<string>;
  };
  /** With it the admin key in use is sealed in a note, which others may read. */
  readonly noteSecret: pulumi.Input<string>;
}
