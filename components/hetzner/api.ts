/** The one client of Hetzner's API. */
import { setTimeout as sleep } from "node:timers/promises";
import { explainRefusal, explainSilence } from "./answers.ts";
import type { ErrorAnswer } from "./answers.ts";
import type { HetznerAccess } from "./hetznerAccess.ts";

const requestSeconds = 15;
const retryAfterSeconds = [1, 2, 4, 8];
const worthRetrying = [429, 502, 503, 504];

/** It only reads. */
export class Api {
  readonly #endpoint: string;
  readonly #token: string;

  constructor({ endpoint, token }: HetznerAccess) {
    this.#endpoint = endpoint.replace(/\/+$/, "");
    this.#token = token || (process.env["HCLOUD_TOKEN"] ?? "");
  }

  /** All entries of a list, page by page. Throws an error for the reader. */
  async list<T>(key: string, path: string, query: Record<string, string> = {}): Promise<T[]> {
    const found: T[] = [];
    for (let page: number | null = 1; page !== null;) {
      const search = new URLSearchParams({ ...query, page: String(page), per_page: "50" });
      const body = (await this.#get(`${path}?${search.toString()}`)) as Record<string, T[]> & Paged;
      found.push(...(body[key] ?? []));
      page = body.meta?.pagination?.next_page ?? null;
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
  readonly meta?: { readonly pagination?: { readonly next_page: number | null } };
}

function parseJson(answer: string): unknown {
  try {
    return JSON.parse(answer);
  } catch {
    return undefined;
  }
}
