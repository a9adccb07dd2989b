import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../host/Host.ts";
import type { DynDnsService } from "../network/dynDnsService.ts";
import { renderSecret, renderUpdates, secretKind } from "./updates.ts";
import type { Addresses } from "./updates.ts";

export interface DynDnsArgs {
  /** The relay. */
  readonly host: Host;
  readonly service: DynDnsService;
  /** Where the user wrote the service, for messages. @example home-relay:dns */
  readonly section: string;
  readonly ipv4Address: pulumi.Input<string>;
  /** `undefined`: the relay has none. */
  readonly ipv6Address: pulumi.Input<string> | undefined;
}

/**
 * Names that a DynDNS service keeps. The relay itself tells it where they point: now, and by a timer again when
 * the service did not take it, and once a week, because some services drop names that are silent for long.
 */
export class DynDns extends pulumi.ComponentResource {
  /** The service was told. */
  readonly told: pulumi.Resource;

  constructor(name: string, args: DynDnsArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const { host, service } = args;
    super("homerelay:dyndns:DynDns", name, { provider: service.provider, names: service.names }, opts);
    const secret = this.#storeSecret(name, args);
    this.told = host.step(
      `${name}-updates`,
      {
        script: "apply-dyndns.sh",
        arguments: [],
        document: withAddresses(args, (service, addresses) =>
          renderUpdates(service, addresses, args.section),
        ),
        // Twenty names of a slow service.
        timeoutSeconds: 900,
        triggers: [host.lastPrepared],
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

  #storeSecret(name: string, args: DynDnsArgs): pulumi.Resource | undefined {
    if (secretKind(args.service) === "none") return undefined;
    return args.host.step(
      `${name}-secret`,
      {
        script: "store-dyndns-secret.sh",
        arguments: [],
        document: pulumi.secret(withAddresses(args, renderSecret)),
        triggers: [args.host.lastPrepared],
      },
      { parent: this, dependsOn: args.host.prepared, replaceOnChanges: ["stdin"] },
    );
  }
}

function withAddresses(
  { service, ipv4Address, ipv6Address }: DynDnsArgs,
  render: (service: DynDnsService, addresses: Addresses) => string,
): pulumi.Output<string> {
  return pulumi.all([ipv4Address, ipv6Address]).apply(([ipv4, ipv6]) => render(service, { ipv4, ipv6 }));
}
