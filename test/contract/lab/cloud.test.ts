import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import dnsPacket from "dns-packet";
import type { RecordType } from "dns-packet";
import type { Cloud, CloudOptions } from "../../lab/cloud/cloud.ts";
import { startCloud } from "../../lab/cloud/cloud.ts";
import type { FirewallRule, ServerHost, ServerRequest } from "../../lab/cloud/serverHost.ts";

/** The stand-in cloud is only worth something while it is as strict as the original: this holds it to that. */

const token = "t".repeat(64);
const sshKeyLine = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGqxGMCC7OnJnNKTVRlRXTMXi4C0pGRyBXuWy0aIzu1P admin";
const otherKeyLine = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHZ0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0 other";

const apiPort = 18080;
const resolverPort = 18053;
let addressesUsed = 0;

let cloud: Cloud;
let host: FakeHost;
let base: string;
let address: string;
let lines: string[];

beforeEach(async () => {
  host = new FakeHost();
  lines = [];
  address = nextLoopbackAddress();
  base = `http://${address}:${apiPort}/v1`;
  cloud = await startCloud(options());
});

afterEach(() => cloud.close());

describe("access", () => {
  test("refuses a missing and a wrong token in the original's words", async () => {
    const refused = async (headers: Record<string, string>) => {
      const answer = await fetch(`${base}/servers`, { headers });
      return { status: answer.status, body: await answer.json() };
    };
    const unauthorized = (message: string) => ({
      status: 401,
      body: { error: { code: "unauthorized", message, details: null } },
    });
    expect(await refused({})).toEqual(unauthorized("token is required"));
    expect(await refused({ Authorization: "Bearer x" })).toEqual(
      unauthorized("the token you have provided is invalid"),
    );
  });

  test("tells type, rate limit and correlation of every answer", async () => {
    const answer = await fetch(`${base}/servers`, { headers: { Authorization: `Bearer ${token}` } });
    expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(answer.headers.get("ratelimit-limit")).toBe("3600");
    expect(Number(answer.headers.get("ratelimit-remaining"))).toBeGreaterThan(3500);
    expect(Number(answer.headers.get("ratelimit-reset"))).toBeGreaterThan(Date.now() / 1000 - 1);
    expect(answer.headers.get("x-correlation-id")).toMatch(/^[0-9a-f]{16}$/);
  });

  test("will not start with a token that the provider would refuse", async () => {
    await expect(startCloud({ ...options(), token: "short" })).rejects.toThrow("64 characters");
  });

  test("leaves nothing open when one of its ports is taken", async () => {
    await expect(startCloud(options())).rejects.toThrow("EADDRINUSE");
    const apiTaken = { ...options(), resolverPort: resolverPort + 1 };
    await expect(startCloud(apiTaken)).rejects.toThrow("EADDRINUSE");
    const free = createSocket("udp4").bind(apiTaken.resolverPort, address);
    await once(free, "listening");
    free.close();
  });
});

describe("what it does not know", () => {
  test.each([
    ["route", "GET", "/volumes", undefined, "no such route"],
    ["method", "PATCH", "/servers", undefined, "no such route"],
    ["query key", "GET", "/servers?label_selector=a", undefined, "unknown query key label_selector"],
    [
      "body field",
      "POST",
      "/ssh_keys",
      { name: "a", public_key: sshKeyLine, colour: 1 },
      "unknown field colour",
    ],
    [
      "nested body field",
      "POST",
      "/firewalls",
      { name: "f", rules: [{ direction: "in", protocol: "icmp", source_ips: ["::/0"], action: "drop" }] },
      "unknown field rules[0].action",
    ],
    ["body", "POST", "/servers/1/actions/poweron", { force: true }, "a body where none belongs"],
    ["record type", "POST", "/zones/example.org/rrsets", rrset("@", "MX", ["10 mx"]), "records of type MX"],
  ])("fails loudly on an unknown %s and counts it", async (_what, method, path, body, message) => {
    await seedZone();
    expect(await call(method, path, body)).toEqual({
      status: 501,
      body: {
        error: {
          code: "unexpected_request",
          message: `the stand-in cloud does not know this: ${message}`,
          details: null,
        },
      },
    });
    expect(await cloud.control({ get: "unexpected" })).toEqual([`${method} /v1${path}: ${message}`]);
    expect(lines.at(-1)).toContain(message);
  });

  test("throws on an unknown control verb", async () => {
    await expect(cloud.control({ explode: true })).rejects.toThrow("unknown field explode");
    await expect(cloud.control({ get: "nothing" })).rejects.toThrow("get");
  });
});

describe("SSH keys", () => {
  test("keeps a key as it came, with the fingerprint of its blob", async () => {
    const { status, body } = await call("POST", "/ssh_keys", {
      name: "admin",
      public_key: sshKeyLine,
      labels: { a: "b" },
    });
    const key = { name: "admin", public_key: sshKeyLine, labels: { a: "b" } };
    expect(status).toBe(201);
    expect(body).toEqual({
      ssh_key: {
        ...key,
        id: expect.any(Number),
        fingerprint: expect.stringMatching(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/),
        created: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      },
    });
    const id = idOf(body, "ssh_key");
    expect(await call("GET", `/ssh_keys/${id}`)).toEqual({ status: 200, body });
    expect((await call("PUT", `/ssh_keys/${id}`, { name: "chief" })).body).toMatchObject({
      ssh_key: { name: "chief" },
    });
    expect(await call("DELETE", `/ssh_keys/${id}`)).toEqual({ status: 204, body: undefined });
    expect((await call("GET", `/ssh_keys/${id}`)).body).toMatchObject({ error: { code: "not_found" } });
  });

  test("refuses a second key of the same name or content, and what is no key", async () => {
    await make("ssh_key", "/ssh_keys", { name: "admin", public_key: sshKeyLine });
    await refuses(409, "uniqueness_error", "/ssh_keys", { name: "admin", public_key: otherKeyLine });
    await refuses(409, "uniqueness_error", "/ssh_keys", { name: "else", public_key: sshKeyLine });
    await refusesField("public_key", "/ssh_keys", { name: "else", public_key: "ssh-ed25519 AAAA" });
    await refusesField("labels", "/ssh_keys", {
      name: "else",
      public_key: otherKeyLine,
      labels: { a: "not so" },
    });
  });
});

