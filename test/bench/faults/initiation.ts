/**
 * A handshake initiation of WireGuard with a time of one's choice, as a peer would send it: what a machine with a wrong
 * clock does, where no machine can have a clock of its own. https://www.wireguard.com/protocol/
 */
import {
  createCipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
} from "node:crypto";
import type { KeyObject } from "node:crypto";

export interface Initiator {
  /** Base64, as `wg` shows them. */
  readonly privateKey: string;
  readonly publicKey: string;
  readonly responderKey: string;
}

export interface Initiation {
  /** Up to the first message authentication code, which has to be added. */
  readonly message: Buffer;
  /** Its key, for BLAKE2s with 16 bytes. */
  readonly macKey: Buffer;
}

export function renderInitiation(
  { privateKey, publicKey, responderKey }: Initiator,
  unixSeconds: number,
): Initiation {
  const responder = Buffer.from(responderKey, "base64");
  const own = Buffer.from(publicKey, "base64");
  const ephemeral = generateKeyPairSync("x25519");
  const ephemeralPublic = rawPublic(ephemeral.publicKey);
  const responderPublic = publicObject(responder);

  const start = hash(Buffer.from("Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"));
  const named = hash(hash(start, Buffer.from("WireGuard v1 zx2c4 Jason@zx2c4.com")), responder);
  const withEphemeral = hash(named, ephemeralPublic);
  const [chain] = derive(start, ephemeralPublic);
  const [nextChain, staticKey] = derive(
    chain,
    diffieHellman({ privateKey: ephemeral.privateKey, publicKey: responderPublic }),
  );
  const encryptedStatic = seal(staticKey, own, withEphemeral);
  const staticPrivate = privateObject(Buffer.from(privateKey, "base64"), own);
  const [, timeKey] = derive(
    nextChain,
    diffieHellman({ privateKey: staticPrivate, publicKey: responderPublic }),
  );
  const encryptedTime = seal(timeKey, tai64n(unixSeconds), hash(withEphemeral, encryptedStatic));
  const head = Buffer.from([1, 0, 0, 0, 1, 2, 3, 4]);
  return {
    message: Buffer.concat([head, ephemeralPublic, encryptedStatic, encryptedTime]),
    macKey: hash(Buffer.from("mac1----"), responder),
  };
}

const hash = (...parts: readonly Buffer[]) => createHash("blake2s256").update(Buffer.concat(parts)).digest();
const hmac = (key: Buffer, text: Buffer) => createHmac("blake2s256", key).update(text).digest();

function derive(chain: Buffer, input: Buffer): [Buffer, Buffer] {
  const secret = hmac(chain, input);
  const first = hmac(secret, Buffer.from([1]));
  return [first, hmac(secret, Buffer.concat([first, Buffer.from([2])]))];
}

function seal(key: Buffer, text: Buffer, additional: Buffer): Buffer {
  const cipher = createCipheriv("chacha20-poly1305", key, Buffer.alloc(12), { authTagLength: 16 });
  cipher.setAAD(additional, { plaintextLength: text.length });
  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

function tai64n(unixSeconds: number): Buffer {
  const stamp = Buffer.alloc(12);
  stamp.writeBigUInt64BE(0x400000000000000an + BigInt(Math.floor(unixSeconds)));
  return stamp;
}

const url = (bytes: Buffer) => bytes.toString("base64url");
const publicObject = (raw: Buffer): KeyObject =>
  createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "X25519", x: url(raw) } });
const privateObject = (raw: Buffer, ofPublic: Buffer): KeyObject =>
  createPrivateKey({ format: "jwk", key: { kty: "OKP", crv: "X25519", d: url(raw), x: url(ofPublic) } });
const rawPublic = (key: KeyObject): Buffer => Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url");
