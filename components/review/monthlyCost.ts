import type { Prices } from "../network/prices.ts";
import type { Inputs } from "./digest.ts";

/** Of a server with these inputs and its IPv4 address; `undefined` where Hetzner names no price. */
export function monthlyCost(prices: Prices, { serverType, location }: Inputs): number | undefined {
  if (typeof serverType !== "string" || typeof location !== "string") return undefined;
  const server = prices.servers[serverType]?.[location];
  const ipv4 = prices.ipv4[location];
  return server === undefined || ipv4 === undefined ? undefined : server + ipv4;
}
