import type { Prefix } from "./prefix.ts";

/** What both ends of the tunnel agree on. */
export interface TunnelPlan {
  /** UDP port of WireGuard on the relay. @default 51820 */
  readonly listenPort: number;
  /** Bytes, 1280-1420. @default 1420 */
  readonly mtu: number;
  /** How often a home sends something, so that the NATs before it keep their mapping. 5-120. @default 5 */
  readonly keepaliveSeconds: number;
  /** IPv4 addresses of the tunnel, /16 to /28. @default 10.77.0.0/16 */
  readonly prefix4: Prefix;
  /** IPv6 addresses of the tunnel, a unique local /64. @default fd77::/64 */
  readonly prefix6: Prefix;
  /** Raise it by one to get new WireGuard keys everywhere; the number before brings those of before back. @default 1 */
  readonly keyGeneration: number;
}

/** What a preview shows of whoever has to be told of new keys by hand; the first keys are nothing new. */
export function shownGeneration({ keyGeneration }: TunnelPlan): { readonly keyGeneration?: number } {
  return keyGeneration === 1 ? {} : { keyGeneration };
}
