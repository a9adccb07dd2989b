/** What Hetzner takes for a month, VAT included, as hetzner/ask-prices.ts prints it. A price that it does not name is left out. */
export interface Prices {
  readonly currency: string;
  /** By location. */
  readonly ipv4: Readonly<Record<string, number>>;
  /** By type, then by location. */
  readonly servers: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** A list of prices as Hetzner's API has it; only what is read here. */
export type PriceList = readonly {
  readonly location: string;
  readonly price_monthly?: { readonly gross?: string };
}[];

/** The API's answer to /pricing; only what is read here. */
export interface Pricing {
  readonly currency?: string;
  readonly primary_ips?: readonly { readonly type: string; readonly prices?: PriceList }[];
}

/** For a month at a location, VAT included; `undefined`: it is not on the list. */
export function monthlyPrice(prices: PriceList, location: string | undefined): number | undefined {
  const price = Number(prices.find((one) => one.location === location)?.price_monthly?.gross ?? NaN);
  return Number.isFinite(price) ? price : undefined;
}

/** Of an IPv4 address; one of IPv6 costs nothing. */
export function ipv4Prices({ primary_ips = [] }: Pricing): PriceList {
  return primary_ips.find(({ type }) => type === "ipv4")?.prices ?? [];
}
