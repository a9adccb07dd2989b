/**
 * A stand-in for the Hetzner Cloud API and for the resolver that knows its zones, so that the real provider can
 * run with no account. It knows what the provider calls for SSH keys, primary IPs, firewalls, servers, zones and
 * rrsets, and refuses all else with 501; it checks what the original checks and the provider does not.
 *
 * Its servers are machines of a `ServerHost`. State is in memory.
 *
 * Not covered: networks, volumes, floating IPs, load balancers, placement groups, snapshots, backups, rebuild,
 * rescue, label selectors, secondary zones, zone files, record types beyond A, AAAA, CNAME, NS and TXT, prices
 * of what no relay has, quotas, and locks (a server with a running action takes another one). Effects come at once even where an
 * action is set to take time. Error texts are the original's only where somebody has seen them.
 */
import { control } from "./control.ts";
import type { Journal } from "./http.ts";
import { serveApi } from "./http.ts";
import { serveTcp, serveUdp } from "./resolver.ts";
import type { ServerHost } from "./serverHost.ts";
import { World } from "./world.ts";
import type { Elsewhere } from "./world.ts";

export interface CloudOptions {
  readonly host: ServerHost;
  readonly apiAddress: string;
  readonly apiPort: number;
  readonly resolverAddress: string;
  /** Default 53, for UDP and TCP. */
  readonly resolverPort?: number;
  /** What clients must present: 64 characters, or the provider refuses it before the API can. */
  readonly token: string;
  /** What the resolver says of names outside the cloud's zones. Default: none of them exists. */
  readonly elsewhere?: Elsewhere;
  readonly log: (line: string) => void;
}

export interface Cloud {
  /** Sets modes, seeds a zone, or reads what is there; the verbs are in `control.ts`. Throws on an unknown one. */
  control(body: unknown): Promise<unknown>;
  /** Ends the API and the resolver. The machines are the host's to end. */
  close(): Promise<void>;
}

const tokenLength = 64;

export async function startCloud(options: CloudOptions): Promise<Cloud> {
  if (options.token.length !== tokenLength) throw new Error(`the token must have ${tokenLength} characters`);
  const { apiAddress, apiPort, resolverAddress, resolverPort = 53 } = options;
  const world = new World(options.host);
  world.elsewhere = options.elsewhere ?? world.elsewhere;
  const journal: Journal = { requests: [], unexpected: [], log: options.log };
  const open: (() => Promise<void>)[] = [];
  const close = async () => {
    world.timers.forEach(clearTimeout);
    await Promise.all(open.map((end) => end()));
  };
  try {
    open.push(await serveUdp(world, resolverPort, resolverAddress));
    open.push(await serveTcp(world, resolverPort, resolverAddress));
    open.push(await serveApi(world, options.token, journal, apiPort, apiAddress));
  } catch (error) {
    await close();
    throw error;
  }
  return { close, control: (body) => new Promise((resolve) => resolve(control(world, journal, body))) };
}
