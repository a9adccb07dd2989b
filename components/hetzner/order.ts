import { Fields } from "../network/programDocument.ts";

/** What the stack wants of Hetzner: plain facts, so that a preview shows which of them change. */
export interface Order {
  /** The namespace of the settings, for messages: the Pulumi project's name. */
  readonly project: string;
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

/** What check-order.ts goes by. Throws where a fact is missing. */
export function parseOrder(text: string | undefined, source: string): Order {
  const fields = Fields.parse(text, source);
  const relay = fields.optionalFields("relay");
  const dns = fields.optionalFields("dns");
  return {
    project: fields.text("project"),
    label: fields.text("label"),
    relay: relay && {
      location: relay.text("location"),
      serverType: relay.text("serverType"),
      image: relay.text("image"),
    },
    dns: dns && { zone: dns.text("zone"), createZone: dns.flag("createZone"), names: dns.texts("names") },
  };
}
