import type { TunnelAddress } from "./addressPlan.ts";

/** An end of the tunnel that is not the relay: a home or a device. */
export interface Peer {
  readonly name: string;
  readonly tunnelAddress: TunnelAddress;
}
