import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parse as parseYaml } from "yaml";
import { parseForward } from "../../../components/network/forward.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import type { RawSettings } from "../../../components/settings/parseSettings.ts";
import { SettingsError } from "../../../components/settings/settingsError.ts";
import { forwarding, hostKey, nas, parse, problemsOf, refuses, sshOf } from "./stackFiles.ts";
import { encryptedIn } from "./encrypted.ts";

const tokenMend =
  "create a token with read and write access in the Hetzner console, then: pulumi config set --secret hcloud:token";

describe("what is left out has the documented default", () => {
  test("everywhere", () => {
    expect(parse()).toEqual({
      relay: {
        provider: "hetzner",
        location: "nbg1",
        serverType: "cx23",
        image: "debian-13",
        sshPort: 22,
        sshKeyGeneration: 1,
        adminCidrs: [parsePrefix("0.0.0.0/0"), parsePrefix("::/0")],
        sshVia: "public",
        sshPeers: [],
        metricsPeers: [],
      },
      tunnel: {
        listenPort: 51820,
        mtu: 1420,
        keepaliveSeconds: 5,
        prefix4: parsePrefix("10.77.0.0/16"),
        prefix6: parsePrefix("fd77::/64"),
        keyGeneration: 1,
      },
      homes: [
        {
          name: "nas",
          install: "ssh",
          access: {
            host: "192.168.1.10",
            port: 22,
            user: "root",
            hostKey,
            identityFile: undefined,
            password: undefined,
            jump: undefined,
          },
          tunnelAddress: { ipv4: "10.77.218.48", ipv6: "fd77::da30" },
          ipv6: true,
          endpoint: "ipv4",
          forwards: [parseForward("80:8080")],
        },
      ],
      devices: [],
      dns: undefined,
      notify: [],
    });
  });

  test("in dns, once there is a zone", () => {
    expect(parse({ dns: { zone: "example.org" } }).dns).toEqual({
      provider: "hetzner",
      zone: "example.org",
      createZone: false,
      names: ["@"],
      ttlSeconds: 60,
      reverse: "example.org",
    });
  });

  test("also where a key is written with nothing behind it", () => {
    const empty = { relay: null, tunnel: undefined, dns: null };
    expect(parse(empty)).toEqual(parse());
  });
});

test("what is written holds", () => {
  const settings = parse({
    relay: {
      location: "hel1",
      serverType: "cax11",
      image: "debian-12",
      sshPort: 2222,
      sshKeyGeneration: 3,
      adminCidrs: ["192.0.2.7"],
      sshVia: "tunnel",
      sshPeers: ["nas"],
      metricsPeers: ["nas"],
    },
    tunnel: {
      listenPort: 443,
      mtu: 1280,
      keepaliveSeconds: 120,
      prefix4: "192.168.77.0/24",
      prefix6: "fd01:2:3:4::/64",
      keyGeneration: 3,
    },
    homes: [
      {
        ...nas,
        ssh: {
          host: "fd00::5",
          port: 2022,
          user: "ops",
          hostKey: `${hostKey} root@nas`,
          identityFile: "~/.ssh/nas",
        },
      },
    ],
    dns: {
      zone: "xn--bcher-kva.example",
      createZone: true,
      names: ["@", "www", "*", "*.a.b", "_acme"],
      ttlSeconds: 86_400,
    },
  });
  expect(settings.relay).toEqual({
    provider: "hetzner",
    location: "hel1",
    serverType: "cax11",
    image: "debian-12",
    sshPort: 2222,
    sshKeyGeneration: 3,
    adminCidrs: [parsePrefix("192.0.2.7/32")],
    sshVia: "tunnel",
    sshPeers: ["nas"],
    metricsPeers: ["nas"],
  });
  expect(settings.tunnel).toMatchObject({
    listenPort: 443,
    mtu: 1280,
    keepaliveSeconds: 120,
    keyGeneration: 3,
  });
  expect([settings.tunnel.prefix4.text, settings.tunnel.prefix6.text]).toEqual([
    "192.168.77.0/24",
    "fd01:2:3:4::/64",
  ]);
  expect(settings.homes[0]).toMatchObject({
    access: { host: "fd00::5", port: 2022, user: "ops", hostKey, identityFile: "~/.ssh/nas" },
  });
  expect(settings.dns).toEqual({
    provider: "hetzner",
    zone: "xn--bcher-kva.example",
    createZone: true,
    names: ["@", "www", "*", "*.a.b", "_acme"],
    ttlSeconds: 86_400,
    reverse: "xn--bcher-kva.example",
  });
});

