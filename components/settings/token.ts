import { isAbsent } from "./readers.ts";
import type { Place } from "./place.ts";

const tokenLength = 64;

/** Checks the form of the Hetzner Cloud token, so that a truncated one fails before anything is made. Never shows it. */
export function checkToken(token: string | undefined, place: Place): void {
  const mend =
    "create a token with read and write access in the Hetzner console, then: pulumi config set --secret hcloud:token";
  if (isAbsent(token) || token === "") place.refuse("is missing", `${mend} (or set HCLOUD_TOKEN)`);
  else if (token.length !== tokenLength)
    place.refuse(`must have exactly ${tokenLength} characters; found ${token.length}`, mend);
  else if (!/^[A-Za-z0-9]+$/.test(token))
    place.refuse("must be letters and digits only; found something else among its 64 characters", mend);
}
