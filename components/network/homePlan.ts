import type { TunnelAddress } from "./addressPlan.ts";
import type { Device } from "./device.ts";
import type { Forward } from "./forward.ts";
import type { TunnelPlan } from "./tunnelPlan.ts";

/** What is known of a home before there is a relay. */
export interface HomePlan {
  /** What the user calls the home. */
  readonly name: string;
  readonly tunnelAddress: TunnelAddress;
  /** Whether its kernel has IPv6; switched off, it counts as well. */
  readonly ipv6: boolean;
  readonly forwards: readonly Forward[];
  /** All of the stack's: those that may reach this home or what lies behind it are let in. */
  readonly devices: readonly Device[];
  readonly tunnel: TunnelPlan;
}
