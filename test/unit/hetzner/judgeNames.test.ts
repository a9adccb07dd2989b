import { describe, expect, test } from "@jest/globals";
import { judgeNames, remarkDelegation } from "../../../components/hetzner/judgeNames.ts";
import type { AskingStack } from "../../../components/hetzner/makers.ts";
import type { Rrset, Zone } from "../../../components/hetzner/judgeNames.ts";

const stack: AskingStack = { id: "0123", names: ["home-relay-dev"], keyNames: ["home-relay-dev"] };
const ours = { "home-relay": "home-relay-dev", "home-relay-stack": stack.id };
/** As versions before labelled things. */
const madeBefore = (name: string) => ({ "home-relay": name });
const order = { zone: "example.org", createZone: false, names: ["@", "www"] };
const zone: Zone = { name: "example.org", labels: {} };

function rrset(name: string, type: string, value: string, labels: Record<string, string> = {}): Rrset {
  return { name, type, labels, records: [{ value }] };
}

const judge = (
  rrsets: readonly Rrset[],
  zones: readonly Zone[] = [zone],
  more: Partial<typeof order> = {},
  asking = stack,
) => judgeNames("home-relay", asking, { ...order, ...more }, zones, rrsets);

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

describe("a stack of another name than before", () => {
  const renamed: AskingStack = { ...stack, names: ["home-relay-prod", "home-relay-dev"] };
  const made = rrset("@", "A", "203.0.113.5", madeBefore("home-relay-dev"));

  test.each([
    ["with its id", ours],
    ["before ids, with its key at Hetzner", madeBefore("home-relay-dev")],
  ])("knows what it made %s, and is never told to give its zone up", (_, labels) => {
    const zones = [{ ...zone, labels }];
    expect(judge([{ ...made, labels }], zones, { createZone: true }, renamed)).toEqual([]);
    const said = judge([], zones, { createZone: false }, renamed);
    expect(said).toEqual([expect.stringContaining("leave createZone: true")]);
  });

  test("that cannot know what another name made before ids is told how to find out, whatever it writes", () => {
    const unknown: AskingStack = { id: "0123", names: ["home-relay-prod"], keyNames: [] };
    const zones = [{ ...zone, labels: madeBefore("home-relay-dev") }];
    const mend =
      "was home-relay-dev this stack's name? Give it back (pulumi stack rename), run pulumi up, and rename it again\n" +
      "  is it another stack's? Run pulumi up with this version there, then here";
    for (const createZone of [true, false])
      expect(judge([made], zones, { createZone }, unknown)).toEqual([
        "home-relay:dns.createZone: the zone example.org was made by home-relay-dev, by a version that did not say which " +
          `stack that is\n  ${mend}`,
        "home-relay:dns.names: example.org has a record A 203.0.113.5 already, and it was made by home-relay-dev\n" +
          `  ${mend}`,
      ]);
  });

  test("takes nothing of a stack that has its former name now", () => {
    const others = { ...ours, "home-relay-stack": "4567" };
    expect(judge([], [{ ...zone, labels: others }], { createZone: false }, renamed)).toEqual([]);
    expect(judge([{ ...made, labels: others }], [zone], {}, renamed)).toEqual([
      expect.stringContaining("and it was made by home-relay-dev"),
    ]);
  });
});

test("says of a zone that is there when the world asks others for it", () => {
  const seen = (delegation_status: string, delegated: string[]) =>
    remarkDelegation({
      ...zone,
      authoritative_nameservers: { assigned: ["a.ns.example", "b.ns.example"], delegated, delegation_status },
    });
  expect(["valid", "partially-valid", "unknown"].flatMap((status) => seen(status, []))).toEqual([]);
  const mend = "\n  Where you registered the domain, enter these nameservers: a.ns.example, b.ns.example";
  expect(seen("unregistered", [])).toEqual([
    `When Hetzner last looked, the world did not ask Hetzner for example.org: nobody is asked for it.${mend}`,
  ]);
  expect(seen("invalid", ["ns.other.example"])).toEqual([
    `When Hetzner last looked, the world did not ask Hetzner for example.org: ns.other.example are asked for it instead.${mend}`,
  ]);
  expect(remarkDelegation(zone)).toEqual([]);
});
