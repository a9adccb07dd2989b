import { show } from "./place.ts";

/** The line `ssh-ed25519 AAAA…` of a public host key, without its comment; throws an `Error` on anything else. */
export function parseHostKey(text: string): string {
  const [type = "", base64 = ""] = text.trim().split(/\s+/);
  const fault = findFault(text, type, base64);
  if (fault !== undefined) throw new Error(`${fault}; found ${show(text)}`);
  return `ssh-ed25519 ${base64}`;
}

/** What the text is instead of a host key; people paste each of these. */
function findFault(text: string, type: string, base64: string): string | undefined {
  if (text.includes("PRIVATE KEY")) return "must be the public host key, and this is a private key";
  if (/^(SHA256|MD5):/.test(type)) return "must be the public host key itself, and this is its fingerprint";
  if (/^(ssh-(rsa|dss)|ecdsa-|sk-)/.test(type))
    return "must be the host's ssh-ed25519 key, and this is another of its keys";
  if (type !== "ssh-ed25519" && base64.startsWith("ssh-"))
    return "must begin with ssh-ed25519: leave out the host's name before it";
  if (type !== "ssh-ed25519") return "must be a line like ssh-ed25519 AAAA...";
  if (!isEd25519Blob(base64))
    return "must hold a whole ed25519 key: the part after ssh-ed25519 is damaged or cut off";
  return undefined;
}

/** RFC 8709: the strings `ssh-ed25519` and the 32 bytes of the key, each after its length. */
const blobHead = Buffer.from("0000000b7373682d6564323535313900000020", "hex");

function isEd25519Blob(base64: string): boolean {
  const blob = Buffer.from(base64, "base64");
  // Node skips what is not base64; only a text that comes back unchanged was all of it.
  return (
    blob.toString("base64") === base64 &&
    blob.length === blobHead.length + 32 &&
    blob.subarray(0, blobHead.length).equals(blobHead)
  );
}
