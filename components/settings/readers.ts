import { nearest } from "../network/nearest.ts";
import { isRead, refused, show } from "./place.ts";
import type { Place, Read } from "./place.ts";
import type { Schema } from "./schema.ts";

export type Mapping = Readonly<Record<string, unknown>>;

/**
 * Turns a raw value into a `T`, or notes at its place what is wrong with it. `siblings` is the mapping in which the
 * value's key stands, since a zone decides what its names may be; for a section, all sections by their names.
 */
export type Reader<T> = (value: unknown, place: Place, siblings: Mapping) => Read<T>;

/** A kind of value that a user may write: how it is read, and how it is described to people and to editors. */
export interface Kind<T> {
  readonly read: Reader<T>;
  /** In words, with its unit and range: `bytes, 1280 to 1420`. */
  readonly shape: string;
  readonly schema: Schema;
  /** The keys inside, where the value is a mapping or may hold mappings. */
  readonly tables: readonly FieldTable[];
}

/** The keys of one mapping. */
export interface FieldTable {
  /** When these keys apply, where there are others: `provider: ssh`. */
  readonly when: string | undefined;
  readonly fields: Readonly<Record<string, Field<unknown>>>;
}

/** A key: what it means, and what holds where it is not written. `fields.ts` has the ways to make one. */
export interface Field<T> extends Kind<T> {
  /** One or two sentences for people. */
  readonly means: string;
  /** As it stands in a stack file. */
  readonly example: unknown;
  /** What holds where nothing is written, as it would stand in a stack file. */
  readonly default?: unknown;
  /** The same in words, where no value says it; neither of the two: the key must be written. */
  readonly otherwise?: string;
}

/** Text that `pattern` matches; otherwise `rule` and `mend` say what is allowed. */
export function text(rules: {
  readonly pattern: RegExp;
  readonly shape: string;
  readonly rule: string;
  readonly mend: string;
}): Kind<string> {
  const { pattern, shape, rule, mend } = rules;
  return {
    shape,
    schema: { type: "string", pattern: pattern.source },
    tables: [],
    read: (value, place) => {
      if (!isText(value)) return place.refuse(`must be text; found ${show(value)}`, mend);
      return pattern.test(value) ? value : place.refuse(`${rule}; found ${show(value)}`, mend);
    },
  };
}

/** Text with a reader of its own. */
export function textBy<T>(read: Reader<T>, shape: string): Kind<T> {
  return { read, shape, schema: { type: "string" }, tables: [] };
}

/** Text read by a parser that throws an `Error` with the rule and the text found. */
export function parsed<T>(parse: (text: string) => T, shape: string, mend: string): Kind<T> {
  return textBy(
    (value, place) =>
      isText(value)
        ? attempt(() => parse(value), place, mend)
        : place.refuse(`must be text; found ${show(value)}`, mend),
    shape,
  );
}

/** What `parse` returns; or its `Error`, which says the rule and the value found, as a problem. */
export function attempt<T>(parse: () => T, place: Place, mend: string): Read<T> {
  try {
    return parse();
  } catch (error) {
    return place.refuse(error instanceof Error ? error.message : String(error), mend);
  }
}

/** A whole number from `least` to `most` of `unit`; `why` gives the reason for these bounds. */
export function wholeNumber(least: number, most: number, unit: string, why?: string): Kind<number> {
  return {
    shape: `${unit}, ${least} to ${most}`,
    schema: { type: "integer", minimum: least, maximum: most },
    tables: [],
    read: (value, place) => {
      if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) return Number(value);
      const unquoted = isText(value) && /^\d+$/.test(value) ? `write ${value} without quotes` : undefined;
      return place.refuse(
        `must be a whole number from ${least} to ${most}; found ${show(value)}`,
        unquoted ?? why ?? `write a number from ${least} to ${most}`,
      );
    },
  };
}

export const flag: Kind<boolean> = {
  shape: "true or false",
  schema: { type: "boolean" },
  tables: [],
  read: (value, place) =>
    typeof value === "boolean"
      ? value
      : place.refuse(`must be true or false; found ${show(value)}`, "write true or false, without quotes"),
};

/** One of a few words. */
export function oneOf<const T extends string>(words: readonly T[]): Kind<T> {
  return {
    shape: list(words),
    schema: { enum: words },
    tables: [],
    read: (value, place) => {
      const word = words.find((candidate) => candidate === value);
      if (word !== undefined) return word;
      const meant = isText(value) ? nearest(value, words) : undefined;
      const rule = words.length === 1 ? `must be ${words[0] ?? ""}` : `must be one of ${words.join(", ")}`;
      return place.refuse(`${rule}; found ${show(value)}`, `write ${meant ?? words[0] ?? ""}`);
    },
  };
}

/** A list that keeps the places of refused items, so that later checks can name an item by its index. */
export function items<T>(item: Kind<T>, shape: string): Kind<readonly Read<T>[]> {
  return {
    shape,
    schema: { type: "array", items: item.schema },
    tables: item.tables,
    read: (value, place, siblings) => {
      if (!Array.isArray(value))
        return place.refuse(
          `must be a list; found ${show(value)}`,
          isText(value) ? `write it as [${show(value)}]` : "write its items as a YAML list",
        );
      return value.map((one, i) => item.read(one, place.at(i), siblings));
    },
  };
}

/** A list of which no item was refused and no two are one; `name` is how an item is compared and shown. */
export function distinct<T>(item: Kind<T>, shape: string, name: (item: T) => string): Kind<readonly T[]> {
  const all = items(item, shape);
  return {
    ...all,
    read: (value, place, siblings) => {
      const read = all.read(value, place, siblings);
      if (!isRead(read)) return refused;
      const first = new Map<string, number>();
      const kept = read.filter((one, i): one is T => {
        if (!isRead(one)) return false;
        const before = first.get(name(one));
        if (before === undefined) first.set(name(one), i);
        else
          place
            .at(i)
            .refuse(
              `repeats ${place.at(before).path}; found ${show(name(one))} in both`,
              "remove one of them",
            );
        return before === undefined;
      });
      return kept.length === read.length ? kept : refused;
    },
  };
}

/** A list with at least one item; `what` says what an empty one would mean. */
export function notEmpty<T>(all: Kind<readonly T[]>, what: string, mend: string): Kind<readonly T[]> {
  return {
    ...all,
    schema: { ...all.schema, minItems: 1 },
    read: (value, place, siblings) =>
      Array.isArray(value) && value.length === 0
        ? place.refuse(what, mend)
        : all.read(value, place, siblings),
  };
}

/** Refuses a key that nothing reads: a setting that is silently ignored is worse than none. */
export function refuseUnknown(place: Place, key: string, known: readonly string[]): void {
  const meant = nearest(key, known);
  place.refuse(
    "is not a setting",
    meant === undefined ? `remove it; known here: ${known.join(", ")}` : `did you mean ${meant}?`,
  );
}

/** `a, b or c`. */
function list(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1) ?? ""}`;
}

export function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** YAML's `key:` with nothing behind it is null: the user wrote nothing. */
export function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

export function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
