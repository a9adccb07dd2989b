import { expect, test } from "@jest/globals";
import { judgeNames } from "../../../components/hetzner/judgeNames.ts";
import type { Rrset, Zone } from "../../../components/hetzner/judgeNames.ts";

const label = "home-relay-dev";
const ours = { "home-relay": label };
const order = { zone: "example.org", createZone: false, names: ["@", "www"] };
const zone: Zone = { name: "example.org", labels: {} };

function rrset(name: string, type: string, value: string, labels: Record<string, string> = {}): Rrset {
  return { name, type, labels, records: [{ value }] };
}

const judge = (rrsets: readonly Rrset[], zones: readonly Zone[] = [zone], more: Partial<typeof order> = {}) =>
  judgeNames("home-relay", label, { ...order, ...more }, zones, rrsets);

test("names that nobody has can be given, and so can those that the stack itself has given before", () => {
  expect(judge([])).toEqual([]);
  const made = [rrset("@", "A", "203.0.113.5", ours), rrset("@", "AAAA", "2001:db8::1", ours)];
  expect(
    judge([
      ...made,
      rrset("@", "MX", "10 mail"),
      rrset("@", "NS", "ns.example."),
      rrset("www", "TXT", '"x"'),
    ]),
  ).toEqual([]);
});

test("records of others are refused by name, type, value and owner, all of them at once", () => {
  const mend = "remove the record in Hetzner's console, or take another name";
  expect(
    judge([
      rrset("@", "A", "192.0.2.1"),
      rrset("@", "AAAA", "2001:db8::1", { "home-relay": "home-relay-prod" }),
      rrset("www", "CNAME", "elsewhere.example."),
    ]),
  ).toEqual([
    `home-relay:dns.names: example.org has a record A 192.0.2.1 already, and this stack did not make it\n  ${mend}`,
    `home-relay:dns.names: example.org has a record AAAA 2001:db8::1 already, and it was made by home-relay-prod\n  ${mend}`,
    `home-relay:dns.names: www.example.org has a record CNAME elsewhere.example. already, and this stack did not make it\n  ${mend}`,
  ]);
});

test("a zone that is not there is refused, with the one that was meant", () => {
  const there = "make it there, or let this stack make it with createZone: true";
  expect(judge([], [])).toEqual([
    `home-relay:dns.zone: the zone example.org is not in the Hetzner project of this token, and no other is\n  ${there}`,
  ]);
  expect(judge([], [{ name: "exampel.org", labels: {} }])).toEqual([
    "home-relay:dns.zone: the zone example.org is not in the Hetzner project of this token, which has: exampel.org\n" +
      `  did you mean exampel.org? Otherwise ${there}`,
  ]);
});

test("a zone that is to be made must not be there, unless this stack has made it", () => {
  const makes = { createZone: true };
  expect(judge([], [], makes)).toEqual([]);
  expect(judge([], [{ ...zone, labels: ours }], makes)).toEqual([]);
  const mend = "write createZone: false to use it as it is";
  expect(judge([], [zone], makes)).toEqual([
    `home-relay:dns.createZone: the zone example.org is in the Hetzner project already\n  ${mend}`,
  ]);
  expect(judge([], [{ ...zone, labels: { "home-relay": "home-relay-prod" } }], makes)).toEqual([
    `home-relay:dns.createZone: the zone example.org is in the Hetzner project already, made by home-relay-prod\n  ${mend}`,
  ]);
});

test("a zone that the stack made is not given up with all of its records", () => {
  expect(judge([], [{ ...zone, labels: ours }])).toEqual([
    "home-relay:dns.createZone: this stack made the zone example.org, and would take it away with all of its records\n" +
      "  leave createZone: true",
  ]);
});
