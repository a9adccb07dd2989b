/**
 * The lab's one background process, in the internet's namespace: it is the cloud's API, the resolver, the DynDNS
 * services, those that are told things and the package mirror, and it supervises the machines. What it says lies in `daemon.log`. Its one argument
 * is JSON that says how the home's machine differs from the usual one.
 */
import { spawn } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import { addresses } from "./addresses.ts";
import { certify } from "./certificates.ts";
import { startCloud } from "./cloud/cloud.ts";
import { powerActions } from "./control.ts";
import type { AddMachine, PowerAction } from "./control.ts";
import { DataCentre } from "./dataCentre.ts";
import { serveDynDns } from "./dynDns.ts";
import type { DynDnsOrder } from "./dynDns.ts";
import { exec, Machine } from "./machines.ts";
import { noticeHosts, serveNotices } from "./notices.ts";
import type { NoticeOrder } from "./notices.ts";
import { servePackages } from "./packageMirror.ts";
import { addableMachines, callsOfContainers, plainMachine, services } from "./plainMachines.ts";
import type { HomeMachine } from "./plainMachines.ts";
import { paths } from "./paths.ts";
import { inNamespace } from "./shell.ts";

const log = (line: string) => console.log(`${new Date().toISOString()} ${line}`);
const dataCentre = new DataCentre(log);

await servePackages();
const dynDns = await serveDynDns((line) => log(`dyndns: ${line}`));
const { notices } = await serveNotices(await certify("notices", noticeHosts), addresses.notices, (line) =>
  log(`notices: ${line}`),
);
const cloud = await startCloud({
  host: dataCentre,
  apiAddress: addresses.cloudApi,
  apiPort: 80,
  resolverAddress: addresses.resolver,
  token: await readFile(paths.cloudToken, "utf8"),
  elsewhere: (name) =>
    noticeHosts.some((host) => host === name) ? { A: addresses.notices } : dynDns.addressesOf(name),
  log: (line) => log(`cloud: ${line}`),
});
for (const [namespace, commands] of Object.entries(services)) {
  for (const command of commands) {
    const [program = "", ...args] = inNamespace(namespace, command);
    spawn(program, args, { stdio: ["ignore", "inherit", "inherit"] });
  }
}
const difference = JSON.parse(process.argv[2] ?? "{}") as HomeMachine;
const home = await Machine.make(await plainMachine("home", difference), log);
await home.powerOn();
/** Those that were asked for since. */
const added: Machine[] = [];
await serveControl();
log("ready");

async function serveControl(): Promise<void> {
  await rm(paths.controlSocket, { force: true });
  const server = createServer((request, response) => {
    answer(request).then(
      (value) => response.writeHead(200).end(JSON.stringify(value)),
      (error: unknown) => response.writeHead(400).end(JSON.stringify(String(error))),
    );
  });
  await new Promise<void>((resolve) => server.listen(paths.controlSocket, resolve));
}

async function answer(request: IncomingMessage): Promise<unknown> {
  const route = `${request.method ?? ""} ${request.url ?? ""}`;
  if (route === "GET /machines") return machines().map(({ name, isOn }) => ({ name, on: isOn }));
  if (route === "POST /cloud") return cloud.control(await json(request));
  if (route === "POST /dyndns") return dynDns.control((await json(request)) as DynDnsOrder);
  if (route === "POST /notices") return notices.control((await json(request)) as NoticeOrder);
  if (route === "POST /machines") return add((await json(request)) as AddMachine);
  const [, name, verb] = /^POST \/machines\/([^/]+)\/([^/]+)$/.exec(route) ?? [];
  const machine = machines().find((it) => it.name === name);
  const action = powerActions.find((it) => it === verb);
  if (machine === undefined || action === undefined) throw new Error(`nothing is at ${route}`);
  log(`${machine.name}: ${action}`);
  await act(machine, action);
  return null;
}

function machines(): Machine[] {
  return [home, ...added, ...dataCentre.machines()];
}

/** A further machine, made once; it boots when this returns. */
async function add({ name, suite, containers = false }: AddMachine): Promise<null> {
  const known = addableMachines.find((it) => it === name);
  if (known === undefined) throw new Error(`there is no ${name} to add; there are ${addableMachines.join()}`);
  if (added.some((machine) => machine.name === name)) return null;
  const spec = await plainMachine(known, suite === undefined ? {} : { suite });
  const machine = await Machine.make({ ...spec, systemCalls: containers ? callsOfContainers : [] }, log);
  added.push(machine);
  await machine.powerOn();
  return null;
}

async function act(machine: Machine, action: PowerAction): Promise<void> {
  switch (action) {
    case "power-cut":
      return machine.powerCut();
    case "power-off":
      return machine.powerOff();
    case "power-on":
      return machine.powerOn();
    case "reboot":
      await exec(machine.name, ["systemctl", "reboot"], { timeoutMs: 10_000 });
  }
}
