import { isIPv4, isIPv6 } from "node:net";
import { renderAction } from "./actions.ts";
import { Unexpected, invalidInput, isProtected, notFound, notUnique } from "./errors.ts";
import type { Labels } from "./fields.ts";
import { flag, labels, list as listOf, nullable, object, optional, text, withDefault } from "./fields.ts";
import type { Call } from "./operation.ts";
import { created, ok, operation, page, pagingKeys, plain } from "./operation.ts";
import type { World } from "./world.ts";
import type { Zone } from "./zones.ts";
import { findZone, ttl } from "./zones.ts";

export interface Rrset {
  /** Relative to the zone; `@` is the zone itself. */
  readonly name: string;
  readonly type: Type;
  /** null: that of the zone. */
  ttl: number | null;
  labels: Labels;
  protected: boolean;
  records: readonly Rr[];
}

export interface Rr {
  readonly value: string;
  readonly comment: string;
}

type Type = "A" | "AAAA" | "CNAME" | "NS" | "SOA" | "TXT";

const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** A name with a dot at its end, or one relative to the zone. */
function isTarget(value: string): boolean {
  return (
    value === "@" ||
    (value.length <= 254 &&
      value
        .replace(/\.$/, "")
        .split(".")
        .every((each) => label.test(each)))
  );
}

/** What a value of each type must look like. Hetzner has more types; those are not covered. */
const valueRules: Readonly<Record<Exclude<Type, "SOA">, [rule: string, test: (value: string) => boolean]>> = {
  A: ["must be an IPv4 address", isIPv4],
  AAAA: ["must be an IPv6 address", (value) => isIPv6(value) && !value.includes("%")],
  CNAME: ["must be a domain name", isTarget],
  NS: ["must be a domain name", isTarget],
  TXT: [
    "must be one or more quoted strings of at most 255 characters",
    (value) => textStrings(value) !== undefined,
  ],
};

/** The strings of a TXT value in zone file syntax, or undefined if it is not one. */
export function textStrings(value: string): readonly string[] | undefined {
  const quoted = String.raw`"(?:[^"\\]|\\.)*"`;
  if (!new RegExp(String.raw`^\s*${quoted}(?:\s+${quoted})*\s*$`).test(value)) return undefined;
  const strings = (value.match(new RegExp(quoted, "g")) ?? []).map((each) =>
    each.slice(1, -1).replace(/\\(.)/g, "$1"),
  );
  return strings.some((each) => each.length > 255) ? undefined : strings;
}

const record = object({ value: text(), comment: withDefault(text(), "") });
const records = listOf(record, { min: 1 });

export const create = operation(
  object({
    name: text(),
    type: text(),
    ttl: withDefault(nullable(ttl), null),
    labels: withDefault(labels, {}),
    records,
  }),
  async (world, call) => {
    const zone = findZone(world, call.param("zone"));
    const { body } = call;
    const type = knownType(body.type);
    refuseName(zone, body.name);
    if (zone.rrsets.has(`${body.name}/${type}`)) throw notUnique("rrset already exists");
    const rrset: Rrset = {
      name: body.name,
      type,
      ttl: body.ttl,
      labels: body.labels,
      protected: false,
      records: body.records,
    };
    refuseRecords(rrset, body.records);
    refuseCnameMix(zone, rrset);
    const action = await world.actions.perform("create_rrset", [{ id: zone.id, type: "zone" }], () => {
      zone.rrsets.set(`${rrset.name}/${type}`, rrset);
    });
    return created({ rrset: render(zone, rrset), action: renderAction(action) });
  },
);

export const read = plain((world, call) => {
  const { zone, rrset } = find(world, call);
  return ok({ rrset: render(zone, rrset) });
});

export const list = plain(
  (world, call) => {
    const zone = findZone(world, call.param("zone"));
    const name = call.query.get("name");
    const types = call.query.getAll("type");
    const found = [...zone.rrsets.values()].filter(
      (rrset) => (name === null || rrset.name === name) && (types.length === 0 || types.includes(rrset.type)),
    );
    return page(
      "rrsets",
      found.map((rrset) => render(zone, rrset)),
      call.query,
    );
  },
  ["name", "type", ...pagingKeys],
);

export const update = operation(object({ labels: optional(labels) }), (world, call) => {
  const { zone, rrset } = find(world, call);
  rrset.labels = call.body.labels ?? rrset.labels;
  return ok({ rrset: render(zone, rrset) });
});

export const remove = plain((world, call) =>
  change(world, call, "delete_rrset", ({ zone, rrset }) => drop(zone, rrset)),
);

export const changeTtl = operation(object({ ttl: nullable(ttl) }), (world, call) =>
  change(world, call, "change_rrset_ttl", ({ rrset }) => {
    rrset.ttl = call.body.ttl;
  }),
);

export const setRecords = operation(object({ records }), (world, call) => {
  refuseRecords(find(world, call).rrset, call.body.records);
  return change(world, call, "set_rrset_records", ({ rrset }) => {
    rrset.records = call.body.records;
  });
});

