import { invalidInput, notFound } from "./errors.ts";
import type { ActionFailure, Faults } from "./faults.ts";
import { ok, page, pagingKeys, plain } from "./operation.ts";
import { get, now } from "./records.ts";

export interface Resource {
  readonly id: number;
  readonly type: "server" | "primary_ip" | "firewall" | "zone";
}

type Status = "running" | "success" | "error";

export interface Action {
  readonly id: number;
  readonly command: string;
  readonly resources: readonly Resource[];
  readonly started: string;
  readonly failure: ActionFailure | undefined;
  finished: string | null;
  /** How many more times it is `running` when asked for. */
  pollsLeft: number;
}

/**
 * The record of what was done. Effects happen at once; an action that is set to take time only *says* that it
 * still runs, until it has been asked for often enough.
 */
export class Actions {
  readonly #faults: Faults;
  readonly #nextId: () => number;
  readonly #actions = new Map<number, Action>();

  constructor(faults: Faults, nextId: () => number) {
    this.#faults = faults;
    this.#nextId = nextId;
  }

  /** Starts an action. A test may have asked that it fails: then `failure` is set, and the effect must not happen. */
  start(command: string, ...resources: readonly Resource[]): Action {
    const { failNext, actionPolls } = this.#faults;
    const index = failNext.findIndex((failure) => failure.command === command);
    const [failure] = index < 0 ? [] : failNext.splice(index, 1);
    const started = now();
    const action: Action = {
      id: this.#nextId(),
      command,
      resources,
      started,
      failure,
      finished: actionPolls === 0 ? started : null,
      pollsLeft: actionPolls,
    };
    this.#actions.set(action.id, action);
    return action;
  }

  /** An action with its effect: the effect only happens if the action is not set to fail. */
  async perform(
    command: string,
    resources: readonly Resource[],
    effect: () => void | Promise<void>,
  ): Promise<Action> {
    const action = this.start(command, ...resources);
    if (action.failure === undefined) await effect();
    return action;
  }

  poll(id: number): Action {
    const action = get(this.#actions, id, "action");
    if (action.pollsLeft > 0) action.pollsLeft--;
    else action.finished ??= now();
    return action;
  }

  known(ids: readonly number[]): readonly Action[] {
    return ids.filter((id) => this.#actions.has(id)).map((id) => this.poll(id));
  }

  all(): readonly Action[] {
    return [...this.#actions.values()];
  }
}

export function statusOf(action: Action): Status {
  if (action.finished === null) return "running";
  return action.failure === undefined ? "success" : "error";
}

export function renderAction(action: Action): unknown {
  const status = statusOf(action);
  const { failure } = action;
  return {
    id: action.id,
    command: action.command,
    status,
    progress: status === "running" ? 50 : 100,
    started: action.started,
    finished: action.finished,
    error: status === "error" && failure ? { code: failure.code, message: failure.message } : null,
    resources: action.resources,
  };
}

export const getAction = plain(({ actions }, call) => ok({ action: renderAction(actions.poll(call.id)) }));

const order: Readonly<Record<string, (action: Action) => string | number>> = {
  id: (action) => action.id,
  command: (action) => action.command,
  status: statusOf,
  started: (action) => action.started,
};

export const listActions = plain(
  ({ actions }, { query }) => {
    const ids = query.getAll("id").map(Number);
    // Since 2025 the API lists actions by id only.
    if (ids.length === 0) throw invalidInput("id", "must be given at least once");
    if (ids.some((id) => !Number.isSafeInteger(id))) throw notFound("action");
    const wanted = query.getAll("status");
    const found = actions
      .known(ids)
      .filter((action) => wanted.length === 0 || wanted.includes(statusOf(action)));
    return page("actions", sorted(found, query.getAll("sort")).map(renderAction), query);
  },
  ["id", "status", "sort", ...pagingKeys],
);

function sorted(actions: readonly Action[], keys: readonly string[]): readonly Action[] {
  const comparisons = keys.map((key) => {
    const [field = "", direction = "asc"] = key.split(":");
    const read = order[field];
    if (!read || !["asc", "desc"].includes(direction)) throw invalidInput("sort", `cannot sort by ${key}`);
    const sign = direction === "asc" ? 1 : -1;
    return (a: Action, b: Action) => sign * (read(a) < read(b) ? -1 : read(a) > read(b) ? 1 : 0);
  });
  return actions.toSorted((a, b) => comparisons.reduce((found, compare) => found || compare(a, b), 0));
}
