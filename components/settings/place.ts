import type { Keys } from "./stackFile.ts";

/** What a reader returns for a value that it has refused: the problem is noted, reading goes on elsewhere. */
export const refused: unique symbol = Symbol("refused");

export type Read<T> = T | typeof refused;

/** A `T` of which some fields may have been refused. */
export type Draft<T> = { readonly [K in keyof T]: Read<T[K]> };

/** The parts of a `T` that were read; the others are `undefined`. */
export type Known<T> = { readonly [K in keyof T]: T[K] | undefined };

/** Whether what stands in a section at these keys is encrypted in the stack file. */
export type IsEncrypted = (keys: Keys) => boolean;

/** One key of the stack file, and where to note what is wrong with it. */
export class Place {
  /** As the user wrote it: `home-relay:homes[0].forwards[2]`. */
  readonly path: string;
  readonly #problems: string[];
  readonly #isEncrypted: IsEncrypted;
  /** Where it stands in its section. */
  readonly #keys: Keys;

  constructor(path: string, problems: string[], isEncrypted: IsEncrypted = () => false, keys: Keys = []) {
    this.path = path;
    this.#problems = problems;
    this.#isEncrypted = isEncrypted;
    this.#keys = keys;
  }

  /** Whether what was found here stands encrypted in the stack file. */
  get isEncrypted(): boolean {
    return this.#isEncrypted(this.#keys);
  }

  /** The key itself, without what it stands in: `hostKey`; empty for an item of a list. */
  get key(): string {
    return /[^.:[\]]+$/.exec(this.path)?.[0] ?? "";
  }

  /** A key inside this one: the name of a field or the index of an item. */
  at(key: string | number): Place {
    return new Place(
      typeof key === "number" ? `${this.path}[${key}]` : `${this.path}.${key}`,
      this.#problems,
      this.#isEncrypted,
      [...this.#keys, key],
    );
  }

  /** Another key of the mapping in which this one stands. */
  beside(key: string): Place {
    return new Place(
      `${this.path.slice(0, this.path.length - this.key.length)}${key}`,
      this.#problems,
      this.#isEncrypted,
      [...this.#keys.slice(0, -1), key],
    );
  }

  /** Notes a problem: `what` names the rule and the value found, `mend` the edit or command that mends it. */
  refuse(what: string, mend: string): typeof refused {
    this.#problems.push(`${this.path}: ${what}\n  ${mend}`);
    return refused;
  }
}

export function isRead<T>(read: Read<T>): read is T {
  return read !== refused;
}

/** The draft as the whole it promises to be, or `refused` if a part of it was. */
export function complete<T extends object>(draft: Read<Draft<T>>): Read<T> {
  return isRead(draft) && isComplete<T>(draft) ? draft : refused;
}

function isComplete<T extends object>(draft: Draft<T>): draft is Draft<T> & T {
  return Object.values(draft).every(isRead);
}

/** The parts of a draft that were read; of a draft that was refused itself, none. */
export function known<T extends object>(draft: Read<Draft<T>> | undefined): Known<T> {
  const parts = draft === undefined || !isRead(draft) ? [] : Object.entries<Read<unknown>>(draft);
  return Object.fromEntries(parts.filter(([, part]) => isRead(part))) as Known<T>;
}

/** A found value as a message shows it: quoted, short, and never a private key, password or token. */
export function show(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  const text = JSON.stringify(value, (key, part: unknown) =>
    /passw|secret|token/i.test(key) ? "***" : part,
  );
  if (text.includes("PRIVATE KEY")) return "a private key";
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
