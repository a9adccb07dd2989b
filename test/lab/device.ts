import { mkdir, rm, writeFile } from "node:fs/promises";
import { join as joinPath } from "node:path";
import { namespaces } from "./addresses.ts";
import { labName } from "./labName.ts";
import { checkout } from "./operator.ts";
import type { Operator } from "./operator.ts";
import { asPerson } from "./network.ts";
import { paths } from "./paths.ts";
import { inNamespace, must, run } from "./shell.ts";
import type { Result } from "./shell.ts";

/** The operator's devices, each a network namespace with a WireGuard of its own. */
export type DeviceName = "laptop" | "phone";

/** What `npm run device -- …` runs, as the operator in the checkout. npm itself would put other tools before ours. */
export async function showDevice(operator: Operator, args: readonly string[]): Promise<Result> {
  const command = ["node", "components/device/show-device.ts", ...args, "--stack", operator.stack];
  return run(asPerson("operator", command), { cwd: checkout, env: operator.environment() });
}

/** A device's configuration, as its owner gets it. */
export async function configOf(operator: Operator, device: DeviceName): Promise<string> {
  const { code, stdout, stderr } = await showDevice(operator, [device, "--config"]);
  if (code !== 0) throw new Error(`no configuration of ${device}:\n${stdout}${stderr}`);
  return stdout;
}

/** What an owner may do who wants more than was given: sends all of this into the tunnel. */
export function widen(config: string, allowedIps: readonly string[]): string {
  return config.replace(/^AllowedIPs = .*$/m, `AllowedIPs = ${allowedIps.join(", ")}`);
}

/** Brings a configuration up on a device with wg-quick, in place of the one before. */
export async function joinTunnel(device: DeviceName, config: string): Promise<void> {
  await leaveTunnel(device);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Nothing on the host could take the resolvers; that the line is there is tested elsewhere.
  await writeFile(fileOf(device), config.replace(/^DNS = .*\n/m, ""), { mode: 0o600 });
  await must(inNamespace(namespaces[device], ["wg-quick", "up", fileOf(device)]));
}

/** Takes it down again; does nothing where none is up. */
export async function leaveTunnel(device: DeviceName): Promise<void> {
  await run(inNamespace(namespaces[device], ["wg-quick", "down", fileOf(device)]));
  await rm(fileOf(device), { force: true });
}

const folder = joinPath(paths.run, "devices");

/** Named after the interface, which WireGuard in userspace knows by its name on the whole host. */
const fileOf = (device: DeviceName) => joinPath(folder, `${labName}-${device}.conf`);
