import { expect, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { HomeRelay } from "../../../components/HomeRelay.ts";
import { homeRelayArgs, hostKey } from "../componentArguments.ts";
import { named, register, types, valueOf } from "../mockEngine.ts";
import type { Registered } from "../mockEngine.ts";

const home = (name: string, host: string, forward: string, more: object = {}) => ({
  ...{ name, ssh: { host, hostKey }, forwards: [forward] },
  ...more,
});

const nas = home("nas", "192.168.1.10", "80:8080");
const old = home("old", "192.168.1.11", "81:8081", { ipv6: false });

function stackOf(...homes: readonly object[]): Promise<readonly Registered[]> {
  return register(
    () => new HomeRelay("home", homeRelayArgs({ homes, dns: { zone: "example.org" } }, [], "dev")),
  );
}

const recordTypes = (registered: readonly Registered[]) =>
  registered.filter(({ type }) => type === types.rrset).map(({ inputs }) => inputs["type"]);

test("names have AAAA records while one home has IPv6", async () => {
  expect(recordTypes(await stackOf(nas, old))).toEqual(["A", "AAAA"]);
  expect(recordTypes(await stackOf(old))).toEqual(["A"]);
});

test("a home whose kernel has no IPv6 gets no address of it, is tried over IPv4, and is refused at the relay", async () => {
  const registered = await stackOf(nas, old);
  const stdin = (name: string) => String(named(registered, name).inputs["stdin"]);
  expect(stdin("home-nas-tunnel")).toMatch(/Address = [\d./]+, fd77::/);
  expect(stdin("home-old-tunnel")).toMatch(/Address = [\d./]+\n/);
  expect(stdin("home-nas-proof")).toContain("address6 2001:db8:77::1");
  expect(stdin("home-old-proof")).not.toContain("address6");
  const rules = stdin("home-relay-firewall-rules");
  expect(rules).toMatch(/set refused_over_ipv6 \{[^}]*elements = \{\n\t+tcp \. 81,\n/);
  expect(rules).toMatch(/tcp \. 80 : fd77::/);
  expect(rules).not.toMatch(/tcp \. 81 : fd77::/);
});

test("a home and a device whose line has no IPv4 call the relay at its IPv6 address, and the others as ever", async () => {
  const modern = { ...home("modern", "192.168.1.12", "82:8082"), endpoint: "ipv6" };
  const byHand = { name: "garage", install: "manual", forwards: ["83:8083"], endpoint: "ipv6" };
  const devices = ["laptop", { name: "phone", endpoint: "ipv6" }];
  const relay: { made?: HomeRelay } = {};
  const registered = await register(() => {
    relay.made = new HomeRelay("home", homeRelayArgs({ homes: [nas, modern, byHand], devices }, [], "dev"));
  });
  const endpointIn = (text: unknown) => /^Endpoint = (.*)$/m.exec(String(text))?.[1];
  const [old, called] = ["203.0.113.5:51820", "[2001:db8:77::1]:51820"];
  const tunnel = (name: string) => named(registered, `home-${name}-tunnel`).inputs["stdin"];
  expect([endpointIn(tunnel("nas")), endpointIn(tunnel("modern"))]).toEqual([old, called]);
  const { manual, devices: made } = relay.made ?? {};
  const given = [
    made?.["laptop"],
    made?.["phone"],
    manual?.["garage"]?.wireguard,
    manual?.["garage"]?.script,
  ];
  const texts = await Promise.all(given.map((one) => valueOf(pulumi.output(one))));
  expect(texts.map(endpointIn)).toEqual([old, called, called, called]);
});
