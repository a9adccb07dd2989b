import type { Inputs } from "./digest.ts";

/** What Hetzner takes for a month, VAT included, as hetzner/ask-prices.ts prints it. */
export interface Prices {
  readonly currency: string;
  /** By location. */
  readonly ipv4: Readonly<Record<string, number>>;
  /** By type, then by location. */
  readonly servers: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Of a server with these inputs and its IPv4 address; `undefined` where Hetzner names no price. */
export function monthlyCost(prices: Prices, { serverType, location }: Inputs): number | undefined {
  if (typeof serverType !== "string" || typeof location !== "string") return undefined;
  const server = prices.servers[serverType]?.[location];
  const ipv4 = prices.ipv4[location];
  return server === undefined || ipv4 === undefined ? undefined : server + ipv4;
}
