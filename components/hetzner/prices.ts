import type { Prices } from "../network/prices.ts";

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
