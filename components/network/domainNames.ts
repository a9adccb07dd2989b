/** What a stranger asks for, if there is a name at all: names inside a zone with the zone, full names as they are. */
export function fullNames(dns?: {
  readonly names: readonly string[];
  /** `undefined` where the names are full ones. */
  readonly zone?: string;
}): readonly string[] {
  if (dns === undefined) return [];
  const { names, zone } = dns;
  return zone === undefined ? names : names.map((name) => fullName(name, zone));
}

/** `www` -> `www.example.org`, `@` -> `example.org`. */
export function fullName(name: string, zone: string): string {
  return name === "@" ? zone : `${name}.${zone}`;
}
