import { renderAction } from "./actions.ts";
import { isProtected, notFound, notUnique } from "./errors.ts";
import type { Labels } from "./fields.ts";
import { domainName, flag, integer, labels, object, oneOf, optional, withDefault } from "./fields.ts";
import { created, ok, operation, page, pagingKeys, plain } from "./operation.ts";
import { now } from "./records.ts";
import type { Rrset } from "./rrsets.ts";
import type { World } from "./world.ts";

export interface Zone {
  readonly id: number;
  readonly name: string;
  readonly created: string;
  ttl: number;
  labels: Labels;
  protected: boolean;
  /** By `name/TYPE`. */
  readonly rrsets: Map<string, Rrset>;
}

const nameservers = ["hydrogen.ns.hetzner.com.", "oxygen.ns.hetzner.com.", "helium.ns.hetzner.de."];

export const ttl = integer(60, 2147483647);

const zoneSettings = { ttl: withDefault(ttl, 3600), labels: withDefault(labels, {}) };

export const create = operation(
  object({ name: domainName, mode: oneOf("primary"), ...zoneSettings }),
  async (world, { body }) => {
    refuseTaken(world, body.name);
    const zone = newZone(world, body.name, body.ttl, body.labels);
    const action = await world.actions.perform("create_zone", [{ id: zone.id, type: "zone" }], () => {
      world.zones.set(zone.id, zone);
    });
    return created({ zone: render(zone), action: renderAction(action) });
  },
);

/** What a test asks for: a zone that was there before the program. */
export const seedFields = object({ name: domainName, ...zoneSettings });

export function seed(world: World, name: string, zoneTtl: number, zoneLabels: Labels): unknown {
  refuseTaken(world, name);
  const zone = newZone(world, name, zoneTtl, zoneLabels);
  world.zones.set(zone.id, zone);
  return render(zone);
}

export const read = plain((world, call) => ok({ zone: render(findZone(world, call.param("zone"))) }));

export const list = plain(
  (world, { query }) => {
    const name = query.get("name");
    const found = [...world.zones.values()].filter((zone) => name === null || zone.name === name);
    return page("zones", found.map(render), query);
  },
  ["name", ...pagingKeys],
);

export const update = operation(object({ labels: optional(labels) }), (world, call) => {
  const zone = findZone(world, call.param("zone"));
  zone.labels = call.body.labels ?? zone.labels;
  return ok({ zone: render(zone) });
});

export const remove = plain(async (world, call) => {
  const zone = findZone(world, call.param("zone"));
  if (zone.protected) throw isProtected("zone");
  const action = await world.actions.perform("delete_zone", [{ id: zone.id, type: "zone" }], () => {
    world.zones.delete(zone.id);
  });
  return created({ action: renderAction(action) });
});

export const changeTtl = operation(object({ ttl }), async (world, call) => {
  const zone = findZone(world, call.param("zone"));
  const action = await world.actions.perform("change_zone_ttl", [{ id: zone.id, type: "zone" }], () => {
    zone.ttl = call.body.ttl;
  });
  return created({ action: renderAction(action) });
});

export const changeProtection = operation(object({ delete: flag }), async (world, call) => {
  const zone = findZone(world, call.param("zone"));
  const action = await world.actions.perform(
    "change_zone_protection",
    [{ id: zone.id, type: "zone" }],
    () => {
      zone.protected = call.body.delete;
    },
  );
  return created({ action: renderAction(action) });
});

/** Paths name a zone by its id or its name. */
export function findZone(world: World, idOrName: string): Zone {
  const zones = [...world.zones.values()];
  const zone = zones.find((each) => String(each.id) === idOrName || each.name === idOrName);
  if (!zone) throw notFound("zone");
  return zone;
}

export function render(zone: Zone): unknown {
  return {
    id: zone.id,
    name: zone.name,
    created: zone.created,
    mode: "primary",
    ttl: zone.ttl,
    labels: zone.labels,
    primary_nameservers: [],
    protection: { delete: zone.protected },
    authoritative_nameservers: {
      assigned: nameservers,
      delegated: nameservers,
      delegation_last_check: zone.created,
      delegation_status: "valid",
    },
    registrar: "other",
    status: "ok",
    record_count: [...zone.rrsets.values()].reduce((count, rrset) => count + rrset.records.length, 0),
  };
}

/** A zone is born with its SOA and NS records. */
function newZone(world: World, name: string, zoneTtl: number, zoneLabels: Labels): Zone {
  const own = (type: Rrset["type"], ...values: string[]): [string, Rrset] => [
    `@/${type}`,
    {
      name: "@",
      type,
      ttl: null,
      labels: {},
      protected: false,
      records: values.map((value) => ({ value, comment: "" })),
    },
  ];
  return {
    id: world.nextId(),
    name,
    created: now(),
    ttl: zoneTtl,
    labels: zoneLabels,
    protected: false,
    rrsets: new Map([
      own("SOA", `${nameservers[0] ?? ""} dns.hetzner.com. 2026010100 86400 10800 3600000 3600`),
      own("NS", ...nameservers),
    ]),
  };
}

function refuseTaken(world: World, name: string): void {
  for (const zone of world.zones.values()) {
    if (zone.name === name) throw notUnique("zone name is already used");
  }
}
