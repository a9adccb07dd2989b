import { isRead } from "./place.ts";
import type { Place, Read } from "./place.ts";
import { isText } from "./readers.ts";
import type { Kind } from "./readers.ts";
import { encrypted } from "./schema.ts";

/** A text that must be encrypted in the stack file, and is never shown. */
export function secret(accepts: (text: string) => boolean, rule: string): Kind<string> {
  return {
    shape: "secret, set with pulumi config set --secret --path",
    schema: encrypted,
    tables: [],
    read: (value, place) => {
      const read = readEncrypted(value, place);
      return !isRead(read) || accepts(read)
        ? read
        : place.refuse(
            `must be ${rule}; found something else, which is not shown`,
            `set it anew: ${setSecret(place)}`,
          );
    },
  };
}

/** The text itself, of whatever form; refused where it stands in plain text. */
export function readEncrypted(value: unknown, place: Place): Read<string> {
  return isText(value) && place.isEncrypted
    ? value
    : place.refuse(
        "is a secret, and stands in the stack file in plain text",
        `have another one made at the service, remove this one and set it, encrypted: ${setSecret(place)}`,
      );
}

/** For a field of a secret that must be written. */
export function aboutSecret(means: string) {
  return {
    means,
    example: { secure: "AAABAD..." },
    mend: (place: Place) => `set it, encrypted: ${setSecret(place)}`,
  };
}

/** The command that sets it; a shell would read brackets. */
export function setSecret({ path }: Place): string {
  return `pulumi config set --secret --path ${path.includes("[") ? `'${path}'` : path}`;
}
