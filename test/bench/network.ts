import { readdir } from "node:fs/promises";
import { ipBatch } from "../lab/network.ts";
import { inNamespace, must, run } from "../lab/shell.ts";
import { home } from "./designs.ts";

/**
 * One client and one home, and between them a relay for each variant, so that changing from one to the next loads
 * nothing:
 *   hrb-client ── eth0 hrb-relay-0 homerelay ── hrb-home
 *              ── eth0 hrb-relay-1 homerelay ──
 * A veth stands for the tunnel. The client sends from a /16 of its own for each relay; by it the home finds the way
 * back.
 */
export const client = "hrb-client";
export const homeServer = "hrb-home";

export function relayNamespace(index: number): string {
  return `hrb-relay-${index}`;
}

/** The relay's public address. */
export function relayAddress(index: number): string {
  return `10.50.${index}.1`;
}

/** The first of the addresses that the client sends from. */
export function firstSource(index: number): string {
  return `10.${100 + index}.0.1`;
}

/** As on a real tunnel; the clamp makes every packet small enough. */
const tunnelMtu = 1420;

/** The relay `direct` has no ruleset: through it the client reaches the home's own address. */
export async function raiseNetwork(relays: number, direct: number): Promise<void> {
  await removeNetwork();
  const indexes = Array.from({ length: relays }, (_, index) => index);
  for (const name of [client, homeServer, ...indexes.map(relayNamespace)])
    await must(["ip", "netns", "add", name]);
  await ipBatch(
    undefined,
    indexes.flatMap((i) => [
      `link add to-relay-${i} netns ${client} type veth peer name eth0 netns ${relayNamespace(i)}`,
      `link add to-relay-${i} netns ${homeServer} type veth peer name homerelay netns ${relayNamespace(i)}`,
    ]),
  );
  await ipBatch(client, [
    "link set lo up",
    ...indexes.flatMap((i) => [
      `link set to-relay-${i} up`,
      `addr add 10.50.${i}.2/24 dev to-relay-${i}`,
      `route add local 10.${100 + i}.0.0/16 dev lo`,
    ]),
    `route add ${home.ipv4}/32 via ${relayAddress(direct)}`,
  ]);
  await ipBatch(homeServer, [
    "link set lo up",
    `addr add ${home.ipv4}/32 dev lo`,
    ...indexes.flatMap((i) => [
      `link set to-relay-${i} mtu ${tunnelMtu} up`,
      `addr add 10.60.${i}.2/24 dev to-relay-${i}`,
      `route add 10.${100 + i}.0.0/16 via 10.60.${i}.1`,
    ]),
  ]);
  for (const i of indexes) {
    // Else 64 KiB would cross the relay as one packet, and hide what a packet costs.
    await must(inNamespace(homeServer, ["ethtool", "--features", `to-relay-${i}`, "tso", "off"]));
    await ipBatch(relayNamespace(i), [
      "link set lo up",
      "link set eth0 up",
      `link set homerelay mtu ${tunnelMtu} up`,
      `addr add ${relayAddress(i)}/24 dev eth0`,
      `addr add 10.60.${i}.1/24 dev homerelay`,
      `route add 10.${100 + i}.0.0/16 via 10.50.${i}.2`,
      `route add ${home.ipv4}/32 via 10.60.${i}.2`,
    ]);
    await must(inNamespace(relayNamespace(i), ["sysctl", "--quiet", "--write", "net.ipv4.ip_forward=1"]));
  }
}

/** Removes every namespace of ours by its name, whoever left it. */
export async function removeNetwork(): Promise<void> {
  for (const name of await namespacesOfOurs()) await must(["ip", "netns", "del", name]);
}

/** The ends of the traffic die with their benchmark: where one lives, another benchmark is at work. */
export async function refuseSecondRun(): Promise<void> {
  for (const name of await namespacesOfOurs()) {
    const { stdout } = await run(["ip", "netns", "pids", name]);
    if (stdout.trim() !== "") throw new Error("Another run of this benchmark is at work on this machine.");
  }
}

async function namespacesOfOurs(): Promise<string[]> {
  return (await readdir("/run/netns").catch(() => [])).filter((name) => name.startsWith("hrb-"));
}
