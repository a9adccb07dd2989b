import ipaddr from "ipaddr.js";
import type { Action } from "./actions.ts";
import { renderAction } from "./actions.ts";
import { ApiError, invalidInput, notUnique } from "./errors.ts";
import type { Field, Labels } from "./fields.ts";
import {
  id,
  labels,
  list as listOf,
  nullable,
  object,
  oneOf,
  optional,
  resourceName,
  text,
  withDefault,
} from "./fields.ts";
import { created, noContent, ok, operation, page, pagingKeys, plain } from "./operation.ts";
import { get, now } from "./records.ts";
import type { FirewallRule } from "./serverHost.ts";
import type { World } from "./world.ts";

export interface Firewall {
  readonly id: number;
  name: string;
  labels: Labels;
  readonly created: string;
  rules: readonly FirewallRule[];
  readonly appliedTo: Set<number>;
}

/** Hetzner's limits: rules of one firewall, CIDRs of one rule, rules times CIDRs, firewalls of one server. */
const limits = { rules: 50, cidrs: 100, effectiveRules: 500, perServer: 5 };

const cidr = text("must be a network in CIDR notation, with no bits set after its prefix", (value) => {
  if (!ipaddr.isValidCIDR(value)) return false;
  const [address, bits] = ipaddr.parseCIDR(value);
  if (address.kind() === "ipv4") {
    const written = value.split("/")[0] ?? "";
    return (
      ipaddr.IPv4.isValidFourPartDecimal(written) &&
      ipaddr.IPv4.networkAddressFromCIDR(value).toString() === written
    );
  }
  return (
    address.toString() === ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/${bits}`).toString()
  );
});

const port = text("must be a port from 1 to 65535, or a range of two with the lower first", (value) => {
  const [, from, to = from] = /^([1-9]\d*)(?:-([1-9]\d*))?$/.exec(value) ?? [];
  return from !== undefined && Number(from) <= Number(to) && Number(to) <= 65535;
});

const ruleFields = object({
  direction: oneOf("in", "out"),
  protocol: oneOf("tcp", "udp", "icmp", "esp", "gre"),
  port: optional(nullable(port)),
  source_ips: withDefault(listOf(cidr, { max: limits.cidrs }), []),
  destination_ips: withDefault(listOf(cidr, { max: limits.cidrs }), []),
  description: withDefault(
    nullable(text("must have at most 255 characters", (value) => value.length <= 255)),
    null,
  ),
});

const rule: Field<FirewallRule> = (value, at) => {
  const { port: ports, ...fields } = ruleFields(value, at);
  const [peers, others] =
    fields.direction === "in"
      ? (["source_ips", "destination_ips"] as const)
      : (["destination_ips", "source_ips"] as const);
  if (fields[peers].length === 0)
    throw invalidInput(`${at}.${peers}`, `is required when direction is ${fields.direction}`);
  if (fields[others].length > 0)
    throw invalidInput(`${at}.${others}`, `must be empty when direction is ${fields.direction}`);
  const hasPorts = fields.protocol === "tcp" || fields.protocol === "udp";
  const given = ports ?? undefined;
  if (hasPorts && given === undefined)
    throw invalidInput(`${at}.port`, `is required when protocol is ${fields.protocol}`);
  if (!hasPorts && given !== undefined)
    throw invalidInput(`${at}.port`, `must not be given when protocol is ${fields.protocol}`);
  return given === undefined ? fields : { ...fields, port: given };
};

const rules: Field<readonly FirewallRule[]> = (value, at) => {
  const found = listOf(rule, { max: limits.rules })(value, at);
  const effective = found.reduce(
    (sum, each) => sum + each.source_ips.length + (each.destination_ips?.length ?? 0),
    0,
  );
  if (effective > limits.effectiveRules) {
    throw invalidInput(at, `must have at most ${limits.effectiveRules} effective rules`);
  }
  return found;
};

/** Label selectors are not covered. */
const resources = listOf(object({ type: oneOf("server"), server: object({ id }) }), { min: 1 });

export const create = operation(
  object({
    name: resourceName,
    labels: withDefault(labels, {}),
    rules: withDefault(rules, []),
    apply_to: optional(resources),
  }),
  async (world, { body }) => {
    refuseTaken(world, body.name);
    const firewall: Firewall = {
      id: world.nextId(),
      name: body.name,
      labels: body.labels,
      created: now(),
      rules: body.rules,
      appliedTo: new Set(),
    };
    world.firewalls.set(firewall.id, firewall);
    const actions = [];
    for (const { server } of body.apply_to ?? []) actions.push(await apply(world, firewall, server.id));
    return created({ firewall: render(firewall), actions: actions.map(renderAction) });
  },
);

export const read = plain((world, call) =>
  ok({ firewall: render(get(world.firewalls, call.id, "firewall")) }),
);

export const list = plain(
  (world, { query }) => {
    const name = query.get("name");
    const found = [...world.firewalls.values()].filter((firewall) => name === null || firewall.name === name);
    return page("firewalls", found.map(render), query);
  },
  ["name", ...pagingKeys],
);

export const update = operation(
  object({ name: optional(resourceName), labels: optional(labels) }),
  (world, call) => {
    const firewall = get(world.firewalls, call.id, "firewall");
    if (call.body.name !== undefined && call.body.name !== firewall.name) refuseTaken(world, call.body.name);
    firewall.name = call.body.name ?? firewall.name;
    firewall.labels = call.body.labels ?? firewall.labels;
    return ok({ firewall: render(firewall) });
  },
);

export const remove = plain((world, call) => {
  const firewall = get(world.firewalls, call.id, "firewall");
  if (firewall.appliedTo.size > 0)
    throw new ApiError(422, "resource_in_use", `firewall with ID '${firewall.id}' is still in use`);
  world.firewalls.delete(firewall.id);
  return noContent;
});

export const setRules = operation(object({ rules }), async (world, call) => {
  const firewall = get(world.firewalls, call.id, "firewall");
  const own = { id: firewall.id, type: "firewall" } as const;
  const action = await world.actions.perform("set_firewall_rules", [own], async () => {
    firewall.rules = call.body.rules;
    for (const server of firewall.appliedTo) await refreshFilter(world, server);
  });
  const applied = [...firewall.appliedTo].map((server) =>
    world.actions.start("apply_firewall", own, { id: server, type: "server" }),
  );
  return created({ actions: [action, ...applied].map(renderAction) });
});

export const applyToResources = operation(object({ apply_to: resources }), async (world, call) => {
  const firewall = get(world.firewalls, call.id, "firewall");
  const actions = [];
  for (const { server } of call.body.apply_to) actions.push(await apply(world, firewall, server.id));
  return created({ actions: actions.map(renderAction) });
});

export const removeFromResources = operation(object({ remove_from: resources }), async (world, call) => {
  const firewall = get(world.firewalls, call.id, "firewall");
  const actions = [];
  for (const { server } of call.body.remove_from) {
    if (!firewall.appliedTo.has(server.id)) {
      throw new ApiError(422, "firewall_already_removed", "firewall is not applied to the resource");
    }
    actions.push(
      await world.actions.perform("remove_firewall", both(firewall, server.id), async () => {
        firewall.appliedTo.delete(server.id);
        await refreshFilter(world, server.id);
      }),
    );
  }
  return created({ actions: actions.map(renderAction) });
});

/** What stands before a server: the rules of all its firewalls; undefined when it has none. */
export function rulesFor(world: World, server: number): readonly FirewallRule[] | undefined {
  const own = firewallsOf(world, server);
  return own.length === 0 ? undefined : own.flatMap((firewall) => firewall.rules);
}

export function firewallsOf(world: World, server: number): readonly Firewall[] {
  return [...world.firewalls.values()].filter((firewall) => firewall.appliedTo.has(server));
}

export function refuseTooMany(count: number): void {
  if (count > limits.perServer) {
    throw new ApiError(422, "resource_limit_exceeded", `a server has at most ${limits.perServer} firewalls`);
  }
}

export function render(firewall: Firewall): unknown {
  return {
    id: firewall.id,
    name: firewall.name,
    labels: firewall.labels,
    created: firewall.created,
    rules: firewall.rules.map((each) => ({ ...each, port: each.port ?? null })),
    applied_to: [...firewall.appliedTo].map((server) => ({ type: "server", server: { id: server } })),
  };
}

async function apply(world: World, firewall: Firewall, server: number): Promise<Action> {
  if (!world.servers.has(server))
    throw new ApiError(404, "firewall_resource_not_found", `server ${server} not found`);
  if (firewall.appliedTo.has(server)) {
    throw new ApiError(422, "firewall_already_applied", "firewall is already applied to the resource");
  }
  refuseTooMany(firewallsOf(world, server).length + 1);
  return world.actions.perform("apply_firewall", both(firewall, server), async () => {
    firewall.appliedTo.add(server);
    await refreshFilter(world, server);
  });
}

async function refreshFilter(world: World, server: number): Promise<void> {
  // A deleted server may still be listed for a while; there is no machine behind it.
  if (world.servers.has(server)) await world.machines.setFirewall(server, () => rulesFor(world, server));
}

function both(firewall: Firewall, server: number) {
  return [
    { id: firewall.id, type: "firewall" },
    { id: server, type: "server" },
  ] as const;
}

function refuseTaken(world: World, name: string): void {
  for (const firewall of world.firewalls.values()) {
    if (firewall.name === name) throw notUnique("firewall name is already used");
  }
}
