import { expect, test } from "@jest/globals";
import { judgeLine } from "../../../components/setup/line.ts";
import type { LineFacts, LineVerdict } from "../../../components/setup/line.ts";

const home = { cards: ["192.168.1.10"], hops: [], routerSays: undefined };

const cases: readonly (readonly [string, Partial<LineFacts>, LineVerdict["kind"], string])[] = [
  ["a public address on the card", { cards: ["198.51.100.7"] }, "own", "198.51.100.7"],
  ["a router that names a public address", { routerSays: "198.51.100.7" }, "own", "198.51.100.7"],
  ["a router that names a carrier's address", { routerSays: "100.72.3.4" }, "shared", "100.72.3.4"],
  ["a carrier's address on the card", { cards: ["100.127.255.1"] }, "shared", "100.127.255.1"],
  ["an end of DS-Lite on the card", { cards: ["192.0.0.2"] }, "shared", "192.0.0.2"],
  ["a carrier's address on the way", { hops: ["192.168.1.1", "100.64.0.1"] }, "likely", "100.64.0.1"],
  [
    "a carrier's address further out",
    { hops: ["192.168.1.1", undefined, "100.64.0.1"] },
    "likely",
    "100.64.0.1",
  ],
  ["a private second hop", { hops: ["192.168.1.1", "192.168.0.1"] }, "likely", "192.168.0.1"],
  ["a router whose own network is private", { routerSays: "10.0.0.2" }, "likely", "10.0.0.2"],
  ["a public second hop", { hops: ["192.168.1.1", "198.51.100.1"] }, "unknown", "nothing on the way"],
  ["a silent second hop", { hops: ["192.168.1.1"] }, "unknown", "nothing on the way"],
  ["no way to look", {}, "unknown", "could not be looked at"],
  ["a router that names nothing of use", { routerSays: "0.0.0.0" }, "unknown", "could not be looked at"],
  [
    "the neighbours of 100.64.0.0/10",
    { hops: ["192.168.1.1", "100.128.0.1"] },
    "unknown",
    "nothing on the way",
  ],
];

test.each(cases)("of %s", (_, facts, kind, part) => {
  const verdict = judgeLine({ ...home, ...facts });
  expect(verdict.kind).toBe(kind);
  expect(verdict.text).toContain(part);
});

test("a line with an address of its own is told what else would do", () => {
  expect(judgeLine({ ...home, routerSays: "198.51.100.7" }).text).toContain(
    "plain port forwarding at the router",
  );
});
