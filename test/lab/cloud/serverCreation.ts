import { randomBytes } from "node:crypto";
import type { Action } from "./actions.ts";
import { renderAction } from "./actions.ts";
import type { Image, Location, ServerType } from "./catalogue.ts";
import { find, images, locations, refuseUnavailable, serverTypes } from "./catalogue.ts";
import { ApiError, Unexpected, invalidInput, notFound } from "./errors.ts";
import type { ValueOf } from "./fields.ts";
import { flag, hostName, id, idOrName, labels, list, object, optional, text, withDefault } from "./fields.ts";
import { refuseTooMany, rulesFor } from "./firewalls.ts";
import { created, operation } from "./operation.ts";
import type { PrimaryIp } from "./primaryIps.ts";
import * as primaryIps from "./primaryIps.ts";
import { get, now } from "./records.ts";
import * as servers from "./servers.ts";
import type { World } from "./world.ts";

const maxUserDataBytes = 32 * 1024;

const createFields = object({
  name: hostName,
  server_type: idOrName,
  image: idOrName,
  location: optional(idOrName),
  ssh_keys: withDefault(list(idOrName), []),
  user_data: withDefault(
    text("must have at most 32 KiB", (value) => Buffer.byteLength(value) <= maxUserDataBytes),
    "",
  ),
  labels: withDefault(labels, {}),
  firewalls: withDefault(list(object({ firewall: id })), []),
  start_after_create: withDefault(flag, true),
  public_net: withDefault(
    object({
      enable_ipv4: withDefault(flag, true),
      enable_ipv6: withDefault(flag, true),
      ipv4: optional(id),
      ipv6: optional(id),
    }),
    { enable_ipv4: true, enable_ipv6: true, ipv4: undefined, ipv6: undefined },
  ),
});

export const create = operation(createFields, async (world, { body }) => {
  servers.refuseTaken(world, body.name);
  const type = find(serverTypes, body.server_type);
  if (!type) throw notFound(`server type ${body.server_type}`);
  const addresses = chooseAddresses(world, body.public_net);
  const location = chooseLocation(body.location, addresses);
  refuseUnavailable(type, location, world.faults.stockOut);
  const image = chooseImage(body.image, type);
  const sshPublicKeys = body.ssh_keys.map((key) => {
    const found = find([...world.sshKeys.values()], key);
    if (!found) throw notFound(`SSH key ${key}`);
    return found.publicKey;
  });
  const firewalls = body.firewalls.map((each) => get(world.firewalls, each.firewall, "firewall"));
  refuseTooMany(new Set(firewalls).size);
  for (const ip of addresses) {
    if (ip.location !== location) {
      throw new ApiError(422, "primary_ip_datacenter_mismatch", "primary IP is in a different location");
    }
  }
  if (type.architecture !== "x86")
    throw new Unexpected(`no ${type.architecture} machines in this data centre`);
  if (!body.start_after_create) throw new Unexpected("start_after_create: false");

  const serverId = world.nextId();
  const creation = world.actions.start("create_server", { id: serverId, type: "server" });
  const server: servers.Server = {
    id: serverId,
    name: body.name,
    labels: body.labels,
    type,
    image,
    location,
    created: now(),
    creation,
    status: creation.failure ? "off" : "running",
    protected: false,
    diskSize: type.disk,
  };
  world.servers.set(serverId, server);
  for (const ip of addresses) ip.assignee = serverId;
  for (const family of ["ipv4", "ipv6"] as const) {
    if (!body.public_net[`enable_${family}`] || body.public_net[family] !== undefined) continue;
    const ip = primaryIps.add(world, `primary_ip-${world.nextId()}`, family, location, {
      labels: {},
      autoDelete: true,
    });
    ip.assignee = serverId;
  }
  for (const firewall of firewalls) firewall.appliedTo.add(serverId);

  // As seen with the original when it has no room: the server is there, and there is no machine behind it.
  if (creation.failure) return answerCreated(world, server, [], null);
  try {
    await world.machines.create(
      {
        id: serverId,
        name: server.name,
        image: image.name,
        userData: body.user_data,
        sshPublicKeys,
        ...servers.ipsOf(world, serverId),
      },
      () => rulesFor(world, serverId),
    );
  } catch (error) {
    world.servers.delete(serverId);
    servers.release(world, serverId);
    throw error;
  }
  const start = world.actions.start("start_server", { id: serverId, type: "server" });
  // A server with no key gets a password in the original. The machine knows nothing of this one.
  const password = sshPublicKeys.length === 0 ? randomBytes(12).toString("base64url") : null;
  return answerCreated(world, server, [start], password);
});

function answerCreated(
  world: World,
  server: servers.Server,
  next: readonly Action[],
  password: string | null,
) {
  return created({
    server: servers.render(world, server),
    action: renderAction(server.creation),
    next_actions: next.map(renderAction),
    root_password: password,
  });
}

/** The primary IPs that the request names; those that it only enables are made later. */
function chooseAddresses(
  world: World,
  net: ValueOf<typeof createFields>["public_net"],
): readonly PrimaryIp[] {
  if (!net.enable_ipv4 && !net.enable_ipv6)
    throw invalidInput("public_net", "a server needs a public or a private network");
  return (["ipv4", "ipv6"] as const).flatMap((family) => {
    const wanted = net[family];
    if (wanted === undefined) return [];
    if (!net[`enable_${family}`])
      throw invalidInput(`public_net.${family}`, `must not be given without enable_${family}`);
    const ip = get(world.primaryIps, wanted, "primary IP");
    if (ip.type !== family) {
      throw new ApiError(422, "primary_ip_version_mismatch", "primary IP has the wrong IP version");
    }
    if (ip.assignee !== null) {
      throw new ApiError(422, "primary_ip_assigned", `primary IP ${ip.id} is already assigned to a server`);
    }
    return [ip];
  });
}

function chooseLocation(wanted: string | undefined, addresses: readonly PrimaryIp[]): Location {
  const location = wanted === undefined ? (addresses[0]?.location ?? locations[0]) : find(locations, wanted);
  if (!location) throw invalidInput("location", `unknown location ${wanted ?? ""}`);
  return location;
}

function chooseImage(wanted: string, type: ServerType): Image {
  const named = images.filter((image) => image.name === wanted || String(image.id) === wanted);
  if (named.length === 0) throw notFound(`image ${wanted}`);
  const image = named.find((each) => each.architecture === type.architecture);
  if (!image) throw invalidInput("image", `is not for the architecture of ${type.name}`);
  return image;
}
