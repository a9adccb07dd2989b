import { expect, test } from "@jest/globals";
import { HetznerZone } from "../../../components/hetzner/HetznerZone.ts";
import type { HetznerZoneArgs } from "../../../components/hetzner/HetznerZone.ts";
import { earlier } from "../componentArguments.ts";
import { named, register, tree } from "../mockEngine.ts";
import type { Registered } from "../mockEngine.ts";

const component = "homerelay:hetzner:HetznerZone zone";
const labels = { "home-relay": "home-relay-test", "home-relay-stack": "0123456789abcdef" };
const records = ["zone-@-A", "zone-@-AAAA", "zone-www-A", "zone-www-AAAA"];

function program(change: Partial<HetznerZoneArgs> = {}): Promise<Registered[]> {
  return register(
    () =>
      new HetznerZone("zone", {
        label: "home-relay-test",
        stackId: "0123456789abcdef",
        zone: "example.org",
        createZone: false,
        names: ["@", "www"],
        ttlSeconds: 60,
        ipv4Address: "203.0.113.5",
        ipv6Address: "2001:db8:77::1",
        after: [earlier("nas-uninstall")],
        ...change,
      }),
  );
}

test("gives each name both addresses, in a zone that is there already", async () => {
  const registered = await program();
  expect(tree(registered).slice(1)).toEqual([
    component,
    ...records.map((name) => `hcloud:index/zoneRrset:ZoneRrset ${name} < ${component}`),
  ]);
  const record = (name: string, type: string, value: string) => ({
    zone: "example.org",
    name,
    type,
    ttl: 60,
    records: [{ value }],
    labels,
  });
  expect(records.map((name) => named(registered, name).inputs)).toEqual([
    record("@", "A", "203.0.113.5"),
    record("@", "AAAA", "2001:db8:77::1"),
    record("www", "A", "203.0.113.5"),
    record("www", "AAAA", "2001:db8:77::1"),
  ]);
  expect(records.map((name) => named(registered, name).dependsOn)).toEqual(
    records.map(() => ["nas-uninstall"]),
  );
});

test("gives no AAAA record where the relay has no IPv6", async () => {
  const registered = await register(
    () =>
      new HetznerZone("zone", {
        ...{ zone: "example.org", createZone: false, names: ["@", "www"], ttlSeconds: 60 },
        ...{
          label: "home-relay-test",
          stackId: "0123456789abcdef",
          ipv4Address: "203.0.113.5",
          ipv6Address: undefined,
          after: [],
        },
      }),
  );
  expect(tree(registered)).toEqual([
    component,
    ...["zone-@-A", "zone-www-A"].map((name) => `hcloud:index/zoneRrset:ZoneRrset ${name} < ${component}`),
  ]);
});

test("makes the zone first where it is asked to", async () => {
  const registered = await program({ createZone: true });
  expect(tree(registered).slice(1, 3)).toEqual([
    component,
    `hcloud:index/zone:Zone zone-zone < ${component}`,
  ]);
  const zone = named(registered, "zone-zone");
  expect([zone.inputs, zone.deleteBeforeReplace]).toEqual([
    { name: "example.org", mode: "primary", labels },
    true,
  ]);
  expect(records.map((name) => named(registered, name).dependsOn)).toEqual(
    records.map(() => ["nas-uninstall", "zone-zone"]),
  );
});