describe("firewalls", () => {
  const rule = { direction: "in", protocol: "tcp", port: "22", source_ips: ["0.0.0.0/0", "::/0"] };

  test.each([
    ["a tcp rule with no port", { ...rule, port: undefined }, "rules[0].port"],
    ["a udp rule with no port", { ...rule, protocol: "udp", port: null }, "rules[0].port"],
    ["a port on icmp", { ...rule, protocol: "icmp" }, "rules[0].port"],
    ["a port on esp", { ...rule, protocol: "esp" }, "rules[0].port"],
    ["a port on gre", { ...rule, protocol: "gre" }, "rules[0].port"],
    ["a port beyond 65535", { ...rule, port: "99999" }, "rules[0].port"],
    ["port 0", { ...rule, port: "0" }, "rules[0].port"],
    ["a reversed range", { ...rule, port: "90-80" }, "rules[0].port"],
    ["a word for a port", { ...rule, port: "any" }, "rules[0].port"],
    ["a number for a port", { ...rule, port: 22 }, "rules[0].port"],
    ["a rule with no sources", { ...rule, source_ips: undefined }, "rules[0].source_ips"],
    [
      "a rule with destinations on the way in",
      { ...rule, destination_ips: ["::/0"] },
      "rules[0].destination_ips",
    ],
    ["an address without a prefix", { ...rule, source_ips: ["10.0.0.1"] }, "rules[0].source_ips[0]"],
    ["bits after the prefix", { ...rule, source_ips: ["10.0.0.1/24"] }, "rules[0].source_ips[0]"],
    ["bits after an IPv6 prefix", { ...rule, source_ips: ["2001:db8::1/64"] }, "rules[0].source_ips[0]"],
    ["an unknown protocol", { ...rule, protocol: "TCP" }, "rules[0].protocol"],
    ["an unknown direction", { ...rule, direction: "both" }, "rules[0].direction"],
    ["a long description", { ...rule, description: "x".repeat(256) }, "rules[0].description"],
  ])("refuses %s", async (_what, bad, field) => {
    await refusesField(field, "/firewalls", { name: "f", rules: [bad] });
    expect(await cloud.control({ get: "unexpected" })).toEqual([]);
  });

  test("takes 50 rules and refuses 51, and more than 500 pairs of rule and network", async () => {
    const many = (count: number, networks = 2) =>
      Array.from({ length: count }, (_, index) => ({
        ...rule,
        port: String(1000 + index),
        source_ips: Array.from({ length: networks }, (_unused, net) => `10.${net}.0.0/16`),
      }));
    await refusesField("rules", "/firewalls", { name: "f", rules: many(51) });
    await refusesField("rules", "/firewalls", { name: "f", rules: many(50, 11) });
    await make("firewall", "/firewalls", { name: "f", rules: many(50) });
  });

  test("answers rules in full and replaces them as a whole", async () => {
    const firewall = await make("firewall", "/firewalls", { name: "f", rules: [rule] });
    const full = { ...rule, destination_ips: [], description: null };
    const path = `/firewalls/${firewall}`;
    expect((await call("GET", path)).body).toMatchObject({
      firewall: { name: "f", rules: [full], applied_to: [] },
    });
    const icmp = { direction: "in", protocol: "icmp", source_ips: ["::/0"], description: "ping" };
    const set = await call("POST", `${path}/actions/set_rules`, { rules: [icmp] });
    expect(set).toMatchObject({
      status: 201,
      body: { actions: [{ command: "set_firewall_rules", status: "success" }] },
    });
    expect((await call("GET", path)).body).toMatchObject({
      firewall: { rules: [{ ...icmp, port: null, destination_ips: [] }] },
    });
  });

  test("stands before the machine starts, and follows every change", async () => {
    const firewall = await make("firewall", "/firewalls", { name: "f", rules: [rule] });
    const server = await makeServer({ firewalls: [{ firewall }] });
    const inbound = { ...rule, destination_ips: [], description: null };
    expect(host.calls).toEqual([
      ["setFirewall", server, [inbound]],
      ["create", server],
    ]);
    host.calls = [];
    await call("POST", `/firewalls/${firewall}/actions/set_rules`, { rules: [{ ...rule, port: "80-85" }] });
    const second = await make("firewall", "/firewalls", { name: "g", rules: [rule] });
    const target = [{ type: "server", server: { id: server } }];
    await call("POST", `/firewalls/${second}/actions/apply_to_resources`, { apply_to: target });
    await call("POST", `/firewalls/${firewall}/actions/remove_from_resources`, { remove_from: target });
    await call("POST", `/firewalls/${second}/actions/remove_from_resources`, { remove_from: target });
    const web = { ...inbound, port: "80-85" };
    expect(host.calls).toEqual([
      ["setFirewall", server, [web]],
      ["setFirewall", server, [web, inbound]],
      ["setFirewall", server, [inbound]],
      ["setFirewall", server, undefined],
    ]);
  });

  test("refuses to go while in use, to be applied twice, and to be taken off twice", async () => {
    const firewall = await make("firewall", "/firewalls", { name: "f", rules: [rule] });
    const server = await makeServer({ firewalls: [{ firewall }] });
    const target = [{ type: "server", server: { id: server } }];
    const actions = `/firewalls/${firewall}/actions`;
    await refuses(422, "resource_in_use", `/firewalls/${firewall}`, undefined, "DELETE");
    await refuses(422, "firewall_already_applied", `${actions}/apply_to_resources`, { apply_to: target });
    await call("POST", `${actions}/remove_from_resources`, { remove_from: target });
    await refuses(422, "firewall_already_removed", `${actions}/remove_from_resources`, {
      remove_from: target,
    });
    await refuses(404, "firewall_resource_not_found", `${actions}/apply_to_resources`, {
      apply_to: [{ type: "server", server: { id: 1 } }],
    });
    expect((await call("DELETE", `/firewalls/${firewall}`)).status).toBe(204);
  });
});

