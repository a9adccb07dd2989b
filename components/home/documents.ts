import { renderDocument } from "../network/document.ts";
import { relayAddress } from "../network/addressPlan.ts";
import type { TunnelAddress } from "../network/addressPlan.ts";
import type { Device } from "../network/device.ts";
import type { Forward } from "../network/forward.ts";
import type { Prefix } from "../network/prefix.ts";
import { renderWireguardConfig } from "../network/wireguardConfig.ts";
import { renderGuard } from "./guard.ts";
import { guestsOf } from "./guests.ts";
import { renderRules, renderSysctls } from "./routes.ts";

/** What is known of a home before there is a relay. */
export interface HomePlan {
  readonly name: string;
  readonly tunnelAddress: TunnelAddress;
  readonly forwards: readonly Forward[];
  /** All of the stack's: those that may reach this home or what lies behind it are let in. */
  readonly devices: readonly Device[];
  readonly tunnel: {
    readonly prefix4: Prefix;
    readonly prefix6: Prefix;
    /** UDP port on the relay. */
    readonly listenPort: number;
    /** Bytes. */
    readonly mtu: number;
    readonly keepaliveSeconds: number;
  };
}

/** A home's own keys, base64. */
export interface HomeKeys {
  readonly privateKey: string;
  readonly presharedKey: string;
}

/** Whom the home calls. */
export interface CalledRelay {
  readonly publicKey: string;
  /** The public one. */
  readonly ipv4Address: string;
}

/** For `apply-guard.sh`. No unknown piece is in it, so a preview shows its lines even before there is a stack. */
export function renderGuardDocument({ name, tunnelAddress, tunnel, forwards, devices }: HomePlan): string {
  const relay = relayAddress(tunnel.prefix4, tunnel.prefix6);
  const guests = guestsOf(name, devices);
  return renderDocument([
    { name: "guard", text: renderGuard({ home: tunnelAddress, relay, forwards, guests }) },
    { name: "rules", text: renderRules(tunnelAddress, forwards) },
    { name: "sysctls", text: renderSysctls(forwards, guests) },
  ]);
}

/** For `store-keys.sh`; the one document with secrets. */
export function renderKeyDocument({ privateKey, presharedKey }: HomeKeys): string {
  return renderDocument([
    { name: "private", mode: "0600", text: privateKey },
    { name: "preshared-relay", mode: "0600", text: presharedKey },
  ]);
}

/** The step that brings the tunnel up, and proves it. */
export function joinCommand({ tunnel }: HomePlan): string {
  return `join-relay.sh ${relayAddress(tunnel.prefix4, tunnel.prefix6).ipv4}`;
}

/** For `joinCommand`. */
export function renderTunnelDocument({ tunnel, tunnelAddress }: HomePlan, relay: CalledRelay): string {
  return renderWireguardConfig({
    addresses: [
      `${tunnelAddress.ipv4}/${tunnel.prefix4.length}`,
      `${tunnelAddress.ipv6}/${tunnel.prefix6.length}`,
    ],
    listenPort: undefined,
    mtu: tunnel.mtu,
    postUp: ["/usr/local/lib/homerelay/sync-routes.sh"],
    preDown: ["/usr/local/lib/homerelay/sync-routes.sh remove"],
    peers: [
      {
        name: "relay",
        publicKey: relay.publicKey,
        allowedIps: ["0.0.0.0/0", "::/0"],
        endpoint: `${relay.ipv4Address}:${tunnel.listenPort}`,
        keepaliveSeconds: tunnel.keepaliveSeconds,
      },
    ],
  });
}
