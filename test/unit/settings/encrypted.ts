import type { RawSettings } from "../../../components/settings/parseSettings.ts";

type IsEncrypted = NonNullable<RawSettings["isEncrypted"]>;

/** Says of these sections that what is one of `texts` in them stands encrypted in the stack file. */
export function encryptedIn(
  sections: Readonly<Record<string, unknown>>,
  texts: readonly string[],
): IsEncrypted {
  return (section, keys) => {
    const found = keys.reduce(
      (node: unknown, key) => (node as Record<string | number, unknown> | undefined)?.[key],
      sections[section],
    );
    return typeof found === "string" && texts.includes(found);
  };
}