describe("primary IPs", () => {
  test("hands out an address of the pool, then another one", async () => {
    const body = { type: "ipv4", auto_delete: false, location: "nbg1", labels: {} };
    const first = await call("POST", "/primary_ips", { name: "a", ...body });
    expect(first).toMatchObject({
      status: 201,
      body: {
        action: null,
        primary_ip: {
          name: "a",
          type: "ipv4",
          ip: "198.51.100.2",
          assignee_id: null,
          assignee_type: "unassigned",
          auto_delete: false,
          location: { name: "nbg1", network_zone: "eu-central" },
          protection: { delete: false },
        },
      },
    });
    expect((await call("DELETE", `/primary_ips/${idOf(first.body, "primary_ip")}`)).status).toBe(204);
    expect((await call("POST", "/primary_ips", { name: "a", ...body })).body).toMatchObject({
      primary_ip: { ip: "198.51.100.3" },
    });
    expect((await call("POST", "/primary_ips", { ...body, name: "b", type: "ipv6" })).body).toMatchObject({
      primary_ip: { ip: "2001:db8:2:1::/64", dns_ptr: [] },
    });
    await refuses(409, "uniqueness_error", "/primary_ips", { name: "b", ...body });
    await refusesField("location", "/primary_ips", { ...body, name: "c", location: "mars1" });
    await refusesField("location", "/primary_ips", { ...body, name: "c", location: undefined });
  });

  test("cannot be deleted while a server has it, nor while protected", async () => {
    const ip = await makeIp("ipv4");
    await makeServer({ public_net: net({ ipv4: ip }) });
    await refuses(422, "must_be_unassigned", `/primary_ips/${ip}`, undefined, "DELETE");
    const free = await makeIp("ipv4", { name: "free" });
    await call("POST", `/primary_ips/${free}/actions/change_protection`, { delete: true });
    await refuses(403, "protected", `/primary_ips/${free}`, undefined, "DELETE");
    await call("POST", `/primary_ips/${free}/actions/change_protection`, { delete: false });
    expect((await call("DELETE", `/primary_ips/${free}`)).status).toBe(204);
  });

  test("moves only between servers that are off, and comes back to the same one", async () => {
    const ip = await makeIp("ipv4");
    const server = await makeServer({ public_net: net({ ipv4: ip, enable_ipv6: false }) });
    const actions = `/primary_ips/${ip}/actions`;
    await refuses(422, "server_not_stopped", `${actions}/unassign`, undefined);
    await call("POST", `/servers/${server}/actions/poweroff`);
    expect((await call("POST", `${actions}/unassign`)).status).toBe(201);
    await refuses(422, "primary_ip_not_assigned", `${actions}/unassign`, undefined);
    expect(await call("POST", `/servers/${server}/actions/poweron`)).toMatchObject({
      status: 501,
      body: { error: { message: expect.stringContaining("cannot give it other addresses") } },
    });
    expect(
      (await call("POST", `${actions}/assign`, { assignee_id: server, assignee_type: "server" })).status,
    ).toBe(201);
    expect((await call("POST", `/servers/${server}/actions/poweron`)).status).toBe(201);
    expect(host.calls.at(-1)).toEqual(["powerOn", server]);
  });

  test("gives its reverse name back, and the given one when it is taken away", async () => {
    const ip = await makeIp("ipv6", { name: "v6" });
    const path = `/primary_ips/${ip}/actions/change_dns_ptr`;
    await refusesField("ip", path, { ip: "2001:db8:9::1", dns_ptr: "relay.example.org" });
    await refusesField("dns_ptr", path, { ip: "2001:db8:2:1::1", dns_ptr: "relay.example.org." });
    await call("POST", path, { ip: "2001:DB8:2:1:0::1", dns_ptr: "relay.example.org" });
    const reverse = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.2.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
    expect(await dig(reverse, "PTR")).toMatchObject({ rcode: 0, answers: ["relay.example.org"] });
    await call("POST", path, { ip: "2001:db8:2:1::1", dns_ptr: null });
    expect(await dig(reverse, "PTR")).toMatchObject({ rcode: 3, answers: [] });
    await makeIp("ipv4");
    expect(await dig("2.100.51.198.in-addr.arpa", "PTR")).toMatchObject({
      answers: ["static.2.100.51.198.clients.your-server.de"],
    });
  });
});

