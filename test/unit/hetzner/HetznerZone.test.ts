import { expect, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { Dns } from "../../../components/hetzner/HetznerZone.ts";
import type { DnsArgs } from "../../../components/hetzner/HetznerZone.ts";
import { earlier } from "../componentArguments.ts";
import { named, register, tree, types } from "../mockEngine.ts";
import type { Registered } from "../mockEngine.ts";

const component = "homerelay:dns:Dns dns";
const records = ["dns-@-A", "dns-@-AAAA", "dns-www-A", "dns-www-AAAA"];

function program(change: Partial<DnsArgs> = {}): Promise<Registered[]> {
  return register(
    () =>
      new Dns("dns", {
        label: "home-relay-test",
        zone: "example.org",
        createZone: false,
        names: ["@", "www"],
        ttlSeconds: 60,
        ipv4Address: "203.0.113.5",
        ipv6Address: "2001:db8:77::1",
        after: [earlier("nas-on-destroy")],
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
    labels: { "home-relay": "home-relay-test" },
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
        ...{ label: "home-relay-test", ipv4Address: "203.0.113.5", ipv6Address: undefined, after: [] },
      }),
  );
  expect(tree(registered)).toEqual([
    component,
    ...["dns-@-A", "dns-www-A"].map((name) => `hcloud:index/zoneRrset:ZoneRrset ${name} < ${component}`),
  ]);
});

test("makes the zone first where it is asked to", async () => {
  const registered = await program({ createZone: true });
  expect(tree(registered).slice(1, 3)).toEqual([component, `hcloud:index/zone:Zone dns-zone < ${component}`]);
  const zone = named(registered, "dns-zone");
  expect([zone.inputs, zone.deleteBeforeReplace]).toEqual([
    { name: "example.org", mode: "primary", labels: { "home-relay": "home-relay-test" } },
    true,
  ]);
  expect(records.map((name) => named(registered, name).dependsOn)).toEqual(
    records.map(() => ["dns-zone", "nas-on-destroy"]),
  );
});

test("lets both addresses lead back to a name, by Hetzner's ids, before the homes are cleaned", async () => {
  const registered = await program({
    reverse: "www.example.org",
    primaryIps: { ipv4: pulumi.output(104), ipv6: pulumi.output(106) },
  });
  const reverse = ["dns-reverse-ipv4", "dns-reverse-ipv6"].map((name) => named(registered, name));
  const dnsPtr = "www.example.org";
  expect(reverse.map(({ inputs }) => inputs)).toEqual([
    { primaryIpId: 104, ipAddress: "203.0.113.5", dnsPtr },
    { primaryIpId: 106, ipAddress: "2001:db8:77::1", dnsPtr },
  ]);
  expect(reverse.map(({ dependsOn }) => dependsOn)).toEqual([["nas-on-destroy"], ["nas-on-destroy"]]);
});

test("says nothing of reverse names where the addresses are not Hetzner's, or none is wanted", async () => {
  const isReverse = ({ type }: Registered) => type === types.rdns;
  const primaryIps = { ipv4: 104, ipv6: 106 };
  expect((await program({ reverse: "www.example.org" })).filter(isReverse)).toEqual([]);
  expect((await program({ primaryIps })).filter(isReverse)).toEqual([]);
});

test("a relay without IPv6 gets neither AAAA nor a reverse name for it", async () => {
  const registered = await program({
    ipv6Address: undefined,
    reverse: "www.example.org",
    primaryIps: { ipv4: 104, ipv6: 106 },
  });
  const children = registered.filter(({ type }) => type.startsWith("hcloud:")).map(({ name }) => name);
  expect(children).toEqual(["dns-@-A", "dns-www-A", "dns-reverse-ipv4"]);
});
