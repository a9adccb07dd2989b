import { nearest } from "../network/nearest.ts";
import { isRead, refused, show } from "./place.ts";
import type { Draft, Place, Read } from "./place.ts";

/** Turns a raw value into a `T`, or notes at its place what is wrong with it. */
export type Reader<T> = (value: unknown, place: Place) => Read<T>;

/** One reader for each field of `T`. */
export type Fields<T> = { readonly [K in keyof T]: Reader<T[K]> };

/** A mapping with exactly these keys; every field is read, whatever the others hold. */
export function fields<T extends object>(
  readers: Fields<T>,
): (value: unknown, place: Place) => Read<Draft<T>> {
  return (value, place) => {
    if (!isMapping(value))
      return place.refuse(
        `must be a mapping of keys to values; found ${show(value)}`,
        `use these keys: ${keys(readers)}`,
      );
    for (const key of Object.keys(value))
      if (!Object.hasOwn(readers, key)) refuseUnknown(place.at(key), key, Object.keys(readers));
    const draft: Partial<Record<keyof T, unknown>> = {};
    for (const key of Object.keys(readers) as (keyof T & string)[])
      draft[key] = readers[key](value[key], place.at(key));
    return draft as Draft<T>;
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

/** Where nothing is written, `fallback` holds. */
export function optional<T, F>(reader: Reader<T>, fallback: F): Reader<T | F> {
  return (value, place) => (isAbsent(value) ? fallback : reader(value, place));
}

/** Something must be written; `example` is what the mend offers. */
export function required<T>(reader: Reader<T>, example: string): Reader<T> {
  return (value, place) =>
    isAbsent(value) ? place.refuse("is missing", `write it, for example: ${example}`) : reader(value, place);
}

/** A list that keeps the places of refused items, so that later checks can name an item by its index. */
export function items<T>(reader: Reader<T>): Reader<readonly Read<T>[]> {
  return (value, place) => {
    if (!Array.isArray(value))
      return place.refuse(
        `must be a list; found ${show(value)}`,
        isText(value) ? `write it as [${show(value)}]` : "write its items as a YAML list",
      );
    return value.map((item, i) => reader(item, place.at(i)));
  };
}

/** A list of which no item was refused and no two are one; `name` is how an item is compared and shown. */
export function distinct<T>(reader: Reader<T>, name: (item: T) => string): Reader<readonly T[]> {
  return (value, place) => {
    const list = items(reader)(value, place);
    if (!isRead(list)) return refused;
    const first = new Map<string, number>();
    const kept = list.filter((item, i): item is T => {
      if (!isRead(item)) return false;
      const before = first.get(name(item));
      if (before === undefined) first.set(name(item), i);
      else
        place
          .at(i)
          .refuse(
            `repeats ${place.at(before).path}; found ${show(name(item))} in both`,
            "remove one of them",
          );
      return before === undefined;
    });
    return kept.length === list.length ? kept : refused;
  };
}

/** Text for which `accepts` holds; otherwise `rule` and `mend` say what is allowed. */
export function text(accepts: (text: string) => boolean, rule: string, mend: string): Reader<string> {
  return (value, place) => {
    if (!isText(value)) return place.refuse(`must be text; found ${show(value)}`, mend);
    return accepts(value) ? value : place.refuse(`${rule}; found ${show(value)}`, mend);
  };
}

/** Text read by a parser that throws an `Error` with the rule and the text found. */
export function parsed<T>(parse: (text: string) => T, mend: string): Reader<T> {
  return (value, place) =>
    isText(value)
      ? attempt(() => parse(value), place, mend)
      : place.refuse(`must be text; found ${show(value)}`, mend);
}

/** What `parse` returns; or its `Error`, which says the rule and the value found, as a problem. */
export function attempt<T>(parse: () => T, place: Place, mend: string): Read<T> {
  try {
    return parse();
  } catch (error) {
    return place.refuse(error instanceof Error ? error.message : String(error), mend);
  }
}

/** A whole number from `least` to `most`; `why` gives the reason for these bounds. */
export function wholeNumber(least: number, most: number, why = ""): Reader<number> {
  return (value, place) => {
    if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) return Number(value);
    const unquoted = isText(value) && /^\d+$/.test(value) ? `write ${value} without quotes` : undefined;
    return place.refuse(
      `must be a whole number from ${least} to ${most}; found ${show(value)}`,
      unquoted ?? (why === "" ? `write a number from ${least} to ${most}` : why),
    );
  };
}

export function flag(value: unknown, place: Place): Read<boolean> {
  return typeof value === "boolean"
    ? value
    : place.refuse(`must be true or false; found ${show(value)}`, "write true or false, without quotes");
}

/** One of a few words. */
export function oneOf<const T extends string>(words: readonly T[]): Reader<T> {
  return (value, place) => {
    const word = words.find((candidate) => candidate === value);
    if (word !== undefined) return word;
    const meant = isText(value) ? nearest(value, words) : undefined;
    const rule = words.length === 1 ? `must be ${words[0] ?? ""}` : `must be one of ${words.join(", ")}`;
    return place.refuse(`${rule}; found ${show(value)}`, `write ${meant ?? words[0] ?? ""}`);
  };
}

export function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** YAML's `key:` with nothing behind it is null: the user wrote nothing. */
export function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function keys(readers: object): string {
  return Object.keys(readers).join(", ");
}
