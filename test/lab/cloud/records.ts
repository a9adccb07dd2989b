import { notFound } from "./errors.ts";

export function get<T>(entries: ReadonlyMap<number, T>, id: number, what: string): T {
  const found = entries.get(id);
  if (found === undefined) throw notFound(what);
  return found;
}

/** The API's time stamps: RFC 3339 without fractions. */
export function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, "Z");
}
