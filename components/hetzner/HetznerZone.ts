import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import { labelsOf } from "./ownerLabel.ts";

export interface HetznerZoneArgs {
  /** The owner that zone and records name, for example `home-relay-dev`. */
  readonly label: string;
  readonly stackId: pulumi.Input<string>;
  /** The zone's name, for example `example.org`. */
  readonly zone: string;
  /** Whether this stack makes the zone, and takes it away again. */
  readonly createZone: boolean;
  /** Names inside the zone; `@` for the zone itself. */
  readonly names: readonly string[];
  readonly ttlSeconds: number;
  readonly ipv4Address: pulumi.Input<string>;
  /** `undefined`: the relay has none, and no name gets an AAAA record. */
  readonly ipv6Address: pulumi.Input<string> | undefined;
  /** What `pulumi destroy` removes only after the records. */
  readonly after: readonly pulumi.Resource[];
}

/** Names that point at the relay, in a zone at Hetzner. */
export class HetznerZone extends pulumi.ComponentResource {
  /** Who answers for the zone; `undefined` for one that was there already. */
  readonly nameservers: pulumi.Output<string[]> | undefined;

  constructor(name: string, args: HetznerZoneArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const { zone, createZone, names, ttlSeconds } = args;
    super("homerelay:hetzner:HetznerZone", name, { zone, createZone, names, ttlSeconds }, opts);
    const made = createZone ? this.#createZone(name, args) : undefined;
    for (const recordName of names) {
      this.#createRecord(name, args, recordName, "A", args.ipv4Address, made);
      if (args.ipv6Address !== undefined)
        this.#createRecord(name, args, recordName, "AAAA", args.ipv6Address, made);
    }
    this.nameservers = made?.authoritativeNameservers.assigneds;
    this.registerOutputs(made ? { nameservers: this.nameservers } : {});
  }

  #createZone(name: string, args: HetznerZoneArgs): hcloud.Zone {
    return new hcloud.Zone(
      `${name}-zone`,
      { name: args.zone, mode: "primary", labels: labelsOf<pulumi.Input<string>>(args.label, args.stackId) },
      { parent: this, deleteBeforeReplace: true, dependsOn: [...args.after] },
    );
  }

  #createRecord(
    name: string,
    args: HetznerZoneArgs,
    recordName: string,
    type: "A" | "AAAA",
    value: pulumi.Input<string>,
    zone: hcloud.Zone | undefined,
  ): void {
    new hcloud.ZoneRrset(
      `${name}-${recordName}-${type}`,
      {
        zone: args.zone,
        name: recordName,
        type,
        ttl: args.ttlSeconds,
        records: [{ value }],
        labels: labelsOf<pulumi.Input<string>>(args.label, args.stackId),
      },
      { parent: this, deleteBeforeReplace: true, dependsOn: [...args.after, ...(zone ? [zone] : [])] },
    );
  }
}
