import { describe, expect, test } from "@jest/globals";
import { letsIn, listWantedThings } from "../../../components/hetzner/compareThings.ts";
import type { StateThing } from "../../../components/hetzner/compareThings.ts";

const thing = (type: string, id: string, inputs: object, outputs: object = {}): StateThing => ({
  types: `homerelay:index:HomeRelay$hcloud:index/${type}`,
  name: `home-${id}`,
  id,
  inputs: inputs as StateThing["inputs"],
  outputs: outputs as StateThing["outputs"],
});

const anybody = ["0.0.0.0/0", "::/0"];
const firewall = thing("firewall:Firewall", "7", {
  name: "home-relay-dev",
  rules: [
    { direction: "in", protocol: "icmp", sourceIps: anybody, description: "ping" },
    { direction: "in", protocol: "tcp", port: "443", sourceIps: anybody, description: "forwards" },
  ],
});
const server = thing("server:Server", "9", { name: "home-relay-dev" });
const record = thing("zoneRrset:ZoneRrset", "www/A", {
  zone: "example.org",
  name: "www",
  type: "A",
  ttl: 300,
  records: [{ value: "203.0.113.5" }],
  labels: { "home-relay": "x" },
});

/** What is said of the first of these things when Hetzner has this of it. */
const compare = (things: readonly StateThing[], found: unknown) =>
  listWantedThings(things)[0]?.compare(found);

const live = (...ports: readonly string[]) => ({
  rules: [
    {
      direction: "in",
      protocol: "icmp",
      port: null,
      source_ips: [...anybody].reverse(),
      destination_ips: [],
    },
    ...ports.map((port) => ({
      direction: "in",
      protocol: "tcp",
      port,
      source_ips: anybody,
      destination_ips: [],
    })),
  ],
  applied_to: [{ type: "server", server: { id: 9 } }],
});

test("things are named in the same order whichever was ready first", () => {
  const things = [firewall, server, record];
  const missing = (order: readonly StateThing[]) =>
    listWantedThings(order).flatMap(({ compare }) => compare(undefined));
  expect(missing(things.toReversed())).toEqual(missing(things));
  expect(missing(things).map(({ kind }) => kind)).toEqual(["firewall", "server", "record"]);
  // Hetzner numbers what is made at once as it comes.
  const numbered = (first: string, second: string) =>
    listWantedThings([
      { ...server, name: "second", id: second },
      { ...server, name: "first", id: first },
    ]).map(({ path }) => path);
  expect(numbered("7", "9")).toEqual(["/servers/7", "/servers/9"]);
  expect(numbered("9", "7")).toEqual(["/servers/9", "/servers/7"]);
});

describe("the firewall before the server", () => {
  test("is as it should be, in whatever order its sources stand", () => {
    expect(compare([firewall, server], live("443"))).toEqual([]);
    expect(letsIn(live("440-450"), "tcp", 443)).toBe(true);
    expect(letsIn(live("80"), "tcp", 443)).toBe(false);
  });

  test("is named rule by rule, and put right by one request", () => {
    const differences = compare([firewall, server], live("9999")) ?? [];
    expect(differences.map(({ what, found, wanted }) => [what, found, wanted])).toEqual([
      ["tcp 443 from anybody", "shut", "let in"],
      ["tcp 9999 from anybody", "let in", "shut"],
    ]);
    const request = {
      by: "request",
      path: "/firewalls/7/actions/set_rules",
      body: {
        rules: [
          { direction: "in", protocol: "icmp", source_ips: anybody, description: "ping" },
          { direction: "in", protocol: "tcp", port: "443", source_ips: anybody, description: "forwards" },
        ],
      },
    };
    expect(differences.map(({ repair }) => repair)).toEqual([request, request]);
  });

  test("is put before the server again, and is the engine's to make", () => {
    const apart = compare([firewall, server], { ...live("443"), applied_to: [] }) ?? [];
    expect(apart.map(({ found, repair }) => [found, repair])).toEqual([
      [
        "not before the server",
        {
          by: "request",
          path: "/firewalls/7/actions/apply_to_resources",
          body: { apply_to: [{ type: "server", server: { id: 9 } }] },
        },
      ],
    ]);
    expect(compare([firewall, server], undefined)).toMatchObject([
      { found: "missing", repair: { by: "person", mend: "pulumi up --refresh" } },
    ]);
  });
});

describe("records", () => {
  test("are compared by value and time, each with a request of its own", () => {
    const found = { ttl: 60, records: [{ value: "203.0.113.99", comment: "" }] };
    expect(compare([record], found)?.map(({ found: is, wanted, repair }) => [is, wanted, repair])).toEqual([
      [
        "203.0.113.99",
        "203.0.113.5",
        {
          by: "request",
          path: "/zones/example.org/rrsets/www/A/actions/set_records",
          body: { records: [{ value: "203.0.113.5" }] },
        },
      ],
      [
        "remembered for 60 s",
        "300 s",
        { by: "request", path: "/zones/example.org/rrsets/www/A/actions/change_ttl", body: { ttl: 300 } },
      ],
    ]);
  });

  test("that are gone are made as they were", () => {
    expect(compare([record], undefined)?.[0]?.repair).toEqual({
      by: "request",
      path: "/zones/example.org/rrsets",
      body: {
        name: "www",
        type: "A",
        ttl: 300,
        labels: { "home-relay": "x" },
        records: [{ value: "203.0.113.5" }],
      },
    });
  });
});

test("a server that is off is a person's to switch on, and an address that is elsewhere is a person's to bring back", () => {
  expect(compare([server], { status: "off", name: "home-relay-dev" })?.[0]?.repair).toEqual({
    by: "person",
    mend: "switch it on in Hetzner's console; then: npm run check",
  });
  const address = thing("primaryIp:PrimaryIp", "3", {}, { ipAddress: "203.0.113.5" });
  expect(compare([address, server], { assignee_id: null })).toMatchObject([
    { what: "203.0.113.5", found: "nobody's", repair: { by: "person" } },
  ]);
});
