import { renderAction } from "./actions.ts";
import { find, refuseUnavailable, serverTypes } from "./catalogue.ts";
import { ApiError, invalidInput, notFound } from "./errors.ts";
import { flag, idOrName, object } from "./fields.ts";
import type { Operation } from "./operation.ts";
import { created, operation, plain } from "./operation.ts";
import * as primaryIps from "./primaryIps.ts";
import { get } from "./records.ts";
import type { Server } from "./servers.ts";
import { ipsOf } from "./servers.ts";
import type { World } from "./world.ts";

export const powerOn = simpleAction("start_server", async (world, server) => {
  if (server.status === "running") return;
  await world.machines.powerOn(server.id, ipsOf(world, server.id));
  server.status = "running";
});

export const powerOff = simpleAction("stop_server", switchOff);

/** Here it always works: the machine has no way to ignore it. */
export const shutdown = simpleAction("shutdown_server", switchOff);

async function switchOff(world: World, server: Server): Promise<void> {
  if (server.status === "off") return;
  await world.machines.powerOff(server.id);
  server.status = "off";
}

function simpleAction(command: string, effect: (world: World, server: Server) => Promise<void>): Operation {
  return plain(async (world, call) => {
    const server = get(world.servers, call.id, "server");
    const action = await world.actions.perform(command, [{ id: server.id, type: "server" }], () =>
      effect(world, server),
    );
    return created({ action: renderAction(action) });
  });
}

export const changeType = operation(
  object({ server_type: idOrName, upgrade_disk: flag }),
  async (world, call) => {
    const server = get(world.servers, call.id, "server");
    const type = find(serverTypes, call.body.server_type);
    if (!type) throw notFound(`server type ${call.body.server_type}`);
    if (server.status !== "off") throw primaryIps.notStopped();
    if (
      type.architecture !== server.type.architecture ||
      type.disk < server.diskSize ||
      type === server.type
    ) {
      throw new ApiError(422, "invalid_server_type", `server cannot become a ${type.name}`);
    }
    refuseUnavailable(type, server.location, world.faults.stockOut);
    const action = await world.actions.perform(
      "change_server_type",
      [{ id: server.id, type: "server" }],
      async () => {
        server.type = type;
        if (call.body.upgrade_disk) server.diskSize = type.disk;
        // The original starts the server again by itself; clients send no power on.
        await world.machines.powerOn(server.id, ipsOf(world, server.id));
        server.status = "running";
      },
    );
    return created({ action: renderAction(action) });
  },
);

export const changeProtection = operation(object({ delete: flag, rebuild: flag }), async (world, call) => {
  const server = get(world.servers, call.id, "server");
  if (call.body.delete !== call.body.rebuild) throw invalidInput("rebuild", "must be the same as delete");
  const action = await world.actions.perform("change_protection", [{ id: server.id, type: "server" }], () => {
    server.protected = call.body.delete;
  });
  return created({ action: renderAction(action) });
});

export const changeDnsPtr = operation(primaryIps.reverseName, async (world, call) => {
  const server = get(world.servers, call.id, "server");
  const { ipv4, ipv6 } = primaryIps.assignedTo(world, server.id);
  for (const ip of [ipv4, ipv6]) {
    if (!ip) continue;
    const address = primaryIps.covered(ip, call.body.ip);
    if (address === undefined) continue;
    const action = await world.actions.perform("change_dns_ptr", [{ id: server.id, type: "server" }], () => {
      primaryIps.setReverse(ip, address, call.body.dns_ptr);
    });
    return created({ action: renderAction(action) });
  }
  throw invalidInput("ip", `${call.body.ip} does not belong to the server`);
});
