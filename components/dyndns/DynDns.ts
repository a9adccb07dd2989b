import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../host/Host.ts";
import type { DynDnsService } from "../network/dynDnsService.ts";
import { noUpdates, renderSecret, renderUpdates, secretKind } from "./updates.ts";
import type { Addresses } from "./updates.ts";

export interface DynDnsArgs {
  /** `undefined`: there is none, and what an earlier one left on the relay goes. */
  readonly service: DynDnsService | undefined;
  readonly ipv4Address: pulumi.Input<string>;
  /** `undefined`: the relay has none. */
  readonly ipv6Address: pulumi.Input<string> | undefined;
}

/**
 * Names that a DynDNS service keeps. The relay itself tells it where they point: now, and by a timer again when
 * the service did not take it, and once a week, because some services drop names that are silent for long.
 */
export class DynDns extends pulumi.ComponentResource {
  constructor(name: string, host: Host, args: DynDnsArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const { service } = args;
    super(
      "homerelay:dns:DynDns",
      name,
      service === undefined ? {} : { provider: service.provider, names: service.names },
      opts,
    );
    const secret = this.#storeSecret(name, host, args);
    host.step(
      `${name}-updates`,
      {
        run: "apply-dyndns.sh",
        document: service === undefined ? noUpdates : withAddresses(args, renderUpdates, service),
        // Twenty names of a slow service.
        timeoutSeconds: 900,
      },
      {
        parent: this,
        dependsOn: secret ?? host.prepared,
        // With another secret the service has to be asked anew, and the document does not show it.
        replaceWith: secret === undefined ? [] : [secret],
      },
    );
    this.registerOutputs({});
  }

  #storeSecret(name: string, host: Host, args: DynDnsArgs): pulumi.Resource | undefined {
    const { service } = args;
    if (service === undefined || secretKind(service) === "none") return undefined;
    return host.step(
      `${name}-secret`,
      { run: "store-dyndns-secret.sh", document: pulumi.secret(withAddresses(args, renderSecret, service)) },
      { parent: this, dependsOn: host.prepared, replaceOnChanges: ["stdin"] },
    );
  }
}

function withAddresses(
  { ipv4Address, ipv6Address }: DynDnsArgs,
  render: (service: DynDnsService, addresses: Addresses) => string,
  service: DynDnsService,
): pulumi.Output<string> {
  return pulumi.all([ipv4Address, ipv6Address]).apply(([ipv4, ipv6]) => render(service, { ipv4, ipv6 }));
}
