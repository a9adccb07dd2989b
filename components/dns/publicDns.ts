/** The public name system, as this machine sees it. It changes nothing. */
import { Resolver } from "node:dns/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { PublicDns, Said } from "./seen.ts";

const patience = { timeout: 1500, tries: 2 };
/** For everything about one name: `pulumi up` waits for no longer. */
const longestMilliseconds = 8000;
const nobody: readonly unknown[] = ["ENOTFOUND", "ENODATA"];

export const publicDns: PublicDns = {
  nameservers: (zone) => inTime(orNone(new Resolver(patience).resolveNs(zone))),
  addresses: (name) => inTime(lookUp(name)),
};

/** Looks again for a few seconds where something is amiss: a service that was just told may need a moment. */
export async function lookTwice(look: () => Promise<Said | undefined>): Promise<Said | undefined> {
  for (let looks = 1; ; looks++) {
    const said = await look();
    if (said?.as !== "warn" || looks === 3) return said;
    await sleep(2000);
  }
}

/** Who answers for a name is asked first: what everybody else remembers is of before. */
async function lookUp(name: string): Promise<readonly string[]> {
  const servers = await serversOf(name).catch(() => []);
  if (servers.length > 0) {
    const authority = new Resolver(patience);
    authority.setServers(servers);
    const found = await addressesFrom(authority, name).catch(() => []);
    if (found.length > 0) return found;
  }
  return addressesFrom(new Resolver(patience), name);
}

async function addressesFrom(resolver: Resolver, name: string): Promise<readonly string[]> {
  const found = await Promise.all([orNone(resolver.resolve4(name)), orNone(resolver.resolve6(name))]);
  return found.flat();
}

/** The addresses of those that answer for the zone in which a name stands; none: it stands in none that is found. */
async function serversOf(name: string): Promise<readonly string[]> {
  const resolver = new Resolver(patience);
  const labels = name.split(".");
  for (let above = 1; labels.length - above >= 2; above++) {
    const servers = await orNone(resolver.resolveNs(labels.slice(above).join(".")));
    if (servers.length === 0) continue;
    const found = await Promise.all(servers.slice(0, 3).map((server) => orNone(resolver.resolve4(server))));
    return found.flat();
  }
  return [];
}

async function orNone(asked: Promise<string[]>): Promise<readonly string[]> {
  try {
    return await asked;
  } catch (error) {
    if (nobody.includes((error as NodeJS.ErrnoException).code)) return [];
    throw error;
  }
}

async function inTime<T>(asked: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = sleep(longestMilliseconds, undefined, { ref: false, signal: timer.signal }).then(() => {
    throw new Error("no answer in time");
  });
  // Whichever of the two is second has nobody who waits for it.
  late.catch(() => undefined);
  asked.catch(() => undefined);
  try {
    return await Promise.race([asked, late]);
  } finally {
    timer.abort();
  }
}
