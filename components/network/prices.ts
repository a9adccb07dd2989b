/** What Hetzner takes for a month, VAT included, as hetzner/ask-prices.ts prints it. A price that it does not name is left out. */
export interface Prices {
  readonly currency: string;
  /** By location. */
  readonly ipv4: Readonly<Record<string, number>>;
  /** By type, then by location. */
  readonly servers: Readonly<Record<string, Readonly<Record<string, number>>>>;
}
