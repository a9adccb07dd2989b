import { Unexpected, invalidInput, notFound } from "./errors.ts";
import type { Field } from "./fields.ts";
import { nothing } from "./fields.ts";
import type { World } from "./world.ts";

export interface Answer {
  readonly status: number;
  /** Absent: no content. */
  readonly body?: unknown;
}

/** A request whose path has been matched: what an operation reads. */
export class Call<B = undefined> {
  readonly query: URLSearchParams;
  readonly body: B;
  readonly #params: Readonly<Record<string, string>>;

  constructor(params: Readonly<Record<string, string>>, query: URLSearchParams, body: B) {
    this.#params = params;
    this.query = query;
    this.body = body;
  }

  param(name: string): string {
    const value = this.#params[name];
    if (value === undefined) throw new Error(`the route has no {${name}}`);
    return value;
  }

  /** The `{id}` of the path; what is not a number names nothing. */
  get id(): number {
    const value = Number(this.param("id"));
    if (!Number.isSafeInteger(value)) throw notFound("resource");
    return value;
  }

  withBody<C>(body: C): Call<C> {
    return new Call(this.#params, this.query, body);
  }
}

/** One thing that the API can do: which query keys and body it takes, and what happens. */
export interface Operation {
  readonly queryKeys: readonly string[];
  run(world: World, call: Call<unknown>): Answer | Promise<Answer>;
}

export function operation<B>(
  body: Field<B>,
  run: (world: World, call: Call<B>) => Answer | Promise<Answer>,
): Operation {
  return { queryKeys: [], run: (world, call) => run(world, call.withBody(body(call.body, ""))) };
}

/** A read, or anything else without a body. */
export function plain(
  run: (world: World, call: Call) => Answer | Promise<Answer>,
  queryKeys: readonly string[] = [],
): Operation {
  return { ...operation(nothing, run), queryKeys };
}

export const ok = (body: unknown): Answer => ({ status: 200, body });
export const created = (body: unknown): Answer => ({ status: 201, body });
export const noContent: Answer = { status: 204 };

export const pagingKeys = ["page", "per_page"] as const;

/** A list in the API's envelope: one page of it, and where the others are. */
export function page(key: string, entries: readonly unknown[], query: URLSearchParams): Answer {
  const perPage = positive(query, "per_page", 25, 50);
  const current = positive(query, "page", 1, Number.MAX_SAFE_INTEGER);
  const last = Math.max(1, Math.ceil(entries.length / perPage));
  const pagination = {
    page: current,
    per_page: perPage,
    previous_page: current > 1 ? current - 1 : null,
    next_page: current < last ? current + 1 : null,
    last_page: last,
    total_entries: entries.length,
  };
  return ok({ [key]: entries.slice((current - 1) * perPage, current * perPage), meta: { pagination } });
}

function positive(query: URLSearchParams, key: string, absent: number, max: number): number {
  const raw = query.get(key);
  if (raw === null) return absent;
  if (!/^[1-9]\d*$/.test(raw)) throw invalidInput(key, "must be a positive number");
  return Math.min(Number(raw), max);
}

/** Refuses query keys that nobody described. */
export function checkQuery(query: URLSearchParams, allowed: readonly string[]): void {
  for (const key of query.keys()) {
    if (!allowed.includes(key)) throw new Unexpected(`unknown query key ${key}`);
  }
}
