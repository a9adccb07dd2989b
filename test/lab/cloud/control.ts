import * as firewalls from "./firewalls.ts";
import { flag, integer, list, object, oneOf, optional, text } from "./fields.ts";
import type { Journal } from "./http.ts";
import * as primaryIps from "./primaryIps.ts";
import * as rrsets from "./rrsets.ts";
import * as servers from "./servers.ts";
import * as sshKeys from "./sshKeys.ts";
import type { World } from "./world.ts";
import * as zones from "./zones.ts";

const count = integer(0);

/** What a test may say to the cloud behind the program's back; one or more of these in one body. */
const verbs = object({
  /** `actionPolls`: how often every new action is still `running` when asked for. */
  set: optional(object({ actionPolls: count })),
  /** The next action of this command ends in this error, without its effect. */
  failNext: optional(object({ command: text(), code: text(), message: text() })),
  /** Server types that are sold out from now on; an empty list brings all back. */
  stockOut: optional(list(text())),
  /** So many requests get 429. */
  rateLimit: optional(count),
  /** So many requests get 503. */
  unavailable: optional(count),
  /** Whether the token may only read. */
  readOnly: optional(flag),
  /** Addresses and firewalls of a deleted server stay in use for so many ms. */
  slowRelease: optional(count),
  /** A zone that was there before the program; returns it. */
  seedZone: optional(zones.seedFields),
  reset: optional(oneOf("requests", "unexpected", "faults")),
  get: optional(oneOf("everything", "requests", "unexpected")),
});

export function control(world: World, journal: Journal, body: unknown): unknown {
  const { faults } = world;
  const asked = verbs(body, "");
  if (asked.reset === "requests") journal.requests = [];
  if (asked.reset === "unexpected") journal.unexpected = [];
  if (asked.reset === "faults") {
    Object.assign(faults, { actionPolls: 0, rateLimit: 0, unavailable: 0, slowRelease: 0, readOnly: false });
    faults.failNext.length = 0;
    faults.stockOut.clear();
  }
  if (asked.set) faults.actionPolls = asked.set.actionPolls;
  if (asked.failNext) faults.failNext.push(asked.failNext);
  if (asked.stockOut) {
    faults.stockOut.clear();
    for (const type of asked.stockOut) faults.stockOut.add(type);
  }
  faults.rateLimit = asked.rateLimit ?? faults.rateLimit;
  faults.unavailable = asked.unavailable ?? faults.unavailable;
  faults.readOnly = asked.readOnly ?? faults.readOnly;
  faults.slowRelease = asked.slowRelease ?? faults.slowRelease;
  if (asked.seedZone)
    return zones.seed(world, asked.seedZone.name, asked.seedZone.ttl, asked.seedZone.labels);
  switch (asked.get) {
    case "everything":
      return everything(world);
    case "requests":
      return structuredClone(journal.requests);
    case "unexpected":
      return [...journal.unexpected];
    case undefined:
      return null;
  }
}

/** All that exists and would be billed or found by somebody, as the API shows it. */
function everything(world: World): unknown {
  const bornWith = ["@/SOA", "@/NS"];
  const made = [...world.zones.values()].flatMap((zone) =>
    [...zone.rrsets].filter(([id]) => !bornWith.includes(id)).map(([, rrset]) => rrsets.render(zone, rrset)),
  );
  return structuredClone({
    ssh_keys: [...world.sshKeys.values()].map(sshKeys.render),
    primary_ips: [...world.primaryIps.values()].map(primaryIps.render),
    firewalls: [...world.firewalls.values()].map(firewalls.render),
    servers: [...world.servers.values()].map((server) => servers.render(world, server)),
    zones: [...world.zones.values()].map(zones.render),
    /** Those that a zone is not born with. */
    rrsets: made,
  });
}
