import { Unexpected, invalidInput } from "./errors.ts";

/** Reads one field of a request: returns its value, or throws what the API answers to a bad one. */
export type Field<T> = (value: unknown, at: string) => T;

type Shape = Readonly<Record<string, Field<unknown>>>;
export type Values<S extends Shape> = { readonly [K in keyof S]: S[K] extends Field<infer T> ? T : never };
export type ValueOf<F> = F extends Field<infer T> ? T : never;

/** An object with these fields and no others: a field that nobody described must not pass in silence. */
export function object<S extends Shape>(shape: S): Field<Values<S>> {
  return (value, at) => {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw invalidInput(at || "body", "must be an object");
    const found = value as Record<string, unknown>;
    const inside = (key: string) => (at === "" ? key : `${at}.${key}`);
    for (const key of Object.keys(found)) {
      if (!Object.hasOwn(shape, key)) throw new Unexpected(`unknown field ${inside(key)}`);
    }
    const read = Object.entries(shape).map(([key, field]) => [key, field(found[key], inside(key))]);
    return Object.fromEntries(read) as Values<S>;
  };
}

export function optional<T>(field: Field<T>): Field<T | undefined> {
  return (value, at) => (value === undefined ? undefined : field(value, at));
}

export function nullable<T>(field: Field<T>): Field<T | null> {
  return (value, at) => (value === null ? null : field(value, at));
}

export function withDefault<T>(field: Field<T>, absent: T): Field<T> {
  return (value, at) => (value === undefined ? absent : field(value, at));
}

export function list<T>(field: Field<T>, limits: { min?: number; max?: number } = {}): Field<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw invalidInput(at, "must be a list");
    if (value.length < (limits.min ?? 0))
      throw invalidInput(at, `must have at least ${limits.min ?? 0} entries`);
    if (value.length > (limits.max ?? Infinity))
      throw invalidInput(at, `must have at most ${limits.max ?? 0} entries`);
    return value.map((entry, index) => field(entry, `${at}[${index}]`));
  };
}

export function oneOf<const T extends string>(...allowed: readonly T[]): Field<T> {
  return (value, at) => {
    const found = allowed.find((candidate) => candidate === value);
    if (found === undefined) throw invalidInput(at, `must be one of ${allowed.join(", ")}`);
    return found;
  };
}

/** A string that passes the test; `rule` says in words what a good one is. */
export function text(
  rule = "must be a string",
  test: (value: string) => boolean = () => true,
): Field<string> {
  return (value, at) => {
    if (typeof value !== "string" || !test(value)) throw invalidInput(at, rule);
    return value;
  };
}

export function integer(min: number, max = Number.MAX_SAFE_INTEGER): Field<number> {
  return (value, at) => {
    if (!Number.isInteger(value) || Number(value) < min || Number(value) > max) {
      throw invalidInput(at, `must be a whole number from ${min} to ${max}`);
    }
    return Number(value);
  };
}

export const id = integer(1);

export const flag: Field<boolean> = (value, at) => {
  if (typeof value !== "boolean") throw invalidInput(at, "must be true or false");
  return value;
};

/** The API takes an id or a name; what is returned compares equal to one of the two as strings. */
export const idOrName: Field<string> = (value, at) => {
  if (typeof value === "number" && Number.isInteger(value)) return String(value);
  if (typeof value === "string" && value !== "") return value;
  throw invalidInput(at, "must be an id or a name");
};

export const resourceName = text(
  "must have 1 to 128 characters",
  (value) => value.trim() !== "" && value.length <= 128,
);

/** RFC 1123, as servers need it: the name becomes the machine's host name. */
export const hostName = text(
  "must be a valid hostname as per RFC 1123",
  (value) =>
    value.length <= 253 &&
    value.split(".").every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(label)),
);

/** A full domain name without the trailing dot. */
export const domainName = text(
  "must be a fully qualified domain name in lower case, without a trailing dot",
  (value) =>
    value.length <= 253 &&
    value.includes(".") &&
    value.split(".").every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label)),
);

export type Labels = Readonly<Record<string, string>>;

const labelWord = /^[a-z0-9A-Z]([\w.-]{0,61}[a-z0-9A-Z])?$/;
const labelPrefix = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i;

export const labels: Field<Labels> = (value, at) => {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalidInput(at, "must be an object");
  const found: Record<string, string> = {};
  for (const [key, content] of Object.entries(value)) {
    const slash = key.lastIndexOf("/");
    const prefixed =
      slash < 0 || (labelPrefix.test(key.slice(0, slash)) && key.slice(0, slash) !== "hetzner.cloud");
    if (!prefixed || !labelWord.test(key.slice(slash + 1))) throw invalidInput(at, `bad label key ${key}`);
    if (typeof content !== "string" || (content !== "" && !labelWord.test(content))) {
      throw invalidInput(at, `bad value of label ${key}`);
    }
    found[key] = content;
  }
  return found;
};

/** A body that must not be there. */
export const nothing: Field<undefined> = (value) => {
  if (value !== undefined) throw new Unexpected("a body where none belongs");
  return undefined;
};
