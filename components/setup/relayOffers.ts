import { ipv4Prices, monthlyPrice } from "../network/prices.ts";
import type { PriceList, Pricing } from "../network/prices.ts";

/** What Hetzner's API says of what it sells; only what is read here. */
export interface Catalogue {
  readonly locations: readonly { readonly name: string; readonly city: string; readonly country: string }[];
  readonly serverTypes: readonly SoldType[];
  /** System images. */
  readonly images: readonly { readonly name: string; readonly architecture: string }[];
  readonly pricing: Pricing & { readonly currency: string };
}

interface SoldType {
  readonly name: string;
  readonly cores: number;
  /** GB. */
  readonly memory: number;
  readonly architecture: string;
  readonly deprecation?: object | null;
  readonly prices: PriceList;
  readonly locations: readonly {
    readonly name: string;
    readonly available?: boolean;
    readonly deprecation?: object | null;
  }[];
}

/** A location where a relay can be had. */
export interface OfferedLocation {
  readonly name: string;
  readonly place: string;
  /** The cheapest first; at least one. */
  readonly types: readonly OfferedType[];
}

export interface OfferedType {
  readonly name: string;
  readonly machine: string;
  /** A month, with an IPv4 address and VAT. */
  readonly monthly: number;
}

/** What can be had now for a relay with this system image; what Hetzner is about to take away is none of it. */
export function listOffers(
  { locations, serverTypes, images, pricing }: Catalogue,
  image: string,
): OfferedLocation[] {
  const architectures = images.filter(({ name }) => name === image).map(({ architecture }) => architecture);
  const usable = serverTypes.filter(
    ({ architecture, deprecation }) => architectures.includes(architecture) && !deprecation,
  );
  return locations
    .map(({ name, city, country }) => ({
      name,
      place: `${city}, ${country}`,
      types: usable
        .flatMap((type) => offerType(type, name, monthlyPrice(ipv4Prices(pricing), name) ?? 0))
        .sort((a, b) => a.monthly - b.monthly),
    }))
    .filter(({ types }) => types.length > 0);
}

function offerType(type: SoldType, location: string, ipv4: number): OfferedType[] {
  const sold = type.locations.find(({ name }) => name === location);
  const monthly = monthlyPrice(type.prices, location);
  if (sold?.available !== true || sold.deprecation || monthly === undefined) return [];
  const cores = `${type.cores} ${type.cores === 1 ? "core" : "cores"}`;
  const machine = `${cores}, ${type.memory} GB${type.architecture === "arm" ? ", ARM" : ""}`;
  return [{ name: type.name, machine, monthly: monthly + ipv4 }];
}

/** @example 5.36 EUR a month */
export function renderPrice(monthly: number, currency: string): string {
  return `${monthly.toFixed(2)} ${currency} a month`;
}
