import { nearest } from "../network/nearest.ts";
import { OrderProblems } from "./orderProblems.ts";
import type { DnsOrder } from "./order.ts";
import { ownerLabel } from "./ownerLabel.ts";

export interface Zone {
  readonly name: string;
  readonly labels: Labels;
}

/** A record set: all records of one name and type. */
export interface Rrset {
  readonly name: string;
  readonly type: string;
  readonly labels: Labels;
  readonly records: readonly { readonly value: string }[];
}

type Labels = Readonly<Record<string, string>>;

/**
 * Whether the names can be given to the relay. `project` names the settings in messages; `zones`: all of those at Hetzner
 * that the token sees; `rrsets`: those of the ordered names, of any type. What carries the stack's own label was made by
 * it, whenever that was.
 */
export function judgeNames(
  project: string,
  label: string,
  order: DnsOrder,
  zones: readonly Zone[],
  rrsets: readonly Rrset[],
): readonly string[] {
  const problems = new OrderProblems(`${project}:dns`);
  const zone = zones.find(({ name }) => name === order.zone);
  if (zone) judgeZone(label, order, zone, problems);
  else if (!order.createZone) refuseMissing(order, zones, problems);
  for (const rrset of rrsets) judgeRrset(label, order, rrset, problems);
  return problems.texts;
}

function judgeZone(
  label: string,
  { createZone }: DnsOrder,
  { name, labels }: Zone,
  problems: OrderProblems,
): void {
  const owner = labels[ownerLabel];
  if (createZone && owner !== label)
    problems.refuse(
      "createZone",
      `the zone ${name} is in the Hetzner project already${owner === undefined ? "" : `, made by ${owner}`}`,
      "write createZone: false to use it as it is",
    );
  else if (!createZone && owner === label)
    problems.refuse(
      "createZone",
      `this stack made the zone ${name}, and would take it away with all of its records`,
      "leave createZone: true",
    );
}

function refuseMissing({ zone }: DnsOrder, zones: readonly Zone[], problems: OrderProblems): void {
  const names = zones.map(({ name }) => name);
  const meant = nearest(zone, names);
  const found = `the zone ${zone} is not in the Hetzner project of this token`;
  problems.refuse(
    "zone",
    names.length === 0 ? `${found}, and no other is` : `${found}, which has: ${names.join(", ")}`,
    meant === undefined
      ? "make it there, or let this stack make it with createZone: true"
      : `did you mean ${meant}? Otherwise make it there, or let this stack make it with createZone: true`,
  );
}

/** Only addresses are ours to set, and an alias would stand in their way. */
function judgeRrset(label: string, { zone }: DnsOrder, rrset: Rrset, problems: OrderProblems): void {
  const owner = rrset.labels[ownerLabel];
  if (!["A", "AAAA", "CNAME"].includes(rrset.type) || owner === label) return;
  const name = rrset.name === "@" ? zone : `${rrset.name}.${zone}`;
  const values = rrset.records.map(({ value }) => value).join(", ");
  const maker = owner === undefined ? "this stack did not make it" : `it was made by ${owner}`;
  problems.refuse(
    "names",
    `${name} has a record ${rrset.type} ${values} already, and ${maker}`,
    "remove the record in Hetzner's console, or take another name",
  );
}
