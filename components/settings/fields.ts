import { show } from "./place.ts";
import type { Draft, Place, Read } from "./place.ts";
import { isAbsent, isMapping, isText, refuseUnknown } from "./readers.ts";
import type { Field, Kind, Mapping } from "./readers.ts";
import type { Schema } from "./schema.ts";

/** One field for each key of `T`. */
export type Fields<T> = { readonly [K in keyof T]: Field<T[K]> };

interface About {
  readonly means: string;
  readonly example: unknown;
}

/** Something must be written; where nothing is, the mend offers the example, or what `mend` says. */
export function required<T>(
  kind: Kind<T>,
  about: About & { readonly mend?: (place: Place) => string },
): Field<T> {
  const {
    means,
    example,
    mend = (place: Place) => `write it, for example: ${place.key}: ${renderYaml(example)}`,
  } = about;
  return {
    ...kind,
    means,
    example,
    read: (value, place, siblings) =>
      isAbsent(value) ? place.refuse("is missing", mend(place)) : kind.read(value, place, siblings),
  };
}

/** Where nothing is written, `default` holds, as if it were. */
export function withDefault<T>(kind: Kind<T>, about: About & { readonly default: unknown }): Field<T> {
  return {
    ...kind,
    ...about,
    read: (value, place, siblings) => kind.read(isAbsent(value) ? about.default : value, place, siblings),
  };
}

/** Where nothing is written, there is no value; `otherwise` says what holds then. */
export function optional<T>(
  kind: Kind<T>,
  about: About & { readonly otherwise: string },
): Field<T | undefined> {
  return {
    ...kind,
    ...about,
    read: (value, place, siblings) => (isAbsent(value) ? undefined : kind.read(value, place, siblings)),
  };
}

export function isRequired(field: Field<unknown>): boolean {
  return !("default" in field) && field.otherwise === undefined;
}

/** A mapping with exactly these keys; every field is read, whatever the others hold. */
export function record<T extends object>(fields: Fields<T>, when?: string): Kind<Draft<T>> {
  const keys = Object.keys(fields) as (keyof T & string)[];
  return {
    shape: "mapping",
    schema: describe(fields),
    tables: [{ when, fields }],
    read: (value, place) => (isMapping(value) ? readFields(value, place) : refuseOther(value, place)),
  };

  function readFields(value: Mapping, place: Place): Draft<T> {
    for (const key of Object.keys(value)) if (!isOwn(key)) refuseUnknown(place.at(key), key, keys);
    const draft: Partial<Record<keyof T, unknown>> = {};
    for (const key of keys) draft[key] = fields[key].read(value[key], place.at(key), value);
    return draft as Draft<T>;
  }

  function refuseOther(value: unknown, place: Place): Read<never> {
    return place.refuse(
      `must be a mapping of keys to values; found ${show(value)}`,
      `use these keys: ${keys.join(", ")}`,
    );
  }

  function isOwn(key: string): boolean {
    return Object.hasOwn(fields, key);
  }
}

function describe(fields: object): Schema {
  const entries = Object.entries(fields as Readonly<Record<string, Field<unknown>>>);
  return {
    type: "object",
    properties: Object.fromEntries(entries.map(([key, field]) => [key, describeField(field)])),
    required: entries.filter(([, field]) => isRequired(field)).map(([key]) => key),
    additionalProperties: false,
  };
}

/** The schema of what stands behind a key; with nothing there, it counts as not written. */
export function describeField(field: Field<unknown>): Schema {
  return {
    ...(isRequired(field) ? field.schema : { anyOf: [field.schema, { type: "null" }] }),
    description: field.means,
    ...("default" in field ? { default: field.default } : {}),
    examples: [field.example],
  };
}

/** A value in YAML's flow style: `{ host: 192.168.1.10, names: ["www"] }`. */
export function renderYaml(value: unknown): string {
  if (Array.isArray(value))
    return `[${value.map((item) => (isMapping(item) ? renderYaml(item) : JSON.stringify(item))).join(", ")}]`;
  if (isMapping(value))
    return `{ ${Object.entries(value)
      .map(([key, part]) => `${key}: ${renderYaml(part)}`)
      .join(", ")} }`;
  if (isText(value) && isPlain(value)) return value;
  return JSON.stringify(value);
}

/** Whether YAML takes a text without quotes for that very text. */
function isPlain(value: string): boolean {
  return (
    /^(~\/|\d+\.\d+\.\d+\.|[a-z])[\w./@-]*$/i.test(value) && !/^(true|false|yes|no|on|off|null)$/i.test(value)
  );
}
