import { parseAddress } from "../network/prefix.ts";

/** What the world is told of names. Every answer may fail: then nobody could be asked. */
export interface PublicDns {
  /** Who is asked for a zone; empty where nobody is. */
  readonly nameservers: (zone: string) => Promise<readonly string[]>;
  /** The addresses of a name, of both families; empty where it has none. */
  readonly addresses: (name: string) => Promise<readonly string[]>;
}

/** What is said to the user: `warn` where something leads elsewhere, `info` where nobody could be asked. */
export interface Said {
  readonly as: "warn" | "info";
  readonly text: string;
  /** What is left to do, on one line. @default nothing that is known */
  readonly toDo?: string;
}

/** Whether the world asks a zone's own nameservers for it; `undefined`: it does. `section`: as the user wrote it. */
export async function judgeDelegation(
  section: string,
  zone: string,
  assigned: readonly string[],
  dns: PublicDns,
): Promise<Said | undefined> {
  const enter = `where you registered the domain, enter these nameservers: ${assigned.map(bare).join(", ")}`;
  let asked: readonly string[];
  try {
    asked = (await dns.nameservers(zone)).map(bare).sort();
  } catch (error) {
    const text = `${section}.zone: could not ask the public DNS who answers for ${zone} (${reason(error)})\n  if its names lead nowhere: ${enter}`;
    return { as: "info", text, toDo: `if ${zone} leads nowhere: ${enter}` };
  }
  const others = asked.filter((server) => !assigned.map(bare).includes(server));
  if (asked.length > 0 && others.length === 0) return undefined;
  const found =
    asked.length === 0
      ? `nobody is asked for ${zone} yet, so its names lead nowhere`
      : `the world asks ${others.join(", ")} for ${zone}, who know nothing of what this stack writes there`;
  return {
    as: "warn",
    text: `${section}.zone: ${found}\n  ${enter}\n  until everybody sees that it may take a day; each pulumi up looks again`,
    toDo: `for ${zone}, ${enter}`,
  };
}

/** What a name was told to lead to, and how its service is told again or otherwise. */
export interface ToldName {
  readonly name: string;
  readonly ipv4: string;
  /** `undefined`: it was told none. */
  readonly ipv6: string | undefined;
  /** A command that tells the service anew. */
  readonly tellAgain: string;
}

/**
 * Whether a name leads where it was told to; `undefined`: it does. A service that keeps no IPv6 addresses is none that
 * leads elsewhere.
 */
export async function judgeName(section: string, told: ToldName, dns: PublicDns): Promise<Said | undefined> {
  const { name, ipv4, ipv6, tellAgain } = told;
  let found: readonly string[];
  try {
    found = (await dns.addresses(name)).map(canonical);
  } catch (error) {
    const text = `${section}: could not ask the public DNS where ${name} leads (${reason(error)})`;
    return { as: "info", text };
  }
  const wanted = [ipv4, ...(ipv6 === undefined ? [] : [ipv6])].map(canonical);
  const others = found.filter((address) => !wanted.includes(address));
  if (found.includes(canonical(ipv4)) && others.length === 0) return undefined;
  const leads = found.length === 0 ? "leads nowhere yet" : `leads to ${found.join(" and ")}`;
  const text = `${section}: ${name} ${leads}; the relay is at ${wanted.join(" and ")}
  a service may take a minute or two: each pulumi up looks again
  if it stays so: ${mend(others, ipv6, tellAgain)}`;
  return { as: "warn", text, toDo: `${name} ${leads}: see the warning for it` };
}

function mend(others: readonly string[], ipv6: string | undefined, tellAgain: string): string {
  if (others.length === 0) return tellAgain;
  if (ipv6 === undefined && others.every((address) => address.includes(":")))
    return `the service keeps an IPv6 address from before, or adds that of a caller: remove it in your account there, or: ${tellAgain}`;
  return `something else tells the service too, as a router's DynDNS, ddclient or a container: switch it off, then: ${tellAgain}`;
}

function bare(server: string): string {
  return server.toLowerCase().replace(/\.$/, "");
}

function canonical(address: string): string {
  return parseAddress(address).toString();
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const words: Readonly<Record<string, string>> = {
    ETIMEOUT: "no answer in time",
    ECONNREFUSED: "no resolver answers",
    ESERVFAIL: "the resolver got no answer",
  };
  return words[code ?? ""] ?? message;
}
