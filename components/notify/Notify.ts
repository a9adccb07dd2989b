import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../host/Host.ts";
import type { NotifyService } from "../network/notifyService.ts";
import type { Peer } from "../network/peer.ts";
import { renderSecrets, renderWatched } from "./documents.ts";

export interface NotifyArgs {
  /** The relay. */
  readonly host: Host;
  readonly services: readonly NotifyService[];
  readonly homes: readonly Peer[];
  /** For people, in messages. @example home-relay/dev */
  readonly stack: string;
  /** Where the user wrote the services, for messages. @example home-relay:notify */
  readonly section: string;
  /** What the relay may send in a month at no further cost. `undefined`: nobody is told of that. */
  readonly includedTrafficGb: number | undefined;
  /** WireGuard on the relay, which knows when a home was heard. */
  readonly after: pulumi.Resource;
}

/** The relay says by itself when a home is away and when it is back, and that it lives. */
export class Notify extends pulumi.ComponentResource {
  /** Every service was told something, or will be. */
  readonly told: pulumi.Resource;

  constructor(name: string, args: NotifyArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const { host, services, homes, stack, section, includedTrafficGb, after } = args;
    super("homerelay:notify:Notify", name, { services: services.map(({ service }) => service) }, opts);
    const secrets = host.step(
      `${name}-secrets`,
      {
        script: "store-notify-secrets.sh",
        arguments: [],
        document: pulumi.secret(renderSecrets(services)),
        triggers: [host.lastPrepared],
      },
      { parent: this, dependsOn: host.prepared, replaceOnChanges: ["stdin"] },
    );
    this.told = host.step(
      `${name}-watch`,
      {
        script: "apply-notify.sh",
        arguments: [],
        document: renderWatched({ stack, section, services, homes, includedTrafficGb }),
        triggers: [host.lastPrepared],
      },
      // Somebody else has to be told, and the document does not show it.
      { parent: this, dependsOn: [secrets, after], replaceWith: [secrets] },
    );
    this.registerOutputs({});
  }
}
