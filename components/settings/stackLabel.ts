import { createHash } from "node:crypto";

/** Linux takes no longer host name, and Hetzner no longer value of a label. */
const longest = 63;
const part = /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$/;

/**
 * Names a stack's things at a provider, the server among them, whose name is its host name (RFC 1123). Pulumi takes more
 * names than that: of those the characters are kept that may stand there, and a hash tells apart what then looks alike.
 * @example home-relay-dev
 */
export function deriveStackLabel(project: string, stack: string): string {
  const whole = `${project}-${stack}`;
  if (whole.length <= longest && whole.split(".").every((one) => part.test(one))) return whole;
  const hash = createHash("sha256").update(whole).digest("hex").slice(0, 8);
  const kept = whole
    .replace(/[^A-Za-z0-9]+/g, "-")
    .replace(/^-/, "")
    .slice(0, longest - 1 - hash.length)
    .replace(/-$/, "");
  return kept === "" ? hash : `${kept}-${hash}`;
}
