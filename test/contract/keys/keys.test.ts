import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { derivePresharedKey, deriveSshKey, deriveWireguardKey } from "../../../components/keys/deriveKeys.ts";

const seeds = Array.from({ length: 8 }, (_, i) => `seed ${i}`);
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-keys-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test.each(seeds)("wg takes the key of %j and gives the same public key", (seed) => {
  const { privateKey, publicKey } = deriveWireguardKey(seed, "wireguard relay");
  expect(run("wg", ["pubkey"], privateKey)).toBe(publicKey);
});

test("a preshared key has the form that wg generates", () => {
  const form = /^[A-Za-z0-9+/]{43}=$/;
  expect(run("wg", ["genpsk"])).toMatch(form);
  expect(derivePresharedKey("seed", "wireguard preshared key")).toMatch(form);
});

// The lengths of the comments lead through every padding of the file.
test.each(seeds.map((seed, i) => [seed, "x".repeat(i)]))(
  "ssh-keygen takes the key of %j with the comment %j",
  (seed, comment) => {
    const { privateKeyOpenssh, publicKey } = deriveSshKey(seed, "ssh host", comment);
    const file = join(folder, "key");
    writeFileSync(file, privateKeyOpenssh, { mode: 0o600 });
    expect(run("ssh-keygen", ["-y", "-f", file])).toBe(`${publicKey} ${comment}`.trim());
  },
);

function run(command: string, args: readonly string[], input = ""): string {
  return execFileSync(command, args, { input, encoding: "utf8" }).trim();
}