describe("servers", () => {
  test("becomes a machine with its keys, user data and addresses", async () => {
    const key = await make("ssh_key", "/ssh_keys", { name: "admin", public_key: sshKeyLine });
    const [ipv4, ipv6] = [await makeIp("ipv4"), await makeIp("ipv6", { name: "v6" })];
    const { status, body } = await call("POST", "/servers", {
      ...serverBody,
      image: 310557660,
      ssh_keys: [key],
      user_data: "#cloud-config\n",
      labels: { role: "relay" },
      public_net: net({ ipv4, ipv6 }),
    });
    const id = idOf(body, "server");
    expect(status).toBe(201);
    expect(body).toMatchObject({
      action: {
        command: "create_server",
        status: "success",
        error: null,
        resources: [{ id, type: "server" }],
      },
      next_actions: [{ command: "start_server", status: "success" }],
      root_password: null,
      server: {
        id,
        name: "relay",
        status: "running",
        labels: { role: "relay" },
        locked: false,
        image: { name: "debian-13", architecture: "x86" },
        server_type: { name: "cx23", cores: 2, memory: 4, disk: 40 },
        location: { name: "nbg1" },
        public_net: {
          ipv4: { id: ipv4, ip: "198.51.100.2" },
          ipv6: { id: ipv6, ip: "2001:db8:2:1::/64", dns_ptr: [] },
          firewalls: [],
        },
      },
    });
    expect(host.machines.get(id)).toEqual({
      id,
      name: "relay",
      image: "debian-13",
      userData: "#cloud-config\n",
      sshPublicKeys: [sshKeyLine],
      ipv4: "198.51.100.2",
      ipv6: "2001:db8:2:1::/64",
    });
    expect((await call("GET", `/primary_ips/${ipv4}`)).body).toMatchObject({
      primary_ip: { assignee_id: id, assignee_type: "server" },
    });
  });

  test("keeps the address when the server is replaced", async () => {
    const ipv4 = await makeIp("ipv4");
    const old = await makeServer({ public_net: net({ ipv4 }) });
    const gone = await call("DELETE", `/servers/${old}`);
    expect(gone).toMatchObject({
      status: 200,
      body: { action: { command: "delete_server", status: "success" } },
    });
    expect(host.machines.size).toBe(0);
    const fresh = await makeServer({ public_net: net({ ipv4 }) });
    expect(fresh).not.toBe(old);
    expect(host.machines.get(fresh)?.ipv4).toBe("198.51.100.2");
  });

  test("takes addresses of its own when none are given, and they go with it", async () => {
    const server = await makeServer({ public_net: undefined });
    expect(host.machines.get(server)).toMatchObject({ ipv4: "198.51.100.2", ipv6: "2001:db8:2:1::/64" });
    expect((await call("GET", "/primary_ips")).body).toMatchObject({
      primary_ips: [{ auto_delete: true }, { auto_delete: true }],
    });
    await call("DELETE", `/servers/${server}`);
    expect((await call("GET", "/primary_ips")).body).toMatchObject({ primary_ips: [] });
  });

  test.each([
    ["an unknown type", { server_type: "cx77" }, 404, "not_found"],
    ["an unknown image", { image: "nope-1" }, 404, "not_found"],
    ["an unknown location", { location: "mars1" }, 422, "invalid_input"],
    ["a type that is not sold there", { location: "sin" }, 422, "invalid_input"],
    ["an image for another architecture", { image: 310557661 }, 422, "invalid_input"],
    ["a key that is not there", { ssh_keys: [1] }, 404, "not_found"],
    ["a firewall that is not there", { firewalls: [{ firewall: 1 }] }, 404, "not_found"],
    ["a primary IP that is not there", { public_net: net({ ipv4: 1 }) }, 404, "not_found"],
    [
      "no network at all",
      { public_net: net({ enable_ipv4: false, enable_ipv6: false }) },
      422,
      "invalid_input",
    ],
    ["a name that is no host name", { name: "my_relay" }, 422, "invalid_input"],
    ["more than 32 KiB of user data", { user_data: "x".repeat(32 * 1024 + 1) }, 422, "invalid_input"],
    ["an arm machine, which the lab has not", { server_type: "cax11" }, 501, "unexpected_request"],
  ])("refuses %s and leaves nothing behind", async (_what, bad, status, code) => {
    await refuses(status, code, "/servers", { ...serverBody, ...bad });
    expect(host.calls).toEqual([]);
    expect(await cloud.control({ get: "everything" })).toMatchObject({ servers: [], primary_ips: [] });
  });

  test("refuses addresses that are taken, elsewhere or of the other family, and a name that is taken", async () => {
    const [ipv4, ipv6] = [await makeIp("ipv4"), await makeIp("ipv6", { name: "v6" })];
    const far = await makeIp("ipv4", { name: "far", location: "hel1" });
    await refuses(422, "primary_ip_version_mismatch", "/servers", {
      ...serverBody,
      public_net: net({ ipv4: ipv6 }),
    });
    await refuses(422, "primary_ip_datacenter_mismatch", "/servers", {
      ...serverBody,
      public_net: net({ ipv4: far }),
    });
    await makeServer({ public_net: net({ ipv4 }) });
    await refuses(422, "primary_ip_assigned", "/servers", {
      ...serverBody,
      name: "two",
      public_net: net({ ipv4 }),
    });
    await refuses(409, "uniqueness_error", "/servers", serverBody);
  });

  test("changes its type while off, and is started by that", async () => {
    const server = await makeServer({});
    const path = `/servers/${server}/actions/change_type`;
    const bigger = { server_type: "cx33", upgrade_disk: true };
    await refuses(422, "server_not_stopped", path, bigger);
    await call("POST", `/servers/${server}/actions/poweroff`);
    expect((await call("GET", `/servers/${server}`)).body).toMatchObject({ server: { status: "off" } });
    host.calls = [];
    expect((await call("POST", path, bigger)).body).toMatchObject({
      action: { command: "change_server_type" },
    });
    expect(host.calls).toEqual([["powerOn", server]]);
    expect((await call("GET", `/servers/${server}`)).body).toMatchObject({
      server: { status: "running", server_type: { name: "cx33" }, primary_disk_size: 80 },
    });
    await call("POST", `/servers/${server}/actions/shutdown`);
    await refuses(422, "invalid_server_type", path, { server_type: "cx23", upgrade_disk: false });
  });

  test("cannot be deleted while protected, and both protections go together", async () => {
    const server = await makeServer({});
    const path = `/servers/${server}/actions/change_protection`;
    await refusesField("rebuild", path, { delete: true, rebuild: false });
    await call("POST", path, { delete: true, rebuild: true });
    await refuses(403, "protected", `/servers/${server}`, undefined, "DELETE");
    await call("POST", path, { delete: false, rebuild: false });
    expect((await call("DELETE", `/servers/${server}`)).status).toBe(200);
    expect((await call("DELETE", `/servers/${server}`)).status).toBe(404);
    expect((await call("GET", `/servers?name=${server}`)).body).toMatchObject({ servers: [] });
  });

  test("says what the data centre refused, and keeps no server of it", async () => {
    host.refuse = "no such image in this lab: ubuntu-24.04";
    expect(await call("POST", "/servers", { ...serverBody, image: "ubuntu-24.04" })).toMatchObject({
      status: 500,
      body: { error: { message: `the stand-in cloud failed: ${host.refuse}` } },
    });
    expect(await cloud.control({ get: "everything" })).toMatchObject({ servers: [], primary_ips: [] });
    expect(await cloud.control({ get: "unexpected" })).toHaveLength(1);
  });
});

