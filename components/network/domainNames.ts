/** What a stranger asks for: names inside a zone with the zone, full names as they are. */
export function fullNames({
  names,
  zone,
}: {
  readonly names: readonly string[];
  /** `undefined` where the names are full ones. */
  readonly zone?: string;
}): readonly string[] {
  return zone === undefined ? names : names.map((name) => fullName(name, zone));
}

/** `www` -> `www.example.org`, `@` -> `example.org`. */
export function fullName(name: string, zone: string): string {
  return name === "@" ? zone : `${name}.${zone}`;
}
