import ipaddr from "ipaddr.js";
import type { Location } from "./catalogue.ts";
import { find, locations } from "./catalogue.ts";
import { renderAction } from "./actions.ts";
import { ApiError, invalidInput, isProtected, notUnique } from "./errors.ts";
import type { Labels } from "./fields.ts";
import {
  domainName,
  flag,
  id,
  idOrName,
  labels,
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
import type { Server } from "./servers.ts";
import type { World } from "./world.ts";

export interface PrimaryIp {
  readonly id: number;
  name: string;
  readonly type: "ipv4" | "ipv6";
  /** An address, or a /64 in CIDR notation. */
  readonly ip: string;
  readonly location: Location;
  readonly created: string;
  labels: Labels;
  autoDelete: boolean;
  protected: boolean;
  /** The server that has it. */
  assignee: number | null;
  /** Reverse names that somebody set, by canonical address. */
  readonly reverse: Map<string, string>;
}

export interface Addresses {
  readonly ipv4: PrimaryIp | undefined;
  readonly ipv6: PrimaryIp | undefined;
}

export const create = operation(
  object({
    name: resourceName,
    type: oneOf("ipv4", "ipv6"),
    location: optional(idOrName),
    auto_delete: withDefault(flag, false),
    labels: withDefault(labels, {}),
    assignee_id: optional(id),
    assignee_type: optional(oneOf("server")),
  }),
  (world, { body }) => {
    refuseTaken(world, body.name);
    if ((body.assignee_id === undefined) === (body.location === undefined)) {
      throw invalidInput("location", "exactly one of location and assignee_id must be given");
    }
    const server =
      body.assignee_id === undefined ? undefined : get(world.servers, body.assignee_id, "server");
    const location = server?.location ?? find(locations, body.location ?? "");
    if (location === undefined) throw invalidInput("location", `unknown location ${body.location ?? ""}`);
    if (server) refuseAssignment(world, server, body.type);
    const ip = add(world, body.name, body.type, location, {
      labels: body.labels,
      autoDelete: body.auto_delete,
    });
    if (!server) return created({ primary_ip: render(ip), action: null });
    ip.assignee = server.id;
    const action = world.actions.start("create_primary_ip", { id: ip.id, type: "primary_ip" });
    return created({ primary_ip: render(ip), action: renderAction(action) });
  },
);

/** Takes a new address from the pool. */
export function add(
  world: World,
  name: string,
  type: PrimaryIp["type"],
  location: Location,
  settings: { labels: Labels; autoDelete: boolean },
): PrimaryIp {
  const ip: PrimaryIp = {
    id: world.nextId(),
    name,
    type,
    ip: world.pool.take(type),
    location,
    created: now(),
    ...settings,
    protected: false,
    assignee: null,
    reverse: new Map(),
  };
  world.primaryIps.set(ip.id, ip);
  return ip;
}

export const read = plain((world, call) =>
  ok({ primary_ip: render(get(world.primaryIps, call.id, "primary IP")) }),
);

export const list = plain(
  (world, { query }) => {
    const name = query.get("name");
    const address = query.get("ip");
    const found = [...world.primaryIps.values()].filter(
      (ip) => (name === null || ip.name === name) && (address === null || ip.ip === address),
    );
    return page("primary_ips", found.map(render), query);
  },
  ["name", "ip", ...pagingKeys],
);

export const update = operation(
  object({ name: optional(resourceName), labels: optional(labels), auto_delete: optional(flag) }),
  (world, call) => {
    const ip = get(world.primaryIps, call.id, "primary IP");
    const { name, auto_delete: autoDelete } = call.body;
    if (name !== undefined && name !== ip.name) refuseTaken(world, name);
    if (autoDelete === true && ip.protected)
      throw invalidInput("auto_delete", "a protected primary IP must stay");
    ip.name = name ?? ip.name;
    ip.labels = call.body.labels ?? ip.labels;
    ip.autoDelete = autoDelete ?? ip.autoDelete;
    return ok({ primary_ip: render(ip) });
  },
);

export const remove = plain((world, call) => {
  const ip = get(world.primaryIps, call.id, "primary IP");
  if (ip.protected) throw isProtected("primary IP");
  if (ip.assignee !== null) throw new ApiError(422, "must_be_unassigned", "primary IP must be unassigned");
  discard(world, ip);
  return noContent;
});

export const changeProtection = operation(object({ delete: flag }), async (world, call) => {
  const ip = get(world.primaryIps, call.id, "primary IP");
  if (call.body.delete && ip.autoDelete) throw invalidInput("delete", "auto_delete must be false");
  const action = await world.actions.perform("change_protection", [{ id: ip.id, type: "primary_ip" }], () => {
    ip.protected = call.body.delete;
  });
  return created({ action: renderAction(action) });
});

export const assign = operation(
  object({ assignee_id: id, assignee_type: oneOf("server") }),
  async (world, call) => {
    const ip = get(world.primaryIps, call.id, "primary IP");
    const server = get(world.servers, call.body.assignee_id, "server");
    if (ip.assignee !== null) {
      throw new ApiError(422, "primary_ip_already_assigned", "primary IP is already assigned");
    }
    if (ip.location !== server.location) {
      throw new ApiError(422, "primary_ip_datacenter_mismatch", "primary IP is in a different location");
    }
    refuseAssignment(world, server, ip.type);
    const action = await world.actions.perform(
      "assign_primary_ip",
      [
        { id: server.id, type: "server" },
        { id: ip.id, type: "primary_ip" },
      ],
      () => {
        ip.assignee = server.id;
      },
    );
    return created({ action: renderAction(action) });
  },
);

export const unassign = plain(async (world, call) => {
  const ip = get(world.primaryIps, call.id, "primary IP");
  if (ip.assignee === null) throw new ApiError(422, "primary_ip_not_assigned", "primary IP is not assigned");
  if (world.servers.get(ip.assignee)?.status === "running") throw notStopped();
  const action = await world.actions.perform(
    "unassign_primary_ip",
    [
      { id: ip.assignee, type: "server" },
      { id: ip.id, type: "primary_ip" },
    ],
    () => {
      ip.assignee = null;
    },
  );
  return created({ action: renderAction(action) });
});

/** The reverse name of one address; null brings back what the address came with. */
export const reverseName = object({
  ip: text("must be an IP address", (value) => ipaddr.isValid(value)),
  dns_ptr: nullable(domainName),
});

export const changeDnsPtr = operation(reverseName, async (world, call) => {
  const ip = get(world.primaryIps, call.id, "primary IP");
  const address = covered(ip, call.body.ip);
  if (address === undefined) throw invalidInput("ip", `${call.body.ip} does not belong to ${ip.ip}`);
  const action = await world.actions.perform("change_dns_ptr", [{ id: ip.id, type: "primary_ip" }], () => {
    setReverse(ip, address, call.body.dns_ptr);
  });
  return created({ action: renderAction(action) });
});

/** The address in its canonical form, if it belongs to this primary IP. */
export function covered(ip: PrimaryIp, address: string): string | undefined {
  const parsed = ipaddr.parse(address);
  if (parsed.kind() !== ip.type) return undefined;
  const prefix = ip.type === "ipv4" ? `${ip.ip}/32` : ip.ip;
  return parsed.match(ipaddr.parseCIDR(prefix)) ? parsed.toString() : undefined;
}

export function setReverse(ip: PrimaryIp, address: string, name: string | null): void {
  if (name === null) ip.reverse.delete(address);
  else ip.reverse.set(address, name);
}

/** Every reverse name: those that were set, and for IPv4 else the one that the address came with. */
export function reverseNames(ip: PrimaryIp): readonly { ip: string; dns_ptr: string }[] {
  const set = [...ip.reverse].map(([address, name]) => ({ ip: address, dns_ptr: name }));
  if (ip.type === "ipv6" || set.length > 0) return set;
  return [{ ip: ip.ip, dns_ptr: `static.${ip.ip.split(".").toReversed().join(".")}.clients.your-server.de` }];
}

export function assignedTo(world: World, server: number): Addresses {
  const own = [...world.primaryIps.values()].filter((ip) => ip.assignee === server);
  return { ipv4: own.find((ip) => ip.type === "ipv4"), ipv6: own.find((ip) => ip.type === "ipv6") };
}

export function discard(world: World, ip: PrimaryIp): void {
  world.primaryIps.delete(ip.id);
  world.pool.giveBack(ip.ip);
}

export function render(ip: PrimaryIp): unknown {
  return {
    id: ip.id,
    name: ip.name,
    type: ip.type,
    ip: ip.ip,
    assignee_id: ip.assignee,
    assignee_type: ip.assignee === null ? "unassigned" : "server",
    auto_delete: ip.autoDelete,
    blocked: false,
    created: ip.created,
    dns_ptr: reverseNames(ip),
    labels: ip.labels,
    location: ip.location,
    protection: { delete: ip.protected },
  };
}

export function notStopped(): ApiError {
  return new ApiError(422, "server_not_stopped", "server must be powered off");
}

function refuseAssignment(world: World, server: Server, type: PrimaryIp["type"]): void {
  if (server.status === "running") throw notStopped();
  if (assignedTo(world, server.id)[type]) {
    throw new ApiError(422, `server_has_${type}`, `the server already has an ${type} address`);
  }
}

function refuseTaken(world: World, name: string): void {
  for (const ip of world.primaryIps.values()) {
    if (ip.name === name) throw notUnique("primary ip name is already used");
  }
}
