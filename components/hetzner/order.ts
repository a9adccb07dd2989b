/** What the stack wants of Hetzner: plain facts, so that a preview shows which of them change. */
export interface Order {
  /** The server's name, and the owner that the stack's records name, for example `home-relay-dev`. */
  readonly label: string;
  /** `undefined`: the relay is not Hetzner's. */
  readonly relay: RelayOrder | undefined;
  /** `undefined`: no names, or not at Hetzner. */
  readonly dns: DnsOrder | undefined;
}

export interface RelayOrder {
  /** Hetzner's names. */
  readonly location: string;
  readonly serverType: string;
  readonly image: string;
}

export interface DnsOrder {
  /** The zone's name, for example `example.org`. */
  readonly zone: string;
  /** Whether the stack makes the zone. */
  readonly createZone: boolean;
  /** Names inside the zone; `@` for the zone itself. */
  readonly names: readonly string[];
}

/** The order as variables of the program that asks. */
export function renderOrder({ label, relay, dns }: Order): Record<string, string> {
  return {
    ORDER_LABEL: label,
    ...(relay && {
      ORDER_LOCATION: relay.location,
      ORDER_SERVER_TYPE: relay.serverType,
      ORDER_IMAGE: relay.image,
    }),
    ...(dns && {
      ORDER_ZONE: dns.zone,
      ORDER_CREATE_ZONE: String(dns.createZone),
      ORDER_NAMES: dns.names.join(" "),
    }),
  };
}

/** Reads what `renderOrder` wrote. Throws when a variable is missing. */
export function parseOrder(variables: Readonly<Record<string, string | undefined>>): Order {
  const read = (name: string): string => {
    const value = variables[name];
    if (value === undefined) throw new Error(`${name} is not set`);
    return value;
  };
  const has = (name: string): boolean => variables[name] !== undefined;
  return {
    label: read("ORDER_LABEL"),
    relay: has("ORDER_SERVER_TYPE")
      ? {
          location: read("ORDER_LOCATION"),
          serverType: read("ORDER_SERVER_TYPE"),
          image: read("ORDER_IMAGE"),
        }
      : undefined,
    dns: has("ORDER_ZONE")
      ? {
          zone: read("ORDER_ZONE"),
          createZone: read("ORDER_CREATE_ZONE") === "true",
          names: read("ORDER_NAMES").split(" "),
        }
      : undefined,
  };
}
