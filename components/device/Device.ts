import * as pulumi from "@pulumi/pulumi";
import type { CalledRelay } from "../network/calledRelay.ts";
import { renderAllowed } from "../network/device.ts";
import { shownGeneration } from "../network/tunnelPlan.ts";
import type { PeerKeys } from "../network/keys.ts";
import { renderDeviceConfig } from "./deviceConfig.ts";
import type { DeviceConfig } from "./deviceConfig.ts";

export interface DeviceArgs extends Omit<DeviceConfig, "relay" | "keys"> {
  readonly keys: PeerKeys<pulumi.Input<string>>;
  readonly relay: CalledRelay<pulumi.Input<string>>;
}

/** A laptop or a phone. Nothing is done to it: whoever holds it imports its configuration. */
export class Device extends pulumi.ComponentResource {
  /** What WireGuard's app imports; secret, since the device's private key is in it. */
  readonly config: pulumi.Output<string>;

  constructor(name: string, args: DeviceArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const { tunnelAddress, allow, dns } = args.device;
    const shown = { tunnelAddress, allow: allow.map(renderAllowed), dns, ...shownGeneration(args.tunnel) };
    super("homerelay:device:Device", name, shown, opts);
    this.config = pulumi.secret(
      pulumi.all([args.relay, args.keys]).apply(([relay, keys]) =>
        renderDeviceConfig({
          device: args.device,
          devices: args.devices,
          tunnel: args.tunnel,
          relay,
          keys,
        }),
      ),
    );
    this.registerOutputs({});
  }
}
