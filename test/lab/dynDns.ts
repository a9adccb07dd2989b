/**
 * Stand-ins for DynDNS services, reached over HTTPS at one address under their own names:
 *
 *   freemyip.com        /update?token=&domain=&myip=                     one address a request
 *   www.duckdns.org     /update?domains=&token=&ip=&ipv6=            with &clear=true, both addresses go
 *   dyn.example.net     /nic/update?hostname=&myip=A[,AAAA]              dyndns2, with basic authentication
 *   dns.example.net     /update?key=&host=&ip=&ip6=                      a service of somebody's own
 *
 * Covered is what a client needs that knows its addresses: the answers to right and wrong requests as documented,
 * freemyip's refusal of quick requests, `nochg`, and its `abuse` after too many. A request with a parameter that is
 * not above, without one that is, or by another method gets 400 and counts as unexpected.
 *
 * Not covered: detection of the caller's address, TXT records, deletion, DuckDNS's `verbose`, dyndns2's
 * `wildcard`, `mx`, `offline` and lists of names, plain HTTP, expiry of names.
 */
import { createServer } from "node:https";
import type { IncomingMessage } from "node:http";
import { isIPv4, isIPv6 } from "node:net";
import { addresses } from "./addresses.ts";
import { certify } from "./certificates.ts";

const hosts = ["freemyip.com", "www.duckdns.org", "dyn.example.net", "dns.example.net"] as const;
type Host = (typeof hosts)[number];

/** What a check may say to the services; each part is optional. */
export interface DynDnsOrder {
  /** Names that somebody claimed, and the token or `user:password` that owns each. */
  readonly claim?: Readonly<Record<string, string>>;
  /** Names that lose their addresses, as by an accident of the service's. */
  readonly forget?: readonly string[];
  /** The next requests get these answers, whatever they ask. */
  readonly answerNext?: readonly Answer[];
  /** Forgets the requests of before. */
  readonly reset?: boolean;
}

export interface DynDnsReport {
  readonly requests: readonly DynDnsRequest[];
  /** Requests that no service knows. */
  readonly unexpected: readonly string[];
}

export interface DynDnsRequest {
  readonly host: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly agent: string;
  readonly status: number;
  readonly answer: string;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  /** How long the client waits for it. @default 0 */
  readonly delayMs?: number;
}

export interface DynDns {
  control(order: DynDnsOrder): DynDnsReport;
  addressesOf(name: string): { readonly A?: string; readonly AAAA?: string } | undefined;
}

/** A request that the original has no use for. */
class Unexpected extends Error {}

/** freemyip.com takes a request as quick as this after the one before for one with a wrong token. */
const quickMs = 2000;
/** So many updates in a row that change nothing make dyndns2 block a name. */
const mostIdle = 5;

export async function serveDynDns(log: (line: string) => void): Promise<DynDns> {
  const services = new Services();
  const server = createServer(await certify("dyndns", hosts), (request, response) => {
    const { status, text, delayMs = 0 } = services.answer(request, log);
    setTimeout(() => response.writeHead(status, { "Content-Type": "text/plain" }).end(text), delayMs);
  });
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject);
    server.listen(443, addresses.dynDns, resolve);
  });
  return services;
}

class Services implements DynDns {
  readonly #owners = new Map<string, string>();
  readonly #records = new Map<string, { A?: string; AAAA?: string }>();
  readonly #idle = new Map<string, number>();
  #lastFreemyip = 0;
  #orders: Answer[] = [];
  #requests: DynDnsRequest[] = [];
  #unexpected: string[] = [];

  control(order: DynDnsOrder): DynDnsReport {
    const known = ["claim", "forget", "answerNext", "reset"];
    const others = Object.keys(order).filter((key) => !known.includes(key));
    if (others.length > 0) throw new Error(`there is no order ${others.join()}; there are ${known.join()}`);
    for (const [name, owner] of Object.entries(order.claim ?? {})) this.#owners.set(name, owner);
    for (const name of order.forget ?? []) this.#records.delete(name);
    this.#orders.push(...(order.answerNext ?? []));
    if (order.reset === true) {
      this.#requests = [];
      this.#unexpected = [];
    }
    return { requests: this.#requests, unexpected: this.#unexpected };
  }

  addressesOf(name: string): { readonly A?: string; readonly AAAA?: string } | undefined {
    return hosts.some((host) => host === name) ? { A: addresses.dynDns } : this.#records.get(name);
  }

  answer(request: IncomingMessage, log: (line: string) => void): Answer {
    const url = new URL(request.url ?? "/", `https://${request.headers.host ?? "nobody"}`);
    const answer = this.#judge(request, url);
    const agent = request.headers["user-agent"] ?? "";
    const query = Object.fromEntries(url.searchParams);
    const { hostname: host, pathname: path } = url;
    this.#requests.push({ host, path, query, agent, status: answer.status, answer: answer.text });
    log(`${host}${path}: ${answer.status} ${answer.text}`);
    return answer;
  }

  #judge(request: IncomingMessage, url: URL): Answer {
    const ordered = this.#orders.shift();
    if (ordered) return ordered;
    try {
      const host = hosts.find((each) => each === url.hostname);
      if (host === undefined) throw new Unexpected(`host ${url.hostname}`);
      if (request.method !== "GET") throw new Unexpected(`method ${request.method ?? ""}`);
      return this.#ask(host, url, request);
    } catch (error) {
      if (!(error instanceof Unexpected)) throw error;
      this.#unexpected.push(`${url.hostname}${url.pathname}: ${error.message}`);
      return { status: 400, text: `the lab does not know this: ${error.message}` };
    }
  }

