import * as pulumi from "@pulumi/pulumi";
import { renderAllowed } from "../network/device.ts";
import { renderDeviceConfig } from "./deviceConfig.ts";
import type { DeviceConfig } from "./deviceConfig.ts";

export interface DeviceArgs extends Omit<DeviceConfig, "relay" | "keys"> {
  readonly keys: { readonly privateKey: pulumi.Input<string>; readonly presharedKey: pulumi.Input<string> };
  readonly relay: {
    /** Base64. */
    readonly publicKey: pulumi.Input<string>;
    /** The relay's public IPv4 address. */
    readonly ipv4Address: pulumi.Input<string>;
  };
}

/** A laptop or a phone. Nothing is done to it: whoever holds it imports its configuration. */
export class Device extends pulumi.ComponentResource {
  /** What WireGuard's app imports; secret, since the device's private key is in it. */
  readonly config: pulumi.Output<string>;

  constructor(name: string, args: DeviceArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const { tunnelAddress, allow, dns } = args.device;
    super("homerelay:device:Device", name, { tunnelAddress, allow: allow.map(renderAllowed), dns }, opts);
    this.config = pulumi.secret(
      pulumi
        .all([args.relay, args.keys])
        .apply(([relay, keys]) => renderDeviceConfig({ ...args, relay, keys })),
    );
    this.registerOutputs({});
  }
}
