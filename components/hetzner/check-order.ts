/**
 * Runs on the operator's machine before anything is ordered. The variables ORDER_* say what (order.ts); stdin is a
 * JSON document { endpoint, token }; an empty token means that of the environment. Ends with exit code 1 and every problem there is, or with 0 and a line about what
 * will be ordered. It only reads.
 */
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { explainRefusal, explainSilence } from "./answers.ts";
import type { ErrorAnswer } from "./answers.ts";
import { judgeDns } from "./judgeZone.ts";
import type { Rrset, Zone } from "./judgeZone.ts";
import { judgeRelay } from "./judgeServer.ts";
import type { Offer, Verdict } from "./judgeServer.ts";
import { parseOrder } from "./order.ts";
import type { DnsOrder, Order, RelayOrder } from "./order.ts";

const requestSeconds = 15;
const retryAfterSeconds = [1, 2, 4, 8];
const worthRetrying = [429, 502, 503, 504];

class Api {
  readonly #endpoint: string;
  readonly #token: string;

  constructor({ endpoint, token }: { readonly endpoint: string; readonly token: string }) {
    this.#endpoint = endpoint.replace(/\/+$/, "");
    this.#token = token;
  }

  /** All entries of a list, page by page. Throws an error for the reader. */
  async list<T>(key: string, path: string, query: Record<string, string> = {}): Promise<T[]> {
    const found: T[] = [];
    for (let page: number | null = 1; page !== null;) {
      const search = new URLSearchParams({ ...query, page: String(page), per_page: "50" });
      const body = (await this.#get(`${path}?${search.toString()}`)) as Record<string, T[]> & Paged;
      found.push(...(body[key] ?? []));
      page = body.meta.pagination.next_page;
    }
    return found;
  }

  async #get(path: string): Promise<unknown> {
    for (let tries = 0; ; tries++) {
      const { ok, status, body } = await this.#ask(path);
      if (ok && body !== undefined) return body;
      const wait = retryAfterSeconds[tries];
      if (!worthRetrying.includes(status) || wait === undefined)
        throw new Error(explainRefusal(status, body as ErrorAnswer | undefined));
      await sleep(wait * 1000);
    }
  }

  /** `body` is undefined where it is no JSON, as from a proxy on the way. */
  async #ask(path: string): Promise<{ ok: boolean; status: number; body: unknown }> {
    try {
      const answer = await fetch(this.#endpoint + path, {
        headers: { Authorization: `Bearer ${this.#token}`, Accept: "application/json" },
        signal: AbortSignal.timeout(requestSeconds * 1000),
      });
      return { ok: answer.ok, status: answer.status, body: parseJson(await answer.text()) };
    } catch (error) {
      throw new Error(explainSilence(this.#endpoint, error), { cause: error });
    }
  }
}

interface Paged {
  readonly meta: { readonly pagination: { readonly next_page: number | null } };
}

function parseJson(answer: string): unknown {
  try {
    return JSON.parse(answer);
  } catch {
    return undefined;
  }
}

async function askForRelay(label: string, order: RelayOrder, api: Api): Promise<Verdict> {
  const [locations, serverTypes, images, servers] = await Promise.all([
    api.list<Offer["locations"][number]>("locations", "/locations"),
    api.list<Offer["serverTypes"][number]>("server_types", "/server_types"),
    api.list<Offer["images"][number]>("images", "/images", { type: "system", include_deprecated: "true" }),
    api.list<NonNullable<Offer["server"]>>("servers", "/servers", { name: label }),
  ]);
  return judgeRelay(order, { locations, serverTypes, images, server: servers[0] }, new Date());
}

async function askForDns(label: string, order: DnsOrder, api: Api): Promise<Verdict> {
  const zones = await api.list<Zone>("zones", "/zones");
  const there = zones.some(({ name }) => name === order.zone);
  const rrsets = there
    ? await Promise.all(
        order.names.map((name) => api.list<Rrset>("rrsets", `/zones/${order.zone}/rrsets`, { name })),
      )
    : [];
  return { problems: judgeDns(label, order, zones, rrsets.flat()), remarks: [] };
}

async function ask({ label, relay, dns }: Order, api: Api): Promise<Verdict> {
  const verdicts = await Promise.all([
    ...(relay ? [askForRelay(label, relay, api)] : []),
    ...(dns ? [askForDns(label, dns, api)] : []),
  ]);
  return {
    problems: verdicts.flatMap(({ problems }) => problems),
    remarks: verdicts.flatMap(({ remarks }) => remarks),
  };
}

async function main(): Promise<void> {
  const order = parseOrder(process.env);
  const { endpoint, token } = JSON.parse(await text(process.stdin)) as { endpoint: string; token: string };
  const access = { endpoint, token: token || (process.env["HCLOUD_TOKEN"] ?? "") };
  const { problems, remarks } = await ask(order, new Api(access));
  if (problems.length > 0) throw new Error(problems.join("\n\n"));
  for (const remark of [...remarks, "Hetzner was asked: the order can be placed"]) console.log(remark);
}

try {
  await main();
} catch (error) {
  console.error(`Nothing was ordered, and nothing at Hetzner was changed:\n\n${(error as Error).message}`);
  process.exitCode = 1;
}
