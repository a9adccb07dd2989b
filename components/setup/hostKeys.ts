import { createHash } from "node:crypto";

/** The `ssh-ed25519 AAAA…` in what ssh-keyscan or known_hosts have of one host; `undefined`: there is none. */
export function findHostKey(said: string): string | undefined {
  for (const line of said.split(/\r?\n/)) {
    const found = /^(?!#|@)\S+ (ssh-ed25519 [A-Za-z0-9+/]+={0,2})(?:\s|$)/.exec(line);
    if (found) return found[1];
  }
  return undefined;
}

/** As ssh-keygen -l shows it: `SHA256:…`. */
export function fingerprintOf(hostKey: string): string {
  const [, base64 = ""] = hostKey.split(" ");
  const digest = createHash("sha256").update(Buffer.from(base64, "base64")).digest("base64");
  return `SHA256:${digest.replace(/=+$/, "")}`;
}

/** Whether what a person gave, a key or a fingerprint, is this key. */
export function isSameKey(given: string, hostKey: string): boolean {
  const [first = "", second = ""] = given.trim().split(/\s+/);
  return first.startsWith("SHA256:") ? first === fingerprintOf(hostKey) : `${first} ${second}` === hostKey;
}
