import type { Action } from "./actions.ts";
import { renderAction, statusOf } from "./actions.ts";
import type { Image, Location, ServerType } from "./catalogue.ts";
import { includedTraffic, renderImage, renderServerType } from "./catalogue.ts";
import { isProtected, notUnique } from "./errors.ts";
import type { Labels } from "./fields.ts";
import { hostName, labels, object, optional } from "./fields.ts";
import { firewallsOf } from "./firewalls.ts";
import { ok, operation, page, pagingKeys, plain } from "./operation.ts";
import * as primaryIps from "./primaryIps.ts";
import { get } from "./records.ts";
import type { World } from "./world.ts";

export interface Server {
  readonly id: number;
  name: string;
  labels: Labels;
  type: ServerType;
  readonly image: Image;
  readonly location: Location;
  readonly created: string;
  /** While this runs the API says `initializing`. */
  readonly creation: Action;
  status: "running" | "off";
  protected: boolean;
  diskSize: number;
}

export const read = plain((world, call) =>
  ok({ server: render(world, get(world.servers, call.id, "server")) }),
);

export const list = plain(
  (world, { query }) => {
    const name = query.get("name");
    const found = [...world.servers.values()].filter((server) => name === null || server.name === name);
    return page(
      "servers",
      found.map((server) => render(world, server)),
      query,
    );
  },
  ["name", ...pagingKeys],
);

export const update = operation(
  object({ name: optional(hostName), labels: optional(labels) }),
  (world, call) => {
    const server = get(world.servers, call.id, "server");
    if (call.body.name !== undefined && call.body.name !== server.name) refuseTaken(world, call.body.name);
    server.name = call.body.name ?? server.name;
    server.labels = call.body.labels ?? server.labels;
    return ok({ server: render(world, server) });
  },
);

export const remove = plain(async (world, call) => {
  const server = get(world.servers, call.id, "server");
  if (server.protected) throw isProtected("server");
  const action = await world.actions.perform(
    "delete_server",
    [{ id: server.id, type: "server" }],
    async () => {
      // First the entry: whoever asks meanwhile finds no server, as there is none to use any more.
      world.servers.delete(server.id);
      await world.machines.destroy(server.id);
      world.later(world.faults.slowRelease, () => release(world, server.id));
    },
  );
  return ok({ action: renderAction(action) });
});

export function render(world: World, server: Server): unknown {
  const { ipv4, ipv6 } = primaryIps.assignedTo(world, server.id);
  return {
    id: server.id,
    name: server.name,
    status: statusOf(server.creation) === "running" ? "initializing" : server.status,
    created: server.created,
    server_type: renderServerType(server.type, world.faults.stockOut),
    image: renderImage(server.image),
    location: server.location,
    labels: server.labels,
    locked: false,
    rescue_enabled: false,
    backup_window: null,
    iso: null,
    placement_group: null,
    load_balancers: [],
    volumes: [],
    private_net: [],
    primary_disk_size: server.diskSize,
    included_traffic: includedTraffic,
    ingoing_traffic: 0,
    outgoing_traffic: 0,
    protection: { delete: server.protected, rebuild: server.protected },
    public_net: {
      ipv4: ipv4
        ? {
            id: ipv4.id,
            ip: ipv4.ip,
            blocked: false,
            dns_ptr: primaryIps.reverseNames(ipv4)[0]?.dns_ptr ?? "",
          }
        : null,
      ipv6: ipv6
        ? { id: ipv6.id, ip: ipv6.ip, blocked: false, dns_ptr: primaryIps.reverseNames(ipv6) }
        : null,
      floating_ips: [],
      firewalls: firewallsOf(world, server.id).map((firewall) => ({ id: firewall.id, status: "applied" })),
    },
  };
}

/** Gives back what a server held: its addresses become free or go with it, its firewalls forget it. */
export function release(world: World, server: number): void {
  for (const ip of world.primaryIps.values()) {
    if (ip.assignee !== server) continue;
    ip.assignee = null;
    if (ip.autoDelete) primaryIps.discard(world, ip);
  }
  for (const firewall of world.firewalls.values()) firewall.appliedTo.delete(server);
}

export function ipsOf(world: World, server: number): { ipv4: string | undefined; ipv6: string | undefined } {
  const { ipv4, ipv6 } = primaryIps.assignedTo(world, server);
  return { ipv4: ipv4?.ip, ipv6: ipv6?.ip };
}

export function refuseTaken(world: World, name: string): void {
  for (const server of world.servers.values()) {
    if (server.name === name) throw notUnique("server name is already used");
  }
}