/** Makes the rrset if there is none, as the original does for convenience. */
export const addRecords = operation(
  object({ records, ttl: withDefault(nullable(ttl), null) }),
  (world, call) => {
    const zone = findZone(world, call.param("zone"));
    const [name, type] = [call.param("name"), knownType(call.param("type"))];
    refuseName(zone, name);
    const old = zone.rrsets.get(`${name}/${type}`);
    const rrset = old ?? { name, type, ttl: call.body.ttl, labels: {}, protected: false, records: [] };
    const all = [...rrset.records, ...call.body.records];
    refuseRecords(rrset, all);
    refuseCnameMix(zone, rrset);
    return perform(world, zone, rrset, "add_rrset_records", () => {
      rrset.records = all;
      zone.rrsets.set(`${name}/${type}`, rrset);
    });
  },
);

/** Takes the rrset away with its last record. */
export const removeRecords = operation(object({ records }), (world, call) => {
  const { rrset } = find(world, call);
  const gone = call.body.records.map(({ value }) => value);
  for (const value of gone)
    if (!rrset.records.some((each) => each.value === value)) throw notFound(`record ${value}`);
  return change(world, call, "remove_rrset_records", ({ zone }) => {
    rrset.records = rrset.records.filter((each) => !gone.includes(each.value));
    if (rrset.records.length === 0) drop(zone, rrset);
  });
});

/** Changes comments. */
export const updateRecords = operation(object({ records }), (world, call) => {
  const { rrset } = find(world, call);
  const comments = new Map(call.body.records.map(({ value, comment }) => [value, comment]));
  for (const value of comments.keys()) {
    if (!rrset.records.some((each) => each.value === value)) throw notFound(`record ${value}`);
  }
  return change(world, call, "update_rrset_records", () => {
    rrset.records = rrset.records.map((each) => ({
      ...each,
      comment: comments.get(each.value) ?? each.comment,
    }));
  });
});

export const changeProtection = operation(object({ change: flag }), async (world, call) => {
  const { zone, rrset } = find(world, call);
  const action = await world.actions.perform(
    "change_rrset_protection",
    [{ id: zone.id, type: "zone" }],
    () => {
      rrset.protected = call.body.change;
    },
  );
  return created({ action: renderAction(action) });
});

export function render(zone: Zone, rrset: Rrset): unknown {
  return {
    id: `${rrset.name}/${rrset.type}`,
    name: rrset.name,
    type: rrset.type,
    ttl: rrset.ttl,
    labels: rrset.labels,
    protection: { change: rrset.protected },
    records: rrset.records,
    zone: zone.id,
  };
}

function find(world: World, call: Call<unknown>): { zone: Zone; rrset: Rrset } {
  const zone = findZone(world, call.param("zone"));
  const rrset = zone.rrsets.get(`${call.param("name")}/${call.param("type")}`);
  if (!rrset) throw notFound("rrset");
  return { zone, rrset };
}

function change(
  world: World,
  call: Call<unknown>,
  command: string,
  effect: (found: { zone: Zone; rrset: Rrset }) => void,
) {
  const found = find(world, call);
  return perform(world, found.zone, found.rrset, command, () => effect(found));
}

async function perform(world: World, zone: Zone, rrset: Rrset, command: string, effect: () => void) {
  if (rrset.protected) throw isProtected("rrset");
  const action = await world.actions.perform(command, [{ id: zone.id, type: "zone" }], effect);
  return created({ action: renderAction(action) });
}

function drop(zone: Zone, rrset: Rrset): void {
  zone.rrsets.delete(`${rrset.name}/${rrset.type}`);
}

const otherTypes = ["CAA", "DS", "HINFO", "HTTPS", "MX", "PTR", "RP", "SRV", "SVCB", "TLSA"];

function knownType(type: string): Exclude<Type, "SOA"> {
  if (otherTypes.includes(type)) throw new Unexpected(`records of type ${type}`);
  if (type !== "SOA" && Object.hasOwn(valueRules, type)) return type as Exclude<Type, "SOA">;
  throw invalidInput("type", `${type} is not a record type that can be made`);
}

function refuseName(zone: Zone, name: string): void {
  const parts = name.split(".");
  const rest = parts[0] === "*" ? parts.slice(1) : parts;
  const fine =
    name === "@" || (name.length + zone.name.length < 253 && rest.every((part) => label.test(part)));
  const doubled = name === zone.name || name.endsWith(`.${zone.name}`);
  if (!fine || doubled) {
    throw invalidInput(
      "name",
      "must be in lower case and not end with a dot or the zone's name; the zone itself is @",
    );
  }
}

function refuseRecords(rrset: Pick<Rrset, "name" | "type">, wanted: readonly Rr[]): void {
  const { type } = rrset;
  if (type === "SOA") throw invalidInput("records", "the SOA record cannot be changed");
  const [rule, test] = valueRules[type];
  wanted.forEach(({ value }, index) => {
    if (!test(value)) throw invalidInput(`records[${index}].value`, rule);
  });
  if (new Set(wanted.map(({ value }) => value)).size < wanted.length)
    throw invalidInput("records", "must be unique");
  if (type === "CNAME" && wanted.length > 1) throw invalidInput("records", "a CNAME has one record");
}

/** A CNAME stands alone at its name (RFC 1034 3.6.2), so never at the zone itself. */
function refuseCnameMix(zone: Zone, rrset: Pick<Rrset, "name" | "type">): void {
  const others = [...zone.rrsets.values()].filter(
    (each) => each.name === rrset.name && each.type !== rrset.type,
  );
  if (rrset.type === "CNAME" ? others.length > 0 : others.some((each) => each.type === "CNAME")) {
    throw invalidInput("name", "a CNAME cannot stand beside other records");
  }
}
