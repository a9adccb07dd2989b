import { expect, test } from "@jest/globals";
import { Dns } from "../../../components/dns/Dns.ts";
import { earlier } from "./examples.ts";
import { named, register, tree } from "./mockEngine.ts";
import type { Registered } from "./mockEngine.ts";

const component = "homerelay:dns:Dns dns";
const records = ["dns-@-A", "dns-@-AAAA", "dns-www-A", "dns-www-AAAA"];

function program(createZone: boolean): Promise<Registered[]> {
  return register(
    () =>
      new Dns("dns", {
        zone: "example.org",
        createZone,
        names: ["@", "www"],
        ttlSeconds: 60,
        ipv4Address: "203.0.113.5",
        ipv6Address: "2001:db8:77::1",
        after: [earlier("nas-on-destroy")],
      }),
  );
}

test("gives each name both addresses, in a zone that is there already", async () => {
  const registered = await program(false);
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
  });
  expect(records.map((name) => named(registered, name).inputs)).toEqual([
    record("@", "A", "203.0.113.5"),
    record("@", "AAAA", "2001:db8:77::1"),
    record("www", "A", "203.0.113.5"),
    record("www", "AAAA", "2001:db8:77::1"),
  ]);
  expect(records.map((name) => named(registered, name).dependsOn)).toEqual(
    records.map(() => ["nas-on-destroy"]),
  );
});

test("gives no AAAA record where the relay has no IPv6", async () => {
  const registered = await register(
    () =>
      new Dns("dns", {
        ...{ zone: "example.org", createZone: false, names: ["@", "www"], ttlSeconds: 60 },
        ...{ ipv4Address: "203.0.113.5", ipv6Address: undefined, after: [] },
      }),
  );
  expect(tree(registered)).toEqual([
    component,
    ...["dns-@-A", "dns-www-A"].map((name) => `hcloud:index/zoneRrset:ZoneRrset ${name} < ${component}`),
  ]);
});

test("makes the zone first where it is asked to", async () => {
  const registered = await program(true);
  expect(tree(registered).slice(1, 3)).toEqual([component, `hcloud:index/zone:Zone dns-zone < ${component}`]);
  const zone = named(registered, "dns-zone");
  expect([zone.inputs, zone.deleteBeforeReplace]).toEqual([{ name: "example.org", mode: "primary" }, true]);
  expect(records.map((name) => named(registered, name).dependsOn)).toEqual(
    records.map(() => ["dns-zone", "nas-on-destroy"]),
  );
});
