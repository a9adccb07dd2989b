/**
 * What the cloud sells. Ids, cores and disks are plausible, not observed; so are prices; which type is
 * sold where is simplified. `addresses.ts` says where the addresses come from.
 */
import { ApiError, invalidInput, notFound } from "./errors.ts";
import { ok, page, pagingKeys, plain } from "./operation.ts";
import type { Operation } from "./operation.ts";
import type { World } from "./world.ts";

export type Architecture = "x86" | "arm";

export interface Location {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly country: string;
  readonly city: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly network_zone: string;
}

export interface Image {
  readonly id: number;
  readonly name: string;
  readonly architecture: Architecture;
  readonly flavor: "debian" | "ubuntu";
  readonly version: string;
}

export interface ServerType {
  readonly id: number;
  readonly name: string;
  readonly cores: number;
  readonly memory: number;
  readonly disk: number;
  readonly architecture: Architecture;
  readonly soldIn: readonly string[];
}

export const locations: readonly Location[] = [
  place(1, "fsn1", "Falkenstein DC Park 1", "DE", "Falkenstein", 50.47612, 12.370071, "eu-central"),
  place(2, "nbg1", "Nuremberg DC Park 1", "DE", "Nuremberg", 49.452102, 11.076665, "eu-central"),
  place(3, "hel1", "Helsinki DC Park 1", "FI", "Helsinki", 60.169855, 24.938379, "eu-central"),
  place(4, "ash", "Ashburn, VA", "US", "Ashburn, VA", 39.045821, -77.487073, "us-east"),
  place(5, "hil", "Hillsboro, OR", "US", "Hillsboro, OR", 45.54222, -122.951924, "us-west"),
  place(6, "sin", "Singapore", "SG", "Singapore", 1.283333, 103.833333, "ap-southeast"),
];

const europe = ["fsn1", "nbg1", "hel1"];
const everywhere = locations.map((location) => location.name);

export const serverTypes: readonly ServerType[] = [
  { id: 114, name: "cx23", cores: 2, memory: 4, disk: 40, architecture: "x86", soldIn: europe },
  { id: 115, name: "cx33", cores: 4, memory: 8, disk: 80, architecture: "x86", soldIn: europe },
  { id: 116, name: "cpx22", cores: 2, memory: 4, disk: 80, architecture: "x86", soldIn: everywhere },
  { id: 45, name: "cax11", cores: 2, memory: 4, disk: 40, architecture: "arm", soldIn: europe },
];

export const images: readonly Image[] = [
  { id: 114690387, name: "debian-12", architecture: "x86", flavor: "debian", version: "12" },
  { id: 114690389, name: "debian-12", architecture: "arm", flavor: "debian", version: "12" },
  { id: 310557660, name: "debian-13", architecture: "x86", flavor: "debian", version: "13" },
  { id: 310557661, name: "debian-13", architecture: "arm", flavor: "debian", version: "13" },
  { id: 161547269, name: "ubuntu-24.04", architecture: "x86", flavor: "ubuntu", version: "24.04" },
  { id: 161547270, name: "ubuntu-24.04", architecture: "arm", flavor: "ubuntu", version: "24.04" },
];

/** Finds by id or name. */
export function find<T extends { id: number; name: string }>(
  entries: readonly T[],
  key: string,
): T | undefined {
  return entries.find((entry) => entry.name === key || String(entry.id) === key);
}

export function refuseUnavailable(type: ServerType, location: Location, stockOut: ReadonlySet<string>): void {
  if (!type.soldIn.includes(location.name)) {
    throw invalidInput("server_type", `${type.name} is not sold in ${location.name}`);
  }
  if (stockOut.has(type.name)) throw new ApiError(412, "resource_unavailable", "error during placement");
}