  #ask(host: Host, url: URL, request: IncomingMessage): Answer {
    switch (host) {
      case "freemyip.com":
        return this.#freemyip(parameters(url, "/update", ["token", "domain", "myip"]));
      case "www.duckdns.org":
        return this.#duckdns(parameters(url, "/update", ["domains", "token", "ip"], ["ipv6", "clear"]));
      case "dyn.example.net":
        return this.#dyndns2(parameters(url, "/nic/update", ["hostname", "myip"]), request);
      case "dns.example.net":
        return this.#own(parameters(url, "/update", ["key", "host", "ip"], ["ip6"]));
    }
  }

  #freemyip({ token, domain, myip }: Record<"token" | "domain" | "myip", string>): Answer {
    if (!domain.endsWith(".freemyip.com")) throw new Unexpected(`domain ${domain}`);
    const quick = Date.now() - this.#lastFreemyip < quickMs;
    this.#lastFreemyip = Date.now();
    if (quick || this.#owners.get(domain) !== token) return { status: 200, text: "ERROR" };
    this.#set(domain, [myip]);
    return { status: 200, text: "OK" };
  }

  #duckdns({ domains, token, ip, ipv6, clear }: Record<string, string>): Answer {
    const names = (domains ?? "").split(",").map((name) => `${name}.duckdns.org`);
    if (names.some((name) => name.split(".").length !== 3)) throw new Unexpected(`domains ${domains ?? ""}`);
    if (!isIPv4(ip ?? "") || (ipv6 !== undefined && !isIPv6(ipv6))) throw new Unexpected("addresses");
    if (clear !== undefined && clear !== "true") throw new Unexpected(`clear ${clear}`);
    if (names.some((name) => this.#owners.get(name) !== token)) return { status: 200, text: "KO" };
    if (clear === "true") {
      for (const name of names) this.#records.delete(name);
      return { status: 200, text: "OK" };
    }
    for (const name of names) this.#set(name, [ip ?? "", ...(ipv6 === undefined ? [] : [ipv6])]);
    return { status: 200, text: "OK" };
  }

  #dyndns2({ hostname, myip }: Record<"hostname" | "myip", string>, request: IncomingMessage): Answer {
    if ((request.headers["user-agent"] ?? "") === "") return { status: 200, text: "badagent" };
    const [, encoded = ""] = /^Basic (\S+)$/.exec(request.headers.authorization ?? "") ?? [];
    const credentials = Buffer.from(encoded, "base64").toString();
    if (![...this.#owners.values()].includes(credentials)) return { status: 401, text: "badauth" };
    if (!hostname.includes(".")) return { status: 200, text: "notfqdn" };
    if (this.#owners.get(hostname) !== credentials) return { status: 200, text: "nohost" };
    const wanted = myip.split(",");
    const had = this.#records.get(hostname) ?? {};
    const idle = wanted.every((address) => [had.A, had.AAAA].includes(address))
      ? (this.#idle.get(hostname) ?? 0) + 1
      : 0;
    this.#idle.set(hostname, idle);
    if (idle > mostIdle) return { status: 200, text: "abuse" };
    this.#set(hostname, wanted);
    return { status: 200, text: `${idle > 0 ? "nochg" : "good"} ${myip}` };
  }

  #own({ key, host, ip, ip6 }: Record<string, string>): Answer {
    if (host === undefined || this.#owners.get(host) !== key) return { status: 403, text: "who are you?" };
    this.#set(host, [ip ?? "", ...(ip6 === undefined ? [] : [ip6])]);
    return { status: 200, text: "OK, thank you" };
  }

  #set(name: string, wanted: readonly string[]): void {
    const record = this.#records.get(name) ?? {};
    for (const address of wanted) {
      if (isIPv4(address)) record.A = address;
      else if (isIPv6(address)) record.AAAA = address;
      else throw new Unexpected(`address ${address}`);
    }
    this.#records.set(name, record);
  }
}

/** Exactly these parameters, each once and not empty. */
function parameters<const Needed extends string, const Optional extends string = never>(
  url: URL,
  path: string,
  needed: readonly Needed[],
  possible: readonly Optional[] = [],
): Record<Needed, string> & Partial<Record<Optional, string>> {
  if (url.pathname !== path) throw new Unexpected(`path ${url.pathname}`);
  const known: readonly string[] = [...needed, ...possible];
  const found: Record<string, string> = {};
  for (const [key, value] of url.searchParams) {
    if (!known.includes(key) || key in found || value === "")
      throw new Unexpected(`parameter ${key}=${value}`);
    found[key] = value;
  }
  for (const key of needed) if (!(key in found)) throw new Unexpected(`no parameter ${key}`);
  return found as Record<Needed, string> & Partial<Record<Optional, string>>;
}
