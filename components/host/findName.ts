import { Resolver } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";

/**
 * Whether a name leads anywhere for the client that logs in with a password. On Linux that one asks /etc/hosts and DNS
 * itself; what else answers OpenSSH there, such as mDNS for `.local`, it does not know.
 */
export async function isFoundByPasswordClient(host: string): Promise<boolean> {
  if (isIP(host.replace(/%.*$/, "")) !== 0 || process.platform !== "linux") return true;
  const name = host.toLowerCase().replace(/\.$/, "");
  if (words("/etc/hosts").some(([, ...names]) => names.includes(name))) return true;
  const domains = words("/etc/resolv.conf").flatMap(([word, ...rest]) => (word === "search" ? rest : []));
  for (const one of [name, ...domains.map((domain) => `${name}.${domain.replace(/\.$/, "")}`)])
    if (await isInDns(one)) return true;
  return false;
}

async function isInDns(name: string): Promise<boolean> {
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  const found = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  return found.some(({ status }) => status === "fulfilled");
}

/** The words of each line of a file, in small letters and without comments. */
function words(path: string): string[][] {
  try {
    return readFileSync(path, "utf8")
      .split("\n")
      .map((line) => line.toLowerCase().replace(/#.*/, "").trim().split(/\s+/));
  } catch {
    return [];
  }
}