describe("the order of things", () => {
  test("asks the data centre for nothing about a server that has no machine", async () => {
    await cloud.control({ failNext: { command: "create_server", code: "server_error", message: "no room" } });
    const firewall = await make("firewall", "/firewalls", { name: "f" });
    const server = await makeServer({ firewalls: [{ firewall }] });
    const rules = [{ direction: "in", protocol: "icmp", source_ips: ["::/0"] }];
    expect((await call("POST", `/firewalls/${firewall}/actions/set_rules`, { rules })).status).toBe(201);
    await call("POST", `/servers/${server}/actions/poweron`);
    await call("DELETE", `/servers/${server}`);
    expect(host.calls).toEqual([]);
  });

  test("ends a machine that is still being made when its server is deleted", async () => {
    host.createDelayMs = 100;
    const creation = call("POST", "/servers", serverBody);
    const list = async () => (await call("GET", "/servers")).body as { servers: { id: number }[] };
    let server: { id: number } | undefined;
    for (let tries = 0; server === undefined && tries < 50; tries++) [server] = (await list()).servers;
    expect((await call("DELETE", `/servers/${server?.id ?? 0}`)).status).toBe(200);
    expect((await creation).status).toBe(201);
    expect(host.machines.size).toBe(0);
    expect(host.calls.map(([what]) => what)).toEqual(["setFirewall", "create", "destroy"]);
  });

  test("lives on when a client hangs up in the middle of a request", async () => {
    const { port, hostname } = new URL(base);
    const socket = connect(Number(port), hostname);
    socket.write(`POST /v1/servers HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{`);
    await once(socket, "ready");
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    await once(socket, "close");
    expect((await call("GET", "/servers")).status).toBe(200);
  });
});

describe("catalogue", () => {
  test("finds an image of a name for an architecture", async () => {
    const path = "/images?architecture=arm&include_deprecated=true&name=debian-13";
    expect((await call("GET", path)).body).toMatchObject({
      images: [{ id: 310557661, name: "debian-13", architecture: "arm", deprecated: null }],
      meta: { pagination: { page: 1, per_page: 25, next_page: null, last_page: 1, total_entries: 1 } },
    });
  });

  test("pages", async () => {
    expect((await call("GET", "/locations?page=2&per_page=4")).body).toMatchObject({
      locations: [{ name: "hil", network_zone: "us-west" }, { name: "sin" }],
      meta: {
        pagination: {
          page: 2,
          per_page: 4,
          previous_page: 1,
          next_page: null,
          last_page: 2,
          total_entries: 6,
        },
      },
    });
  });

  test("says which types are sold out, and refuses them", async () => {
    await cloud.control({ stockOut: ["cx23"] });
    expect((await call("GET", "/server_types?name=cx23")).body).toMatchObject({
      server_types: [{ name: "cx23", locations: [{ name: "fsn1", available: false }, {}, {}] }],
    });
    await refuses(412, "resource_unavailable", "/servers", serverBody);
    await cloud.control({ stockOut: [] });
    await makeServer({});
  });
});

