import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import { ownerLabel } from "./ownerLabel.ts";

export interface DnsArgs {
  /** The owner that zone and records name, for example `home-relay-dev`. */
  readonly label: string;
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
  /** The full name that the relay's addresses lead back to. @default what Hetzner gives an address */
  readonly reverse?: string | undefined;
  /** Hetzner's ids of the relay's addresses. @default the relay is not at Hetzner */
  readonly primaryIps?: PrimaryIps | undefined;
  /** What `pulumi destroy` removes only after the records. */
  readonly after: readonly pulumi.Resource[];
}

export interface PrimaryIps {
  readonly ipv4: pulumi.Input<number>;
  readonly ipv6: pulumi.Input<number>;
}

/** Names that point at the relay, in a zone at Hetzner. */
export class Dns extends pulumi.ComponentResource {
  constructor(name: string, args: DnsArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const { zone, createZone, names, ttlSeconds, reverse } = args;
    super("homerelay:dns:Dns", name, { zone, createZone, names, ttlSeconds, reverse }, opts);
    const made = createZone ? this.#createZone(name, args) : undefined;
    for (const recordName of names) {
      this.#createRecord(name, args, recordName, "A", args.ipv4Address, made);
      if (args.ipv6Address !== undefined)
        this.#createRecord(name, args, recordName, "AAAA", args.ipv6Address, made);
    }
    if (reverse !== undefined && args.primaryIps) this.#createReverse(name, args, reverse, args.primaryIps);
    this.registerOutputs({ ...(made ? { nameservers: made.authoritativeNameservers.assigneds } : {}) });
  }

  #createZone(name: string, args: DnsArgs): hcloud.Zone {
    return new hcloud.Zone(
      `${name}-zone`,
      { name: args.zone, mode: "primary", labels: { [ownerLabel]: args.label } },
      { parent: this, deleteBeforeReplace: true, dependsOn: [...args.after] },
    );
  }

  #createRecord(
    name: string,
    args: DnsArgs,
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
        labels: { [ownerLabel]: args.label },
      },
      { parent: this, deleteBeforeReplace: true, dependsOn: [...args.after, ...(zone ? [zone] : [])] },
    );
  }

  /** It belongs to the address, so that it stays when the server is replaced. */
  #createReverse(name: string, args: DnsArgs, dnsPtr: string, { ipv4, ipv6 }: PrimaryIps): void {
    const options = { parent: this, deleteBeforeReplace: true, dependsOn: [...args.after] };
    new hcloud.Rdns(
      `${name}-reverse-ipv4`,
      { primaryIpId: ipv4, ipAddress: args.ipv4Address, dnsPtr },
      options,
    );
    if (args.ipv6Address !== undefined)
      new hcloud.Rdns(
        `${name}-reverse-ipv6`,
        { primaryIpId: ipv6, ipAddress: args.ipv6Address, dnsPtr },
        options,
      );
  }
}
