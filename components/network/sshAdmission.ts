import type { TunnelAddress } from "./addressPlan.ts";
import type { Prefix } from "./prefix.ts";

/** Who may open an SSH connection to the relay, and how. */
export interface SshAdmission {
  /** TCP port of sshd. */
  readonly port: number;
  /** Whether SSH goes to the public address or through the tunnel; `tunnel`: it is closed to everybody outside. */
  readonly via: "public" | "tunnel";
  /** Who may connect to the public address. */
  readonly adminCidrs: readonly Prefix[];
  /** Who may connect through the tunnel, by the addresses of homes and devices. */
  readonly peers: readonly TunnelAddress[];
}