export function renderServerType(type: ServerType, stockOut: ReadonlySet<string>): unknown {
  return {
    id: type.id,
    name: type.name,
    description: type.name.toUpperCase(),
    cores: type.cores,
    memory: type.memory,
    disk: type.disk,
    cpu_type: "shared",
    category: "cost_optimized",
    storage_type: "local",
    architecture: type.architecture,
    deprecated: false,
    deprecation: null,
    prices: type.soldIn.map((location) => ({
      location,
      price_hourly: price(type.cores * 0.003),
      price_monthly: price(type.cores * 2),
      included_traffic: includedTraffic,
      price_per_tb_traffic: price(1),
    })),
    locations: locations
      .filter((location) => type.soldIn.includes(location.name))
      .map(({ id, name }) => {
        const available = !stockOut.has(type.name);
        return { id, name, available, recommended: available, deprecation: null };
      }),
  };
}

/** Bytes that a server may send in a month. */
export const includedTraffic = 20 * 1024 ** 4;

/** With a VAT of 19%. */
function price(net: number): unknown {
  return { net: net.toFixed(10), gross: (net * 1.19).toFixed(16) };
}

/** What is billed besides servers: the address of IPv4. */
export const getPricing = plain(() =>
  ok({
    pricing: {
      currency: "EUR",
      vat_rate: "19.000000",
      primary_ips: (["ipv4", "ipv6"] as const).map((type) => ({
        type,
        prices: locations.map(({ name }) => ({
          location: name,
          price_hourly: price(type === "ipv4" ? 0.0008 : 0),
          price_monthly: price(type === "ipv4" ? 0.5 : 0),
        })),
      })),
    },
  }),
);

export function renderImage(image: Image): unknown {
  return {
    id: image.id,
    type: "system",
    status: "available",
    name: image.name,
    description: `${image.flavor === "debian" ? "Debian" : "Ubuntu"} ${image.version}`,
    image_size: null,
    disk_size: 5,
    created: "2025-08-18T06:00:00Z",
    created_from: null,
    bound_to: null,
    os_flavor: image.flavor,
    os_version: image.version,
    architecture: image.architecture,
    rapid_deploy: true,
    protection: { delete: false },
    deprecated: null,
    deleted: null,
    labels: {},
  };
}

export const listServerTypes = plain(
  ({ faults }, { query }) => {
    const found = serverTypes.filter((type) => matches(type.name, query.get("name")));
    return page(
      "server_types",
      found.map((type) => renderServerType(type, faults.stockOut)),
      query,
    );
  },
  ["name", ...pagingKeys],
);

export const listImages = plain(
  (_world, { query }) => {
    const found = images.filter(
      (image) =>
        matches(image.name, query.get("name")) &&
        matches(image.architecture, query.get("architecture")) &&
        matches("system", query.get("type")),
    );
    return page("images", found.map(renderImage), query);
  },
  ["name", "architecture", "type", "include_deprecated", ...pagingKeys],
);

export const listLocations = plain(
  (_world, { query }) =>
    page(
      "locations",
      locations.filter((location) => matches(location.name, query.get("name"))),
      query,
    ),
  ["name", ...pagingKeys],
);

export const getServerType = one("server_type", serverTypes, (type, { faults }) =>
  renderServerType(type, faults.stockOut),
);
export const getImage = one("image", images, renderImage);
export const getLocation = one("location", locations, (location) => location);

function one<T extends { id: number }>(
  key: string,
  entries: readonly T[],
  render: (entry: T, world: World) => unknown,
): Operation {
  return plain((world, call) => {
    const found = entries.find((entry) => entry.id === call.id);
    if (found === undefined) throw notFound(key);
    return ok({ [key]: render(found, world) });
  });
}

function matches(value: string, wanted: string | null): boolean {
  return wanted === null || wanted === value;
}

function place(
  id: number,
  name: string,
  description: string,
  country: string,
  city: string,
  latitude: number,
  longitude: number,
  zone: string,
): Location {
  return { id, name, description, country, city, latitude, longitude, network_zone: zone };
}
