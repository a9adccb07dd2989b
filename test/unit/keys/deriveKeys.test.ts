import { describe, expect, test } from "@jest/globals";
import {
  derivePresharedKey,
  deriveSshKey,
  deriveWireguardKey,
  sshKey,
  wireguardKey,
} from "../../../components/keys/deriveKeys.ts";

const seed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZab";
const hex = (text: string) => Buffer.from(text, "hex");
const hexOf = (base64: string) => Buffer.from(base64, "base64").toString("hex");

describe("a WireGuard key", () => {
  test.each([
    [
      "Alice",
      "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
      "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    ],
    [
      "Bob",
      "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
      "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
    ],
  ])("has the public key of RFC 7748, section 6.1: %s", (_, privateKey, publicKey) => {
    expect(hexOf(wireguardKey(hex(privateKey)).publicKey)).toBe(publicKey);
  });

  test.each([
    ["00".repeat(32), `00${"00".repeat(30)}40`],
    ["ff".repeat(32), `f8${"ff".repeat(30)}7f`],
  ])("is clamped: %s", (bytes, clamped) => {
    expect(hexOf(wireguardKey(hex(bytes)).privateKey)).toBe(clamped);
  });

  // A different text here means that an update would change every key of every stack.
  test("stays what the first release made of the same randomness", () => {
    expect(deriveWireguardKey(seed, "wireguard relay")).toEqual({
      privateKey: "+DTuiDSSTON5NmfUe+OdE8TKVmhEPQO02p+rhyVZc1Q=",
      publicKey: "VPmW0oIgxKrcqkUcgUbr4rg577Pi6aOWzKobZZ6IhXw=",
    });
    expect(derivePresharedKey(seed, "wireguard preshared key")).toBe(
      "xAR9JCh+iqwenzN1u2TFZPaiUvrIcPem/tM9XskepX8=",
    );
  });
});

test("each use, and each seed, has a key of its own", () => {
  const texts = [seed, seed.toUpperCase()].flatMap((text) => [
    deriveWireguardKey(text, "a").privateKey,
    deriveWireguardKey(text, "b").privateKey,
    derivePresharedKey(text, "c"),
    deriveSshKey(text, "d", "").publicKey,
  ]);
  expect(new Set(texts).size).toBe(texts.length);
});

describe("an SSH key", () => {
  test("has the public key of RFC 8032, section 7.1, test 1", () => {
    const { publicKey } = sshKey(hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"), "");
    const [type, base64 = ""] = publicKey.split(" ");
    expect(type).toBe("ssh-ed25519");
    expect(hexOf(base64)).toBe(
      "0000000b7373682d6564323535313900000020d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    );
  });

  test("is the same text, byte for byte, each time", () => {
    expect(deriveSshKey(seed, "ssh admin", "home-relay-admin")).toEqual(
      deriveSshKey(seed, "ssh admin", "home-relay-admin"),
    );
  });

  test.each(["", "a", "ab", "abc", "abcd", "abcde", "abcdef", "abcdefg"])(
    "is padded to whole blocks with the comment %j",
    (comment) => {
      const { privateKeyOpenssh } = sshKey(Buffer.alloc(32, 1), comment);
      const file = Buffer.from(privateKeyOpenssh.split("\n").slice(1, -2).join(""), "base64");
      const blockLength = file.readUInt32BE(file.indexOf("ssh-ed25519") + 11 + 4 + 32);
      expect(blockLength % 8).toBe(0);
      expect(file.length).toBe(file.indexOf("ssh-ed25519") + 11 + 4 + 32 + 4 + blockLength);
    },
  );
});
