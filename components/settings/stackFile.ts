/** A key inside a section: names of fields, and indexes of items. */
export type Keys = readonly (string | number)[];

/**
 * Whether a value stands in plain text in a stack file, where another one beside it may be encrypted. `config` is what
 * the file has under `config`, and `section` a key of it in any of the two ways to write one.
 */
export function standsInPlainText(config: unknown, section: readonly string[], keys: Keys): boolean {
  let node = section.map((name) => within(config, name)).find((found) => found !== undefined);
  for (const key of keys) {
    // The whole of it is encrypted, or written as text, which is JSON.
    if (isEncrypted(node)) return false;
    if (typeof node === "string") return true;
    node = within(node, key);
  }
  // What is not there comes from elsewhere, as from an environment of Pulumi's, and is the engine's to judge.
  return node !== undefined && !isEncrypted(node);
}

/** As `pulumi config set --secret` writes it. */
function isEncrypted(node: unknown): boolean {
  return typeof node === "object" && node !== null && Object.keys(node).join() === "secure";
}

function within(node: unknown, key: string | number): unknown {
  return typeof node === "object" && node !== null && Object.hasOwn(node, key)
    ? (node as Record<string | number, unknown>)[key]
    : undefined;
}
