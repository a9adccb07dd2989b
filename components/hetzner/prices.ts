import { ipv4Prices, monthlyPrice } from "../network/prices.ts";
import type { PriceList, Prices, Pricing } from "../network/prices.ts";

/** Of the API's answers to /server_types and /pricing. */
export function readPrices(
  serverTypes: readonly { readonly name: string; readonly prices?: PriceList }[],
  pricing: Pricing,
): Prices {
  return {
    currency: pricing.currency ?? "EUR",
    ipv4: byLocation(ipv4Prices(pricing)),
    servers: Object.fromEntries(serverTypes.map(({ name, prices = [] }) => [name, byLocation(prices)])),
  };
}

function byLocation(prices: PriceList): Record<string, number> {
  return Object.fromEntries(
    prices.flatMap(({ location }) => {
      const price = monthlyPrice(prices, location);
      return price === undefined ? [] : [[location, price] as const];
    }),
  );
}