test("settings are frozen, all the way down", () => {
  const open: string[] = [];
  const look = (value: unknown, path: string) => {
    if (typeof value !== "object" || value === null) return;
    if (!Object.isFrozen(value)) open.push(path);
    for (const [key, part] of Object.entries(value)) look(part, `${path}.${key}`);
  };
  look(parse({ dns: { zone: "example.org" } }), "settings");
  expect(open).toEqual([]);
});

test("the example stack is sound", () => {
  const encrypted = new Set<string>();
  // Nobody here can decrypt; the encrypted text stands for what is inside.
  const open = (_: unknown, value: unknown) => {
    if (typeof value !== "object" || value === null || !("secure" in value)) return value;
    encrypted.add(String(value.secure));
    return String(value.secure);
  };
  const { config } = parseYaml(readFileSync("Pulumi.dev.yaml", "utf8"), open) as {
    config: Record<string, unknown>;
  };
  const written = {
    relay: config["home-relay:relay"],
    homes: config["home-relay:homes"],
    tunnel: config["home-relay:tunnel"],
    dns: config["home-relay:dns"],
  };
  const settings = parse({
    ...written,
    unknownKeys: Object.keys(config)
      .filter((key) => key.startsWith("home-relay:"))
      .map((key) => key.replace("home-relay:", ""))
      .filter((key) => !["relay", "homes", "tunnel", "dns"].includes(key)),
    isEncrypted: encryptedIn(written, [...encrypted]),
  });
  // Users write their own over it, and run this test on it.
  expect(settings.homes.length).toBeGreaterThan(0);
});

test("all problems are said at once, in one message", () => {
  const mistakes: Partial<RawSettings> = {
    relay: { sshPort: "22" },
    homes: [{ ...nas, forwards: ["80:8080/TCP", "443", "443:8443"] }],
    tunnel: { mtu: 1500 },
    hcloudToken: "short",
  };
  expect(() => parse({ ...mistakes })).toThrow(
    new SettingsError([
      'home-relay:relay.sshPort: must be a whole number from 1 to 65535; found "22"\n  write 22 without quotes',
      'home-relay:homes[0].forwards[0]: "TCP" is not a protocol; use tcp, udp or tcp+udp\n  write "80:8080/tcp"',
      "home-relay:tunnel.mtu: must be a whole number from 1280 to 1420; found 1500\n" +
        "  IPv6 needs 1280; 1420 is what fits into 1500 bytes beside WireGuard's own; try 1412 behind PPPoE, 1280 always works",
      `hcloud:token: must have exactly 64 characters; found 5\n  ${tokenMend}`,
      "home-relay:homes[0].forwards[2]: publishes 443/tcp for home nas, which home-relay:homes[0].forwards[1] publishes for home nas; " +
        'found "443:8443/tcp" and "443:443/tcp"\n  a public port leads to one place: publish another port in one of them',
    ]),
  );
});

test("the message counts the problems and keeps each with its mend", () => {
  expect(new SettingsError(["a: wrong\n  mend it", "b: wrong\n  mend that"]).message).toBe(
    "2 problems in the settings:\n\n  a: wrong\n    mend it\n\n  b: wrong\n    mend that",
  );
  expect(new SettingsError(["a: wrong\n  mend it"]).message).toBe(
    "1 problem in the settings:\n\n  a: wrong\n    mend it",
  );
});