describe("zones", () => {
  test("takes a zone by name or id, with its nameservers", async () => {
    const made = await call("POST", "/zones", {
      name: "example.org",
      mode: "primary",
      ttl: 3600,
      labels: {},
    });
    expect(made).toMatchObject({
      status: 201,
      body: {
        action: { command: "create_zone" },
        zone: {
          name: "example.org",
          ttl: 3600,
          record_count: 4,
          authoritative_nameservers: {
            assigned: ["hydrogen.ns.hetzner.com.", "oxygen.ns.hetzner.com.", "helium.ns.hetzner.de."],
          },
        },
      },
    });
    const id = idOf(made.body, "zone");
    expect((await call("GET", `/zones/${id}`)).body).toEqual((await call("GET", "/zones/example.org")).body);
    await refuses(409, "uniqueness_error", "/zones", { name: "example.org", mode: "primary" });
    await refusesField("name", "/zones", { name: "Example.org.", mode: "primary" });
    await refusesField("ttl", "/zones", { name: "example.net", mode: "primary", ttl: 5 });
    expect(await call("DELETE", `/zones/${id}`)).toMatchObject({
      status: 201,
      body: { action: { command: "delete_zone" } },
    });
    expect((await call("GET", `/zones/${id}`)).status).toBe(404);
  });

  test.each([
    ["a wrong IPv4 address", rrset("www", "A", ["198.51.100.300"]), "records[0].value"],
    ["an IPv6 address in an A record", rrset("www", "A", ["2001:db8::1"]), "records[0].value"],
    ["an IPv4 address in an AAAA record", rrset("www", "AAAA", ["198.51.100.2"]), "records[0].value"],
    ["a network in an AAAA record", rrset("www", "AAAA", ["2001:db8::/64"]), "records[0].value"],
    ["text without quotes", rrset("www", "TXT", ["hello"]), "records[0].value"],
    ["the same value twice", rrset("www", "A", ["198.51.100.2", "198.51.100.2"]), "records"],
    ["no record", rrset("www", "A", []), "records"],
    ["an unknown type", rrset("www", "B", ["x"]), "type"],
    ["a second SOA", rrset("www", "SOA", ["x"]), "type"],
    ["a name in capitals", rrset("WWW", "A", ["198.51.100.2"]), "name"],
    ["a name with a dot at its end", rrset("www.", "A", ["198.51.100.2"]), "name"],
    ["a name with the zone's name", rrset("www.example.org", "A", ["198.51.100.2"]), "name"],
    ["an empty name", rrset("", "A", ["198.51.100.2"]), "name"],
    ["a star inside a name", rrset("a.*", "A", ["198.51.100.2"]), "name"],
    ["a TTL below a minute", { ...rrset("www", "A", ["198.51.100.2"]), ttl: 5 }, "ttl"],
    ["a CNAME at the zone itself", rrset("@", "CNAME", ["www"]), "name"],
  ])("refuses %s", async (_what, bad, field) => {
    await seedZone();
    await refusesField(field, "/zones/example.org/rrsets", bad);
    expect(await cloud.control({ get: "everything" })).toMatchObject({ rrsets: [] });
  });

  test("changes records, TTL and labels of an rrset, refuses a second one, and drops it", async () => {
    await seedZone();
    const body = { ...rrset("@", "A", ["198.51.100.2"]), labels: {} };
    expect(await call("POST", "/zones/example.org/rrsets", body)).toMatchObject({
      status: 201,
      body: {
        action: { command: "create_rrset" },
        rrset: {
          id: "@/A",
          name: "@",
          type: "A",
          ttl: null,
          labels: {},
          records: [{ value: "198.51.100.2" }],
        },
      },
    });
    await refuses(409, "uniqueness_error", "/zones/example.org/rrsets", body);
    const path = "/zones/example.org/rrsets/@/A";
    await call("POST", `${path}/actions/set_records`, {
      records: [{ value: "198.51.100.9", comment: "new" }],
    });
    await call("POST", `${path}/actions/change_ttl`, { ttl: 60 });
    expect(await call("PUT", path, { labels: { a: "b" } })).toMatchObject({
      status: 200,
      body: { rrset: { ttl: 60, labels: { a: "b" }, records: [{ value: "198.51.100.9", comment: "new" }] } },
    });
    await refusesField("records[0].value", `${path}/actions/set_records`, { records: [{ value: "x" }] });
    await call("POST", `${path}/actions/change_protection`, { change: true });
    await refuses(403, "protected", path, undefined, "DELETE");
    await call("POST", `${path}/actions/change_protection`, { change: false });
    expect(await call("DELETE", path)).toMatchObject({
      status: 201,
      body: { action: { command: "delete_rrset" } },
    });
    expect((await call("GET", path)).status).toBe(404);
  });

  test("makes an rrset with its first single record and drops it with its last", async () => {
    await seedZone();
    const path = "/zones/example.org/rrsets/one/A";
    const records = [{ value: "198.51.100.2" }];
    expect((await call("POST", `${path}/actions/add_records`, { records })).status).toBe(201);
    await refusesField("records", `${path}/actions/add_records`, { records });
    await call("POST", `${path}/actions/update_records`, {
      records: [{ value: "198.51.100.2", comment: "c" }],
    });
    expect((await call("GET", path)).body).toMatchObject({ rrset: { records: [{ comment: "c" }] } });
    expect((await call("POST", `${path}/actions/remove_records`, { records })).status).toBe(201);
    expect((await call("GET", path)).status).toBe(404);
  });
});

