import { nearest } from "../network/nearest.ts";
import { OrderProblems } from "./orderProblems.ts";
import type { DnsOrder } from "./order.ts";
import { makerOf } from "./makers.ts";
import type { AskingStack } from "./makers.ts";
import { ownerLabel } from "./ownerLabel.ts";
import type { Labels } from "./ownerLabel.ts";

export interface Zone {
  readonly name: string;
  readonly labels: Labels;
  /** Who answers for it, as the world was told when Hetzner last looked. */
  readonly authoritative_nameservers?: {
    readonly assigned?: readonly string[];
    readonly delegated?: readonly string[];
    readonly delegation_status?: string;
  };
}

/** A record set: all records of one name and type. */
export interface Rrset {
  readonly name: string;
  readonly type: string;
  readonly labels: Labels;
  readonly records: readonly { readonly value: string }[];
}

/**
 * Whether the names can be given to the relay. `project` names the settings in messages; `zones`: all of those at Hetzner
 * that the token sees; `rrsets`: those of the ordered names, of any type. What the stack made is its own, whatever it
 * was called at that time.
 */
export function judgeNames(
  project: string,
  stack: AskingStack,
  order: DnsOrder,
  zones: readonly Zone[],
  rrsets: readonly Rrset[],
): readonly string[] {
  const problems = new OrderProblems(`${project}:dns`);
  const zone = zones.find(({ name }) => name === order.zone);
  if (zone) judgeZone(stack, order, zone, problems);
  else if (!order.createZone) refuseMissing(order, zones, problems);
  for (const rrset of rrsets) judgeRrset(stack, order, rrset, problems);
  return problems.texts;
}

/** `createZone: false` is named only where the zone is not this stack's: it would be deleted, with all that is in it. */
function judgeZone(
  stack: AskingStack,
  { createZone }: DnsOrder,
  { name, labels }: Zone,
  problems: OrderProblems,
): void {
  const owner = labels[ownerLabel];
  switch (makerOf(labels, stack)) {
    case "this stack":
      if (!createZone)
        problems.refuse(
          "createZone",
          `this stack made the zone ${name}, and would take it away with all of its records`,
          "leave createZone: true",
        );
      return;
    case "another":
      if (createZone)
        problems.refuse(
          "createZone",
          `the zone ${name} is in the Hetzner project already${owner === undefined ? "" : `, made by ${owner}`}`,
          "write createZone: false to use it as it is",
        );
      return;
    case "unclear":
      problems.refuse(
        "createZone",
        `the zone ${name} was made by ${owner ?? ""}, by a version that did not say which stack that is`,
        unclearMend(owner ?? ""),
      );
  }
}

/** With this version the other stack says which it is. */
function unclearMend(owner: string): string {
  return `was ${owner} this stack's name? Give it back (pulumi stack rename), run pulumi up, and rename it again
  is it another stack's? Run pulumi up with this version there, then here`;
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
function judgeRrset(stack: AskingStack, { zone }: DnsOrder, rrset: Rrset, problems: OrderProblems): void {
  const owner = rrset.labels[ownerLabel];
  const made = makerOf(rrset.labels, stack);
  if (!["A", "AAAA", "CNAME"].includes(rrset.type) || made === "this stack") return;
  const name = rrset.name === "@" ? zone : `${rrset.name}.${zone}`;
  const values = rrset.records.map(({ value }) => value).join(", ");
  const maker = owner === undefined ? "this stack did not make it" : `it was made by ${owner}`;
  problems.refuse(
    "names",
    `${name} has a record ${rrset.type} ${values} already, and ${maker}`,
    made === "unclear"
      ? unclearMend(owner ?? "")
      : "remove the record in Hetzner's console, or take another name",
  );
}

/** What Hetzner itself saw when it last looked who answers for the zone. */
export function remarkDelegation({ name, authoritative_nameservers: seen = {} }: Zone): readonly string[] {
  const { assigned = [], delegated = [], delegation_status: status } = seen;
  if (!["invalid", "lame", "unregistered"].includes(status ?? "")) return [];
  const found =
    delegated.length === 0 ? "nobody is asked for it" : `${delegated.join(", ")} are asked for it instead`;
  return [
    `When Hetzner last looked, the world did not ask Hetzner for ${name}: ${found}.
  Where you registered the domain, enter these nameservers: ${assigned.join(", ")}`,
  ];
}
