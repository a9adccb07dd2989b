import type { Schema } from "../../../components/settings/schema.ts";

/**
 * What in a value a schema forbids, each with its path. It knows the keywords of `Schema` alone, and refuses a schema
 * with another one: what it does not check must not count as checked.
 */
export function violations(schema: Schema, value: unknown, path = "$"): string[] {
  return Object.entries(schema).flatMap(([keyword, rule]) => {
    const check = checks[keyword];
    if (check === undefined) throw new Error(`${path}: the keyword ${keyword} is not checked here`);
    return check(rule as never, value, path, schema);
  });
}

type Check = (rule: never, value: unknown, path: string, schema: Schema) => string[];

const checks: Readonly<Record<string, Check>> = {
  type: (type: string, value, path) => (isOfType(type, value) ? [] : [`${path} is no ${type}`]),
  enum: (words: readonly unknown[], value, path) =>
    words.includes(value) ? [] : [`${path} is none of ${words.join(", ")}`],
  anyOf: (schemas: readonly Schema[], value, path) => {
    const each = schemas.map((schema) => violations(schema, value, path));
    return each.some((found) => found.length === 0) ? [] : [`${path} fits none: ${each.flat().join("; ")}`];
  },
  minimum: (least: number, value, path) => (Number(value) < least ? [`${path} is under ${least}`] : []),
  maximum: (most: number, value, path) => (Number(value) > most ? [`${path} is over ${most}`] : []),
  pattern: (pattern: string, value, path) =>
    typeof value === "string" && !new RegExp(pattern, "u").test(value) ? [`${path} does not match`] : [],
  items: (schema: Schema, value, path) =>
    Array.isArray(value) ? value.flatMap((item, i) => violations(schema, item, `${path}[${i}]`)) : [],
  minItems: (least: number, value, path) =>
    Array.isArray(value) && value.length < least ? [`${path} has under ${least} items`] : [],
  maxItems: (most: number, value, path) =>
    Array.isArray(value) && value.length > most ? [`${path} has over ${most} items`] : [],
  properties: (properties: Readonly<Record<string, Schema>>, value, path) =>
    entriesOf(value).flatMap(([key, part]) =>
      Object.hasOwn(properties, key) ? violations(properties[key] ?? {}, part, `${path}.${key}`) : [],
    ),
  patternProperties: (properties: Readonly<Record<string, Schema>>, value, path) =>
    entriesOf(value).flatMap(([key, part]) =>
      Object.entries(properties).flatMap(([pattern, schema]) =>
        new RegExp(pattern, "u").test(key) ? violations(schema, part, `${path}.${key}`) : [],
      ),
    ),
  required: (keys: readonly string[], value, path) => {
    const written = entriesOf(value).map(([key]) => key);
    return keys.filter((key) => !written.includes(key)).map((key) => `${path}.${key} is missing`);
  },
  additionalProperties: (_: never, value, path, { properties = {}, patternProperties = {} }) =>
    entriesOf(value)
      .filter(
        ([key]) =>
          !Object.hasOwn(properties, key) &&
          !Object.keys(patternProperties).some((pattern) => new RegExp(pattern, "u").test(key)),
      )
      .map(([key]) => `${path}.${key} is not known`),
  $schema: () => [],
  description: () => [],
  default: () => [],
  examples: () => [],
};

/** A key whose value is `undefined` does not stand in a file. */
function entriesOf(value: unknown): [string, unknown][] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  return Object.entries(value).filter(([, part]) => part !== undefined);
}

function isOfType(type: string, value: unknown): boolean {
  if (type === "integer") return Number.isInteger(value);
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === type;
}