describe("the resolver", () => {
  test("asks others about names outside the cloud's zones", async () => {
    await seedZone();
    expect(await dig("Elsewhere.example.net", "A")).toMatchObject({
      rcode: 0,
      answers: ["192.0.2.9"],
      ttl: 60,
    });
    expect(await dig("elsewhere.example.net", "AAAA")).toMatchObject({ rcode: 0, answers: [] });
    expect(await dig("elsewhere.example.net", "TXT")).toMatchObject({ rcode: 0, answers: [] });
    expect(await dig("elsewhere.example.org", "A")).toMatchObject({ rcode: 3, answers: [], soa: true });
  });

  test("answers from its zones and knows NODATA from NXDOMAIN", async () => {
    await seedZone();
    await record("@", "A", ["198.51.100.2"]);
    await record("www", "AAAA", ["2001:db8:2:1::1"], 60);
    await record("a.b", "TXT", ['"one" "two"']);
    expect(await dig("example.org", "A")).toEqual({
      rcode: 0,
      answers: ["198.51.100.2"],
      ttl: 600,
      soa: false,
      authoritative: true,
    });
    expect(await dig("WWW.example.org", "AAAA")).toMatchObject({
      rcode: 0,
      answers: ["2001:db8:2:1::1"],
      ttl: 60,
    });
    expect(await dig("a.b.example.org", "TXT")).toMatchObject({ answers: ["one,two"] });
    expect(await dig("www.example.org", "A")).toMatchObject({ rcode: 0, answers: [], soa: true });
    expect(await dig("b.example.org", "A")).toMatchObject({ rcode: 0, answers: [], soa: true });
    expect(await dig("nope.example.org", "A")).toMatchObject({
      rcode: 3,
      answers: [],
      soa: true,
      authoritative: true,
    });
    expect(await dig("example.net", "A")).toMatchObject({
      rcode: 3,
      answers: [],
      soa: false,
      authoritative: false,
    });
    expect(await dig("example.org", "SOA")).toMatchObject({
      answers: [expect.stringContaining("hydrogen.ns.hetzner.com")],
    });
    expect((await dig("example.org", "NS")).answers).toHaveLength(3);
  });

  test("follows aliases and fills in wildcards", async () => {
    await seedZone();
    await record("@", "A", ["198.51.100.2"]);
    await record("git", "CNAME", ["@"]);
    await record("far", "CNAME", ["example.net."]);
    await record("*", "A", ["198.51.100.7"]);
    expect(await dig("git.example.org", "A")).toMatchObject({
      rcode: 0,
      answers: ["example.org", "198.51.100.2"],
    });
    expect(await dig("far.example.org", "A")).toMatchObject({ rcode: 3, answers: ["example.net"] });
    expect(await dig("x.y.example.org", "A")).toMatchObject({ rcode: 0, answers: ["198.51.100.7"] });
    expect(await dig("git.example.org", "AAAA")).toMatchObject({ rcode: 0, answers: ["example.org"] });
  });

  test("shows a change at once", async () => {
    await seedZone();
    await record("www", "A", ["198.51.100.2"]);
    await call("POST", "/zones/example.org/rrsets/www/A/actions/set_records", {
      records: [{ value: "198.51.100.3" }],
    });
    expect(await dig("www.example.org", "A")).toMatchObject({ answers: ["198.51.100.3"] });
    await call("DELETE", "/zones/example.org");
    expect(await dig("www.example.org", "A")).toMatchObject({ rcode: 3 });
  });

  test("truncates a long answer over UDP and gives it in full over TCP", async () => {
    await seedZone();
    const many = Array.from({ length: 60 }, (_, index) => `198.51.100.${index + 1}`);
    await record("many", "A", many);
    const query = question("many.example.org", "A");
    expect(dnsPacket.decode(await overUdp(query))).toMatchObject({ flag_tc: true, answers: [] });
    expect(dnsPacket.decode(await overTcp(query)).answers).toHaveLength(60);
  });
});

describe("modes", () => {
  test("lets an action run for a number of polls", async () => {
    await cloud.control({ set: { actionPolls: 2 } });
    const { body } = await call("POST", "/servers", serverBody);
    const action = idOf(body, "action");
    const server = idOf(body, "server");
    expect(body).toMatchObject({
      action: { status: "running", finished: null },
      server: { status: "initializing" },
    });
    const poll = async () => (await call("GET", `/actions?id=${action}&page=1&sort=status&sort=id`)).body;
    expect(await poll()).toMatchObject({ actions: [{ status: "running", progress: 50 }] });
    expect(await poll()).toMatchObject({ actions: [{ status: "running" }] });
    expect(await poll()).toMatchObject({
      actions: [{ status: "success", progress: 100, finished: expect.any(String) }],
    });
    expect((await call("GET", `/servers/${server}`)).body).toMatchObject({ server: { status: "running" } });
  });

  test("lets an action fail without its effect, once", async () => {
    await cloud.control({
      failNext: { command: "create_server", code: "server_error", message: "host has no capacity" },
    });
    const { status, body } = await call("POST", "/servers", serverBody);
    expect(status).toBe(201);
    expect(body).toMatchObject({
      action: { status: "error", error: { code: "server_error", message: "host has no capacity" } },
      next_actions: [],
      server: { status: "off" },
    });
    expect(host.calls).toEqual([]);
    expect((await call("DELETE", `/servers/${idOf(body, "server")}`)).status).toBe(200);
    await makeServer({});

    await seedZone();
    await cloud.control({ failNext: { command: "create_rrset", code: "action_failed", message: "no" } });
    const refused = await call("POST", "/zones/example.org/rrsets", rrset("www", "A", ["198.51.100.2"]));
    expect(refused.body).toMatchObject({ action: { status: "error" } });
    await record("www", "A", ["198.51.100.2"]);
  });

  test("runs into the rate limit and out of service for a number of requests", async () => {
    await cloud.control({ rateLimit: 1, unavailable: 2 });
    await refuses(429, "rate_limit_exceeded", "/servers", undefined, "GET");
    await refuses(503, "unavailable", "/servers", undefined, "GET");
    await refuses(503, "unavailable", "/servers", undefined, "GET");
    expect((await call("GET", "/servers")).status).toBe(200);
  });

  test("releases addresses and firewalls of a deleted server late", async () => {
    await cloud.control({ slowRelease: 100 });
    const ipv4 = await makeIp("ipv4");
    const firewall = await make("firewall", "/firewalls", { name: "f" });
    const server = await makeServer({ public_net: net({ ipv4 }), firewalls: [{ firewall }] });
    await call("DELETE", `/servers/${server}`);
    expect(host.machines.size).toBe(0);
    await refuses(422, "must_be_unassigned", `/primary_ips/${ipv4}`, undefined, "DELETE");
    await refuses(422, "resource_in_use", `/firewalls/${firewall}`, undefined, "DELETE");
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await call("DELETE", `/primary_ips/${ipv4}`)).status).toBe(204);
    expect((await call("DELETE", `/firewalls/${firewall}`)).status).toBe(204);
  });

  test("tells the requests since the last reset, and what is left", async () => {
    await make("ssh_key", "/ssh_keys", { name: "admin", public_key: sshKeyLine });
    await cloud.control({ reset: "requests" });
    await call("GET", "/servers?name=x");
    await call("POST", "/zones", { name: "example.org", mode: "primary" });
    expect(await cloud.control({ get: "requests" })).toEqual([
      { method: "GET", path: "/v1/servers?name=x", body: undefined, status: 200 },
      { method: "POST", path: "/v1/zones", body: { name: "example.org", mode: "primary" }, status: 201 },
    ]);
    expect(await cloud.control({ get: "everything" })).toMatchObject({
      ssh_keys: [{ name: "admin" }],
      primary_ips: [],
      firewalls: [],
      servers: [],
      zones: [{ name: "example.org" }],
      rrsets: [],
    });
  });

  test("forgets the faults that were asked for", async () => {
    await cloud.control({ rateLimit: 9, stockOut: ["cx23"], set: { actionPolls: 5 } });
    await cloud.control({ reset: "faults" });
    expect((await call("POST", "/servers", serverBody)).body).toMatchObject({
      action: { status: "success" },
    });
  });
});

