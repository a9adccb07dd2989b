/** What Hetzner takes for a month, VAT included, as ask-prices.ts prints it. A price that it does not name is left out. */
export interface Prices {
  readonly currency: string;
  /** By location. */
  readonly ipv4: Readonly<Record<string, number>>;
  /** By type, then by location. */
  readonly servers: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** A list of prices as the API has it; only what is read here. */
export type PriceList = readonly {
  readonly location: string;
  readonly price_monthly?: { readonly gross?: string };
}[];

/** Of the API's answers to /server_types and /pricing. */
export function readPrices(
  serverTypes: readonly { readonly name: string; readonly prices?: PriceList }[],
  pricing: {
    readonly currency?: string;
    readonly primary_ips?: readonly { readonly type: string; readonly prices?: PriceList }[];
  },
): Prices {
  return {
    currency: pricing.currency ?? "EUR",
    ipv4: byLocation(pricing.primary_ips?.find(({ type }) => type === "ipv4")?.prices),
    servers: Object.fromEntries(serverTypes.map(({ name, prices }) => [name, byLocation(prices)])),
  };
}

function byLocation(prices: PriceList = []): Record<string, number> {
  const known = prices.map(
    ({ location, price_monthly }) => [location, Number(price_monthly?.gross)] as const,
  );
  return Object.fromEntries(known.filter(([, price]) => Number.isFinite(price)));
}
