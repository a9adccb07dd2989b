import { createHash, createPrivateKey, createPublicKey, hkdfSync } from "node:crypto";

/** Both in base64, as `wg` writes them; the private key is clamped, so that `wg showconf` gives the same text back. */
export interface WireguardKey {
  readonly privateKey: string;
  readonly publicKey: string;
}

export interface SshKey {
  /** The private key's file, in OpenSSH's own format: Debian 12's sshd refuses PKCS#8. */
  readonly privateKeyOpenssh: string;
  /** `ssh-ed25519 AAAA…`, without a comment. */
  readonly publicKey: string;
}

/** A WireGuard key from stored randomness; `info` names the use, and each use has a key of its own. */
export function deriveWireguardKey(seed: string, info: string): WireguardKey {
  return wireguardKey(deriveBytes(seed, info));
}

/** A preshared key in base64. */
export function derivePresharedKey(seed: string, info: string): string {
  return deriveBytes(seed, info).toString("base64");
}

/** An ed25519 key; the same arguments give the same text, byte for byte. */
export function deriveSshKey(seed: string, info: string, comment: string): SshKey {
  return sshKey(deriveBytes(seed, info), comment);
}

/** Tells stacks apart, also those of one name: 32 hexadecimal digits, from a key that no two stacks share. */
export function deriveStackId(adminPublicKey: string): string {
  return createHash("sha256").update(`home-relay stack ${adminPublicKey}`).digest("hex").slice(0, 32);
}

/** The WireGuard key that 32 bytes give (RFC 7748, section 5). */
export function wireguardKey(bytes: Uint8Array): WireguardKey {
  const scalar = Buffer.from(bytes);
  scalar.writeUInt8(scalar.readUInt8(0) & 248, 0);
  scalar.writeUInt8((scalar.readUInt8(31) & 127) | 64, 31);
  return {
    privateKey: scalar.toString("base64"),
    publicKey: publicBytes(pkcs8X25519, scalar).toString("base64"),
  };
}

/** The SSH key of an ed25519 seed of 32 bytes (RFC 8032); the file's layout is OpenSSH's PROTOCOL.key. */
export function sshKey(seed: Uint8Array, comment: string): SshKey {
  const publicKey = publicBytes(pkcs8Ed25519, seed);
  const publicBlob = Buffer.concat([field(sshType), field(publicKey)]);
  // OpenSSH takes a random number; this one keeps the text the same from run to run.
  const check = createHash("sha256").update("home-relay check ").update(publicKey).digest().subarray(0, 4);
  const secret = Buffer.concat([
    check,
    check,
    publicBlob,
    field(Buffer.concat([seed, publicKey])),
    field(comment),
  ]);
  const file = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    field("none"),
    field("none"),
    field(""),
    uint32(1),
    field(publicBlob),
    field(pad(secret)),
  ]);
  const lines = file.toString("base64").match(/.{1,70}/g) ?? [];
  return {
    privateKeyOpenssh: [
      "-----BEGIN OPENSSH PRIVATE KEY-----",
      ...lines,
      "-----END OPENSSH PRIVATE KEY-----",
      "",
    ].join("\n"),
    publicKey: `${sshType} ${publicBlob.toString("base64")}`,
  };
}

const sshType = "ssh-ed25519";
/** What stands before the 32 bytes of a private key in PKCS#8 (RFC 8410). */
const pkcs8X25519 = Buffer.from("302e020100300506032b656e04220420", "hex");
const pkcs8Ed25519 = Buffer.from("302e020100300506032b657004220420", "hex");

function deriveBytes(seed: string, info: string): Buffer {
  return Buffer.from(hkdfSync("sha256", seed, "home-relay", info, 32));
}

function publicBytes(pkcs8: Buffer, privateBytes: Uint8Array): Buffer {
  const privateKey = createPrivateKey({
    key: Buffer.concat([pkcs8, privateBytes]),
    format: "der",
    type: "pkcs8",
  });
  return createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-32);
}

/** A string of the SSH protocol: its length, then its bytes. */
function field(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(n: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(n);
  return bytes;
}

/** Bytes 1, 2, 3… up to a multiple of 8, the block size of the cipher `none`. */
function pad(bytes: Buffer): Buffer {
  const missing = (8 - (bytes.length % 8)) % 8;
  return Buffer.concat([bytes, Buffer.from(Array.from({ length: missing }, (_, i) => i + 1))]);
}
