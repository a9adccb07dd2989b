/** The one client of Hetzner's API. */
import { setTimeout as sleep } from "node:timers/promises";
import { hetznerEndpoint } from "../network/hetznerEndpoint.ts";
import { explainRefusal, explainSilence } from "./answers.ts";
import type { ErrorAnswer } from "./answers.ts";
import type { HetznerAccess } from "./hetznerAccess.ts";

const requestSeconds = 15;
const longestActionSeconds = 60;
const retryAfterSeconds = [1, 2, 4, 8];
const worthRetrying = [429, 502, 503, 504];

/** Only `change` changes anything. */
export class Api {
  readonly #endpoint: string;
  readonly #token: string;

  constructor({ endpoint, token }: HetznerAccess) {
    const found = endpoint || process.env["HCLOUD_ENDPOINT"] || hetznerEndpoint;
    this.#endpoint = found.replace(/\/+$/, "");
    this.#token = token || (process.env["HCLOUD_TOKEN"] ?? "");
  }

  /** All entries of a list, page by page. Throws an error for the reader. */
  async list<T>(key: string, path: string, query: Record<string, string> = {}): Promise<T[]> {
    const found: T[] = [];
    for (let page: number | null = 1; page !== null;) {
      const search = new URLSearchParams({ ...query, page: String(page), per_page: "50" });
      const body = (await this.get(`${path}?${search.toString()}`)) as Record<string, T[]> & Paged;
      found.push(...(body[key] ?? []));
      page = body.meta?.pagination?.next_page ?? null;
    }
    return found;
  }

  /** What the answer has under `key`; `undefined` where Hetzner knows nothing of it. Throws an error for the reader. */
  async find(key: string, path: string): Promise<unknown> {
    const answer = await this.#insist(path);
    return answer.status === 404 ? undefined : (read(answer) as Record<string, unknown>)[key];
  }

  /** Has something done, and waits until it is. Throws an error for the reader. */
  async change(path: string, sent: object): Promise<void> {
    const { action, actions = [] } = read(await this.#insist(path, sent)) as Started;
    for (const { id } of [...(action ? [action] : []), ...actions]) await this.#finish(id);
  }

  async #finish(id: number): Promise<void> {
    for (let asked = 0; asked < longestActionSeconds; asked++) {
      const { status, error } = (await this.find("action", `/actions/${id}`)) as Action;
      if (status === "success") return;
      if (status === "error")
        throw new Error(`Hetzner could not do it: ${error?.message ?? "no reason given"}`);
      await sleep(1000);
    }
    throw new Error(`Hetzner was not done with it after ${longestActionSeconds} s`);
  }

  /**
   * Whether the token may do more than read, which nothing at Hetzner tells: it is asked for a key without a name and
   * without a key, which it refuses in any case, and one that only reads with another word.
   */
  async mayWrite(): Promise<boolean> {
    const { status, body } = await this.#insist("/ssh_keys", {});
    return !(status === 403 && (body as ErrorAnswer | undefined)?.error?.code === "token_readonly");
  }

  /** One answer. Throws an error for the reader. */
  async get(path: string): Promise<unknown> {
    return read(await this.#insist(path));
  }

  /** Asks again while the API has too much to do. */
  async #insist(path: string, sent?: object): Promise<Answer> {
    for (let tries = 0; ; tries++) {
      const answer = await this.#ask(path, sent);
      const wait = retryAfterSeconds[tries];
      if (!worthRetrying.includes(answer.status) || wait === undefined) return answer;
      await sleep(wait * 1000);
    }
  }

  /** Sends a question, or with `sent` a request. */
  async #ask(path: string, sent?: object): Promise<Answer> {
    try {
      const answer = await fetch(this.#endpoint + path, {
        headers: {
          Authorization: `Bearer ${this.#token}`,
          Accept: "application/json",
          ...(sent === undefined ? {} : { "Content-Type": "application/json" }),
        },
        ...(sent === undefined ? {} : { method: "POST", body: JSON.stringify(sent) }),
        signal: AbortSignal.timeout(requestSeconds * 1000),
      });
      return { ok: answer.ok, status: answer.status, body: parseJson(await answer.text()) };
    } catch (error) {
      throw new Error(explainSilence(this.#endpoint, error), { cause: error });
    }
  }
}

interface Answer {
  readonly ok: boolean;
  readonly status: number;
  /** `undefined` where it is no JSON, as from a proxy on the way. */
  readonly body: unknown;
}

interface Paged {
  readonly meta?: { readonly pagination?: { readonly next_page: number | null } };
}

/** What a change has begun. */
interface Started {
  readonly action?: Action;
  readonly actions?: readonly Action[];
}

interface Action {
  readonly id: number;
  readonly status: "running" | "success" | "error";
  readonly error?: { readonly message: string } | null;
}

function read({ ok, status, body }: Answer): unknown {
  if (!ok || body === undefined) throw new Error(explainRefusal(status, body as ErrorAnswer | undefined));
  return body;
}

function parseJson(answer: string): unknown {
  try {
    return JSON.parse(answer);
  } catch {
    return undefined;
  }
}
