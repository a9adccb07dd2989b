/** What `value` gives for each of them, by its name and in their order. */
export function byName<T extends { readonly name: string }, V>(
  named: readonly T[],
  value: (one: T) => V,
): Record<string, V> {
  return Object.fromEntries(named.map((one) => [one.name, value(one)]));
}
