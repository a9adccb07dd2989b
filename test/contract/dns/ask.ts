/**
 * Runs in a network of its own, whose resolver (127.0.0.1) remembers what was true before, and where 127.0.0.2 answers for
 * hetzner's zones. Prints what publicDns.ts finds of each name and zone that it is given, as JSON.
 */
import { publicDns } from "../../../components/dns/publicDns.ts";
import { startCloud } from "../../lab/cloud/cloud.ts";
import type { Cloud } from "../../lab/cloud/cloud.ts";

const token = "t".repeat(64);

async function serve(address: string): Promise<Cloud> {
  const refuse = () => Promise.reject(new Error("it may only ask"));
  return startCloud({
    host: { create: refuse, destroy: refuse, powerOn: refuse, powerOff: refuse, setFirewall: refuse },
    apiAddress: address,
    apiPort: 8080,
    resolverAddress: address,
    resolverPort: 53,
    token,
    log: () => undefined,
  });
}

async function record(
  address: string,
  zone: string,
  name: string,
  type: string,
  value: string,
): Promise<void> {
  const answer = await fetch(`http://${address}:8080/v1/zones/${zone}/rrsets`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ name, type, records: [{ value }] }),
  });
  if (!answer.ok) throw new Error(await answer.text());
}

const [everybody, authority] = ["127.0.0.1", "127.0.0.2"];
const clouds = await Promise.all([serve(everybody), serve(authority)]);
for (const cloud of clouds) await cloud.control({ seedZone: { name: "example.org" } });
await clouds[0].control({ seedZone: { name: "hetzner.com" } });
await record(everybody, "hetzner.com", "hydrogen.ns", "A", authority);
await record(everybody, "example.org", "www", "A", "192.0.2.1");
await record(everybody, "example.org", "alone", "AAAA", "2001:db8::9");
await record(authority, "example.org", "www", "A", "203.0.113.5");
await record(authority, "example.org", "www", "AAAA", "2001:db8:77::1");

const said = {
  zone: [...(await publicDns.nameservers("example.org"))].sort(),
  nobodys: await publicDns.nameservers("nobody.example"),
  fresh: await publicDns.addresses("www.example.org"),
  remembered: await publicDns.addresses("alone.example.org"),
  nowhere: await publicDns.addresses("nobody.example"),
};
await Promise.all(clouds.map((cloud) => cloud.close()));
const silent = await publicDns
  .nameservers("example.org")
  .catch((error: unknown) => (error as { code: string }).code);
console.log(JSON.stringify({ ...said, silent }));
