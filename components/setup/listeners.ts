import { createForward } from "../network/forward.ts";
import type { Forward } from "../network/forward.ts";
import type { Protocol } from "../network/port.ts";

/** A socket that takes calls from other machines. */
export interface Listener {
  readonly protocol: Protocol;
  readonly port: number;
  /** The program's name, where the look was root's. */
  readonly program: string | undefined;
}

/** A service that may be published. */
export interface Offer {
  /** As a Compose file has it: `80`, `2222:22`, `53:53/udp`. */
  readonly text: string;
  readonly service: string | undefined;
  /** Why it should not be published without a second thought; `undefined` for most. */
  readonly danger: string | undefined;
  /** Whether it is one that people run for strangers. */
  readonly isUsual: boolean;
}

/**
 * The sockets in the lines of `ss -ltnupH`, once each, in the order of their ports. What only the machine itself or one
 * of its addresses reaches is none: a forward comes to the home's address in the tunnel.
 */
export function parseListeners(lines: readonly string[]): Listener[] {
  const found = new Map<string, Listener>();
  for (const line of lines) {
    const [protocol, , , , local = "", , ...rest] = line.trim().split(/\s+/);
    const match = /^(\*|0\.0\.0\.0|\[::\])(?:%[^:]+)?:(\d+)$/.exec(local);
    if (!match || (protocol !== "tcp" && protocol !== "udp")) continue;
    const port = Number(match[2]);
    const program = /^users:\(\("([^"]*)"/.exec(rest.join(" "))?.[1]?.replaceAll(/[^\w.@:+ -]/g, "");
    const key = `${protocol} ${port}`;
    if (found.get(key)?.program === undefined) found.set(key, { protocol, port, program });
  }
  return [...found.values()].sort((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1));
}

/** What answers nobody, and what comes and goes: DHCP's own, and the ports from which programs ask. */
function isService({ protocol, port }: Listener): boolean {
  return protocol === "tcp" || (port !== 68 && port !== 546 && port < 32_768);
}

const usualPorts = [80, 443];

/** Those that may be published; `taken` are the relay's own ports, as `22/tcp`, which another one stands for. */
export function offerForwards(
  listeners: readonly Listener[],
  taken: readonly string[],
  dangerOf: (forward: Forward) => string | undefined,
): Offer[] {
  const used = new Set([...taken, ...listeners.map(({ protocol, port }) => `${port}/${protocol}`)]);
  return listeners.filter(isService).map((listener) => {
    const { protocol, port, program } = listener;
    const published = taken.includes(`${port}/${protocol}`) ? freePort(port, protocol, used) : port;
    const [first, last] = [published, published];
    const forward = createForward({ first, last }, { first: port, last: port }, protocol);
    const ports = published === port ? `${port}` : `${published}:${port}`;
    return {
      text: protocol === "tcp" ? ports : `${ports}/udp`,
      service: program ?? knownServices.get(`${port}/${protocol}`),
      danger: dangerOf(forward),
      isUsual: protocol === "tcp" && usualPorts.includes(port),
    };
  });
}

/** 22 -> 2222, 51820 -> 51821. */
function freePort(port: number, protocol: Protocol, used: ReadonlySet<string>): number {
  let published = port < 100 ? port * 101 : port + 1;
  while (used.has(`${published}/${protocol}`)) published++;
  return published;
}

/** For a reader who cannot see the program; the port says no more than what is usual. */
const knownServices: ReadonlyMap<string, string> = new Map([
  ["22/tcp", "SSH"],
  ["25/tcp", "mail"],
  ["53/tcp", "DNS"],
  ["53/udp", "DNS"],
  ["80/tcp", "a web server"],
  ["443/tcp", "a web server, TLS"],
  ["443/udp", "a web server, HTTP/3"],
  ["445/tcp", "Windows shares"],
  ["3306/tcp", "MySQL"],
  ["5432/tcp", "PostgreSQL"],
  ["8096/tcp", "Jellyfin, as a rule"],
  ["8123/tcp", "Home Assistant, as a rule"],
  ["25565/tcp", "Minecraft, as a rule"],
  ["32400/tcp", "Plex, as a rule"],
]);