const serverBody = { name: "relay", server_type: "cx23", image: "debian-13", location: "nbg1" };

type HostCall = ["setFirewall", number, readonly FirewallRule[] | undefined] | [string, number];

/** Machines that are only remembered. */
class FakeHost implements ServerHost {
  calls: HostCall[] = [];
  readonly machines = new Map<number, ServerRequest>();
  refuse: string | undefined;
  createDelayMs = 0;

  async create(server: ServerRequest): Promise<void> {
    if (this.refuse !== undefined) throw new Error(this.refuse);
    await new Promise((resolve) => setTimeout(resolve, this.createDelayMs));
    this.machines.set(server.id, server);
    await this.#note(["create", server.id]);
  }
  powerOn(id: number): Promise<void> {
    return this.#note(["powerOn", id]);
  }
  powerOff(id: number): Promise<void> {
    return this.#note(["powerOff", id]);
  }
  destroy(id: number): Promise<void> {
    this.machines.delete(id);
    return this.#note(["destroy", id]);
  }
  setFirewall(id: number, rules: readonly FirewallRule[] | undefined): Promise<void> {
    return this.#note(["setFirewall", id, rules]);
  }
  #note(call: HostCall): Promise<void> {
    this.calls.push(call);
    return Promise.resolve();
  }
}

interface Response {
  readonly status: number;
  readonly body: unknown;
}

async function call(method: string, path: string, body?: unknown): Promise<Response> {
  const answer = await fetch(`${base}${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === "" ? undefined : JSON.parse(text) };
}

async function refuses(
  status: number,
  code: string,
  path: string,
  body: unknown,
  method = "POST",
): Promise<void> {
  const answer = await call(method, path, body);
  expect(answer).toMatchObject({ status, body: { error: { code } } });
}

async function refusesField(field: string, path: string, body: unknown): Promise<void> {
  expect(await call("POST", path, body)).toMatchObject({
    status: 422,
    body: { error: { code: "invalid_input", details: { fields: [{ name: field }] } } },
  });
}

async function make(key: string, path: string, body: unknown): Promise<number> {
  const answer = await call("POST", path, body);
  expect(answer).toMatchObject({ status: 201 });
  return idOf(answer.body, key);
}

const makeIp = (type: string, more: object = {}) =>
  make("primary_ip", "/primary_ips", { name: "relay", type, location: "nbg1", auto_delete: false, ...more });

const makeServer = (more: object) => make("server", "/servers", { ...serverBody, ...more });

const seedZone = () => cloud.control({ seedZone: { name: "example.org", ttl: 600 } });

async function record(name: string, type: string, values: readonly string[], ttl?: number): Promise<void> {
  const answer = await call("POST", "/zones/example.org/rrsets", { ...rrset(name, type, values), ttl });
  expect(answer).toMatchObject({ status: 201, body: { action: { status: "success" } } });
}

function rrset(name: string, type: string, values: readonly string[]) {
  return { name, type, records: values.map((value) => ({ value })) };
}

function net(more: object) {
  return { enable_ipv4: true, enable_ipv6: true, ...more };
}

function idOf(body: unknown, key: string): number {
  return (body as Record<string, { id: number }>)[key]?.id ?? NaN;
}

async function dig(name: string, type: RecordType) {
  const packet = dnsPacket.decode(await overUdp(question(name, type)));
  const shown = (data: unknown) =>
    typeof data === "string" ? data : Array.isArray(data) ? data.map(String).join(",") : JSON.stringify(data);
  const answers = packet.answers ?? [];
  return {
    rcode: (packet.flags ?? 0) & 0xf,
    answers: answers.map((answer) => ("data" in answer ? shown(answer.data) : "")),
    ttl: answers.map((answer) => ("ttl" in answer ? answer.ttl : undefined))[0],
    soa: packet.authorities?.[0]?.type === "SOA",
    authoritative: packet.flag_aa,
  };
}

function question(name: string, type: RecordType): Buffer {
  return dnsPacket.encode({
    type: "query",
    id: 7,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ name, type }],
  });
}

async function overUdp(query: Buffer): Promise<Buffer> {
  const socket = createSocket("udp4");
  socket.send(query, resolverPort, address);
  const [message] = (await once(socket, "message")) as [Buffer];
  socket.close();
  return message;
}

async function overTcp(query: Buffer): Promise<Buffer> {
  const socket = connect(resolverPort, address);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.length);
  socket.write(Buffer.concat([length, query]));
  let received = Buffer.alloc(0);
  while (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    received = Buffer.concat([received, chunk]);
  }
  socket.destroy();
  return received.subarray(2);
}

function options(): CloudOptions {
  return {
    host,
    apiAddress: address,
    apiPort,
    resolverAddress: address,
    resolverPort,
    token,
    elsewhere: (name) => (name.startsWith("elsewhere.example.") ? { A: "192.0.2.9" } : undefined),
    log: (line) => lines.push(line),
  };
}

/** A loopback address for each test, so that no two clouds want the same port. */
function nextLoopbackAddress(): string {
  return `127.${128 + (process.pid & 0x7f)}.${(process.pid >> 7) & 0xff}.${++addressesUsed}`;
}