refuses("an unknown key", [
  ["a section", { unknownKeys: ["home"] }, "home-relay:home: is not a setting\n  did you mean homes?"],
  [
    "nothing like a section",
    { unknownKeys: ["colours"] },
    "home-relay:colours: is not a setting\n  remove it; known here: relay, homes, devices, tunnel, dns, notify",
  ],
  [
    "a path set without --path",
    { unknownKeys: ["relay.sshPort"] },
    "home-relay:relay.sshPort: is not a setting\n" +
      "  set it with --path: pulumi config set --path relay.sshPort VALUE, and: pulumi config rm relay.sshPort",
  ],
  [
    "in relay",
    { relay: { servertype: "cx23" } },
    "home-relay:relay.servertype: is not a setting\n  did you mean serverType?",
  ],
  [
    "in tunnel",
    { tunnel: { keepalive: 25 } },
    "home-relay:tunnel.keepalive: is not a setting\n  did you mean keepaliveSeconds?",
  ],
  [
    "in dns",
    { dns: { zone: "example.org", nmaes: [] } },
    "home-relay:dns.nmaes: is not a setting\n  did you mean names?",
  ],
  [
    "in a home",
    { homes: [{ ...nas, forward: [] }] },
    "home-relay:homes[0].forward: is not a setting\n  did you mean forwards?",
  ],
  [
    "in ssh",
    sshOf({ pasword: "x" }),
    "home-relay:homes[0].ssh.pasword: is not a setting\n  did you mean password?",
  ],
  [
    "in a forward",
    forwarding({ published: 80, too: "192.168.1.50" }),
    "home-relay:homes[0].forwards[0].too: is not a setting\n  did you mean to?",
  ],
  [
    "nothing like one in a forward",
    forwarding({ published: 80, comment: "x" }),
    "home-relay:homes[0].forwards[0].comment: is not a setting\n" +
      "  remove it; known here: published, target, protocol, to, clientIp, from, newPerSecond, acknowledge",
  ],
]);

refuses("a wrong type", [
  [
    "a section",
    { relay: ["x"] },
    'home-relay:relay: must be a mapping of keys to values; found ["x"]\n  use these keys: provider, location, serverType, image, sshPort, sshKeyGeneration, adminCidrs, sshVia, sshPeers, metricsPeers, includedTrafficGb',
  ],
  [
    "a list",
    { homes: { name: "nas" } },
    'home-relay:homes: must be a list; found {"name":"nas"}\n  write its items as a YAML list',
  ],
  [
    "text for a list",
    { homes: [{ ...nas, forwards: "443" }] },
    'home-relay:homes[0].forwards: must be a list; found "443"\n  write it as ["443"]',
  ],
  [
    "a home",
    { homes: [nas, "x"] },
    'home-relay:homes[1]: must be a mapping of keys to values; found "x"\n  use these keys: name, install, ssh, ipv6, endpoint, forwards',
  ],
  [
    "text",
    { relay: { location: 1 } },
    "home-relay:relay.location: must be text; found 1\n  write it like nbg1",
  ],
  [
    "true or false",
    { dns: { zone: "example.org", createZone: "yes" } },
    'home-relay:dns.createZone: must be true or false; found "yes"\n  write true or false, without quotes',
  ],
]);

test("any value at all is read or refused, and never breaks the reader", () => {
  fc.assert(
    fc.property(fc.anything(), fc.anything(), fc.anything(), fc.anything(), (relay, homes, tunnel, dns) => {
      problemsOf({ relay, homes, tunnel, dns });
      problemsOf({ homes: [homes, { name: relay, ssh: tunnel, forwards: [dns] }] });
      for (const provider of ["hetzner", "freemyip", "duckdns", "dyndns2", "url"])
        problemsOf({
          dns: {
            provider,
            names: relay,
            zone: homes,
            reverse: dns,
            token: dns,
            url: tunnel,
            server: homes,
            expect: dns,
          },
          isEncrypted: (section: string) => section === "dns",
        });
    }),
  );
});
