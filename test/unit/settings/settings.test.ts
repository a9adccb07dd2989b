import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parse } from "yaml";
import { collide, parseForward, renderForward } from "../../../components/network/forward.ts";
import type { Forward } from "../../../components/network/forward.ts";
import { renderPortRange } from "../../../components/network/port.ts";
import { dangerOf } from "../../../components/settings/dangerousPorts.ts";
import { peerAddress } from "../../../components/network/addressPlan.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import { sshKey } from "../../../components/keys/deriveKeys.ts";
import { readDns } from "../../../components/settings/dns.ts";
import { parseSettings } from "../../../components/settings/parseSettings.ts";
import type { RawSettings } from "../../../components/settings/parseSettings.ts";
import { isRead, Place } from "../../../components/settings/place.ts";
import { SettingsError } from "../../../components/settings/settingsError.ts";
import { forward, plainForward, shareArrival } from "../generators/forwards.ts";

const { publicKey: hostKey } = sshKey(Buffer.alloc(32, 7), "");
const ssh = { host: "192.168.1.10", hostKey };
const nas = { name: "nas", ssh, forwards: ["80:8080"] };
/** Another machine. */
const media = { ...nas, name: "media", ssh: { ...ssh, host: "192.168.1.11" } };
/** A relay that was there before. */
const vps = { provider: "ssh", host: "203.0.113.5", hostKey };
const sound: RawSettings = {
  relay: {},
  homes: [nas],
  tunnel: {},
  dns: {},
  hcloudToken: "a1B2".repeat(16),
};

function problemsOf(change: Partial<RawSettings>): readonly string[] {
  try {
    parseSettings({ ...sound, ...change });
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

/** The home `nas` with other forwards. */
const forwarding = (...forwards: unknown[]) => ({ homes: [{ ...nas, forwards }] });
const sshOf = (change: object) => ({ homes: [{ ...nas, ssh: { ...ssh, ...change } }] });
const dnsOf = (...names: unknown[]) => ({ dns: { zone: "example.org", names } });

const forwardForms =
  'write "port", "published:target" or "published:target/protocol", like "80:8080" or "64738:64738/udp"';
const hostKeyMend =
  "get it with ssh-keyscan -t ed25519 HOST, and compare with ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there";
const nameRule =
  "must be a name inside the zone, in lower case, without the zone and without a dot at its end; found";
const toMend = "write the machine's address in the home's LAN, like 192.168.1.50";
const prefixMend = 'write address/length, like "192.0.2.0/24" or "2001:db8::/32"';
const capMend = "the relay allows 200 a second to any source; 5 to 50 suits most services";
const guessing = "the whole internet will try passwords on it within minutes";
const noPassword = "what usually listens there asks for no password";
const amplifies =
  "what usually listens there answers short questions with long answers, which attackers aim at others (US-CERT TA14-017A)";
const meantIt = (published: string, target: string, protocol: string) =>
  `if you mean it, write { published: "${published}", target: "${target}", protocol: ${protocol}, acknowledge: true }; ` +
  "and name those who need it with from: [prefixes]";
const addIt = "if you mean it, add acknowledge: true to it; and name those who need it with from: [prefixes]";
const tokenMend =
  "create a token with read and write access in the Hetzner console, then: pulumi config set --secret hcloud:token";

describe("what is left out has the documented default", () => {
  test("everywhere", () => {
    expect(parseSettings(sound)).toEqual({
      relay: {
        provider: "hetzner",
        location: "nbg1",
        serverType: "cx23",
        image: "debian-13",
        sshPort: 22,
        adminCidrs: [parsePrefix("0.0.0.0/0"), parsePrefix("::/0")],
        sshVia: "public",
        sshPeers: [],
      },
      tunnel: {
        listenPort: 51820,
        mtu: 1420,
        keepaliveSeconds: 25,
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
          forwards: [parseForward("80:8080")],
        },
      ],
      devices: [],
      dns: undefined,
    });
  });

  test("in dns, once there is a zone", () => {
    expect(parseSettings({ ...sound, dns: { zone: "example.org" } }).dns).toEqual({
      provider: "hetzner",
      zone: "example.org",
      createZone: false,
      names: ["@"],
      ttlSeconds: 60,
      reverse: "example.org",
    });
  });

  test("also where a key is written with nothing behind it", () => {
    const empty = { ...sound, relay: null, tunnel: undefined, dns: null };
    expect(parseSettings(empty)).toEqual(parseSettings(sound));
  });
});

test("what is written holds", () => {
  const settings = parseSettings({
    relay: {
      location: "hel1",
      serverType: "cax11",
      image: "debian-12",
      sshPort: 2222,
      adminCidrs: ["192.0.2.7"],
      sshVia: "tunnel",
      sshPeers: ["nas"],
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
    hcloudToken: sound.hcloudToken,
  });
  expect(settings.relay).toEqual({
    provider: "hetzner",
    location: "hel1",
    serverType: "cax11",
    image: "debian-12",
    sshPort: 2222,
    adminCidrs: [parsePrefix("192.0.2.7/32")],
    sshVia: "tunnel",
    sshPeers: ["nas"],
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

describe("the relay's addresses lead back", () => {
  const reverseOf = (dns: object) => {
    const read = parseSettings({ ...sound, dns: { zone: "example.org", ...dns } }).dns;
    return read?.provider === "hetzner" ? read.reverse : "no zone";
  };

  test.each<[object, string | undefined]>([
    [{ names: ["*", "*.a", "www", "@"] }, "www.example.org"],
    [{ names: ["*"] }, undefined],
    [{ names: ["_acme", "www"] }, "www.example.org"],
    [{ reverse: false }, undefined],
    [{ reverse: "@" }, "example.org"],
    [{ reverse: "relay" }, "relay.example.org"],
    [{ reverse: "a.b.example.org" }, "a.b.example.org"],
    [{ reverse: "example.org" }, "example.org"],
    [{ reverse: "relay.example.net." }, "relay.example.net"],
    [{ reverse: null, names: ["www"] }, "www.example.org"],
  ])("%j: to %s", (dns, full) => {
    expect(reverseOf(dns)).toBe(full);
  });
});

describe("with a relay whose addresses are not Hetzner's", () => {
  const read = (dns: object) => {
    const problems: string[] = [];
    const place = new Place("home-relay:dns", problems);
    const draft = readDns({ zone: "example.org", ...dns }, place, {
      relayAtHetzner: false,
    });
    return { reverse: isRead(draft) && draft?.provider === "hetzner" ? draft.reverse : "none", problems };
  };

  test.each([{}, { reverse: false }])("no name is asked for: %j", (dns) => {
    expect(read(dns)).toEqual({ reverse: undefined, problems: [] });
  });

  test("one that is asked for is refused with the reason", () => {
    expect(read({ reverse: "www" }).problems).toEqual([
      "home-relay:dns.reverse: needs a relay at Hetzner, as an address leads back to where its owner says; " +
        'found "www"\n  set it at the relay\'s own provider, and remove the key',
    ]);
  });
});

describe("names that a service keeps", () => {
  const encrypted = { isEncrypted: (section: string) => section === "dns" };
  const url = "https://dns.example.net/update?host={name}&ip={ip}&ip6={ip6}";

  test.each<[string, object, object]>([
    [
      "freemyip, by its short name",
      { provider: "freemyip", names: ["myhome"], token: "a1" },
      { provider: "freemyip", names: ["myhome.freemyip.com"], token: "a1" },
    ],
    [
      "duckdns, by short and full names",
      { provider: "duckdns", names: ["one", "two.duckdns.org"], token: "a1-b2" },
      { provider: "duckdns", names: ["one.duckdns.org", "two.duckdns.org"], token: "a1-b2" },
    ],
    [
      "dyndns2 at the usual path",
      {
        provider: "dyndns2",
        server: "https://dyn.example.net",
        user: "a@b.c",
        password: "p w",
        names: ["a.b"],
      },
      {
        provider: "dyndns2",
        server: "https://dyn.example.net/nic/update",
        user: "a@b.c",
        password: "p w",
        names: ["a.b"],
      },
    ],
    [
      "dyndns2 at another path and port",
      {
        provider: "dyndns2",
        server: "https://a.b:8443/v3/update",
        user: "me",
        password: "p",
        names: ["a.b"],
      },
      {
        provider: "dyndns2",
        server: "https://a.b:8443/v3/update",
        user: "me",
        password: "p",
        names: ["a.b"],
      },
    ],
    [
      "a secret URL",
      { provider: "url", url: `${url}&key=s3cret`, names: ["a.b"], expect: "^OK" },
      {
        provider: "url",
        url: `${url}&key=s3cret`,
        secretUrl: true,
        names: ["a.b"],
        expect: "^OK",
        token: undefined,
      },
    ],
    [
      "a URL with a token",
      { provider: "url", url: "https://me:{token}@a.b/?ip={ip}", token: "a%20b" },
      {
        provider: "url",
        url: "https://me:{token}@a.b/?ip={ip}",
        secretUrl: false,
        names: [],
        expect: undefined,
        token: "a%20b",
      },
    ],
  ])("%s", (_, dns, read) => {
    expect(parseSettings({ ...sound, ...encrypted, dns }).dns).toEqual(read);
  });

  test("a URL needs no secret", () => {
    const dns = { provider: "url", url, names: ["a.b"] };
    expect(parseSettings({ ...sound, dns }).dns).toEqual({
      ...dns,
      secretUrl: false,
      expect: undefined,
      token: undefined,
    });
  });

  const setToken = "pulumi config set --secret --path home-relay:dns.token";
  const setUrl = "pulumi config set --secret --path home-relay:dns.url";
  const plainText = "is a secret, and stands in the stack file in plain text";
  const duckdns = { provider: "duckdns", names: ["myhome"], token: "s3cret" };
  const dyndns2 = {
    provider: "dyndns2",
    server: "https://dyn.example.net",
    user: "me",
    password: "s3cret",
    names: ["home.example.net"],
  };
  const serverRule =
    "must be the service's address, beginning with https:// and without user or question mark; found";
  const serverMend = "write it like https://dyn.example.net, or with its path where that is not /nic/update";

  test.each<[string, object, string | readonly string[]]>([
    [
      "a provider that nobody knows",
      { provider: "duckdsn", token: "s3cret" },
      'home-relay:dns.provider: must be one of hetzner, freemyip, duckdns, dyndns2, url; found "duckdsn"\n  write duckdns',
    ],
    [
      "keys of other providers",
      { ...duckdns, zone: "example.org", password: "s3cret", ttlSeconds: 60 },
      [
        "home-relay:dns.zone: belongs to provider hetzner; the provider here is duckdns\n  remove it, or write provider: hetzner",
        "home-relay:dns.password: belongs to provider dyndns2; the provider here is duckdns\n  remove it, or write provider: dyndns2",
        "home-relay:dns.ttlSeconds: belongs to provider hetzner; the provider here is duckdns\n  remove it, or write provider: hetzner",
      ],
    ],
    [
      "a token for a zone",
      { zone: "example.org", token: "s3cret" },
      "home-relay:dns.token: belongs to provider freemyip or duckdns or url; the provider here is hetzner\n  remove it, or write provider: freemyip",
    ],
    [
      "a key of nobody",
      { ...duckdns, tokn: "s3cret" },
      "home-relay:dns.tokn: is not a setting\n  did you mean token?",
    ],
    [
      "no token",
      { provider: "duckdns", names: ["myhome"] },
      `home-relay:dns.token: is missing\n  set it, encrypted: ${setToken}`,
    ],
    [
      "a token of another form",
      { ...duckdns, token: "s3cret&" },
      `home-relay:dns.token: must be text of letters, digits and hyphens; found something else, which is not shown\n  set it anew: ${setToken}`,
    ],
    [
      "two names with freemyip",
      { provider: "freemyip", names: ["a", "b"], token: "s3cret" },
      "home-relay:dns.names: must have one name; found 2\n  the token of freemyip.com owns one name alone; remove the others",
    ],
    [
      "names that are none of the service's",
      { ...duckdns, names: ["www.myhome.duckdns.org", "example.org", "a b", "one", "one.duckdns.org"] },
      [
        ...["www.myhome.duckdns.org", "example.org", "a b"].map(
          (name, i) =>
            `home-relay:dns.names[${i}]: must be one name below duckdns.org, in lower case; found "${name}"\n` +
            "  write it like myhome.duckdns.org; whatever stands before it, as in www.myhome.duckdns.org, follows it by itself",
        ),
        'home-relay:dns.names[4]: repeats home-relay:dns.names[3]; found "one.duckdns.org" in both\n  remove one of them',
      ],
    ],
    [
      "no names",
      { ...duckdns, names: [] },
      "home-relay:dns.names: is an empty list: no name would point at the relay\n  write the name that the service keeps for you, or remove the whole dns section",
    ],
    [
      "half a name",
      { ...dyndns2, names: ["home"] },
      'home-relay:dns.names[0]: must be a full name, in lower case, without a dot at its end; found "home"\n  write it like home.example.net',
    ],
    [
      "too many names",
      { ...dyndns2, names: Array.from({ length: 21 }, (_, i) => `n${i}.example.net`) },
      "home-relay:dns.names: must have at most 20 names; found 21\n  the protocol takes no more; remove the others",
    ],
    ...[
      "dyn.example.net",
      "http://dyn.example.net",
      "https://dyn.example.net/?a=b",
      "https://me@dyn.example.net",
    ].map((server): [string, object, string] => [
      `the server ${server}`,
      { ...dyndns2, server },
      `home-relay:dns.server: ${serverRule} "${server}"\n  ${serverMend}`,
    ]),
    [
      "a user with a colon",
      { ...dyndns2, user: "me:s" },
      'home-relay:dns.user: must be the user\'s name at the service, without a colon; found "me:s"\n  write it as you would log in there; in quotes if it is a number',
    ],
    [
      "a password of two lines",
      { ...dyndns2, password: "s3cret\nurl = x" },
      "home-relay:dns.password: must be one line of printable characters; found something else, which is not shown\n" +
        "  set it anew: pulumi config set --secret --path home-relay:dns.password",
    ],
    [
      "a URL that is a secret and none",
      { provider: "url", url: "http://a.b/s3cret" },
      `home-relay:dns.url: must be a URL that begins with https://, without spaces; found something else, which is not shown\n  set it anew: ${setUrl}`,
    ],
    [
      "a token that the URL has no place for",
      { provider: "url", url: "https://a.b/", token: "s3cret" },
      "home-relay:dns.token: is used nowhere: the url has no {token}\n" +
        "  write {token} into the url where it belongs, or remove it: pulumi config rm --path home-relay:dns.token",
    ],
    [
      "a URL with a name and no names",
      { provider: "url", url: `${url}&key={token}`, token: "s3cret" },
      'home-relay:dns.names: is missing\n  write it, for example: names: ["home.example.net"]',
    ],
    [
      "other braces",
      { provider: "url", url: "https://a.b/?ip={ipv4}&key={token}", token: "s3cret" },
      'home-relay:dns.url: has braces for {name}, {ip}, {ip6}, {token} alone; found "https://a.b/?ip={ipv4}&key={token}"\n' +
        '  write it like "https://dns.example.net/update?host={name}&ip={ip}&ip6={ip6}"',
    ],
    [
      "an expectation that is no expression",
      { provider: "url", url: "https://a.b/?key={token}", token: "s3cret", expect: "(" },
      'home-relay:dns.expect: must be a regular expression; found "("\n  write what the answer begins with when all is well, like "^OK"',
    ],
  ])("are refused: %s", (_, dns, said) => {
    const problems = problemsOf({ ...encrypted, dns });
    expect(problems).toEqual([said].flat());
    expect(problems.join()).not.toContain("s3cret");
  });

  test.each<[string, object, string]>([
    [
      "a token",
      duckdns,
      `home-relay:dns.token: ${plainText}\n  have another one made at the service, remove this one and set it, encrypted: ${setToken}`,
    ],
    ...["https://a.b/?token=s3cret", "https://a.b/?ip={ip}&KEY=s3cret", "https://me:s3cret@a.b/"].map(
      (secret): [string, object, string] => [
        secret,
        { provider: "url", url: secret },
        "home-relay:dns.url: holds a secret, and stands in the stack file in plain text\n  have another one made at the service; " +
          `then write {token} in its place and set that, encrypted: ${setToken}; or set the whole url: ${setUrl}`,
      ],
    ),
  ])("are refused in plain text: %s", (_, dns, said) => {
    expect(problemsOf({ dns })).toEqual([said]);
  });
});

describe("a relay that was there before", () => {
  const unsaid = { password: undefined, jump: undefined, sshVia: "public", sshPeers: [] };

  test("has the defaults of ssh, and its host's address", () => {
    expect(parseSettings({ ...sound, relay: vps }).relay).toEqual({
      provider: "ssh",
      host: "203.0.113.5",
      port: 22,
      sshPort: 22,
      ...unsaid,
      user: "root",
      hostKey,
      identityFile: undefined,
      ipv4: "203.0.113.5",
      ipv6: undefined,
      adminCidrs: [parsePrefix("0.0.0.0/0"), parsePrefix("::/0")],
    });
  });

  test("is read as it is written", () => {
    const written = {
      ...vps,
      host: "vps.example.org",
      port: 2222,
      user: "deploy",
      identityFile: "~/.ssh/vps",
      ipv4: "203.0.113.7",
      ipv6: "2001:DB8:2::1",
      adminCidrs: ["192.0.2.0/24"],
    };
    expect(parseSettings({ ...sound, relay: written }).relay).toEqual({
      ...written,
      sshPort: 2222,
      ...unsaid,
      ipv6: "2001:db8:2::1",
      adminCidrs: [parsePrefix("192.0.2.0/24")],
    });
  });

  test("needs no token of Hetzner's, but a name at Hetzner does", () => {
    const noToken = { relay: vps, hcloudToken: undefined };
    expect(problemsOf(noToken)).toEqual([]);
    expect(problemsOf({ ...noToken, dns: { zone: "example.org" } })).toEqual([
      `hcloud:token: is missing\n  ${tokenMend} (or set HCLOUD_TOKEN)`,
    ]);
  });

  test("may be reached at one address with a home, behind another port or with another key", () => {
    const { publicKey: otherKey } = sshKey(Buffer.alloc(32, 8), "");
    for (const different of [{ port: 2022 }, { hostKey: otherKey }])
      expect(
        problemsOf({ relay: vps, homes: [{ ...nas, ssh: { host: vps.host, hostKey, ...different } }] }),
      ).toEqual([]);
  });
});

test("forwards are read in every form", () => {
  const forms = [
    443,
    "80:8080",
    "64738:6000/tcp+udp",
    { published: 1000 },
    { published: "2000-2001", target: "3000-3001", protocol: "udp" },
    { published: 53, protocol: "tcp+udp", acknowledge: true },
    {
      published: 8554,
      target: 554,
      to: "192.168.1.50",
      clientIp: "masquerade",
      from: ["192.0.2.0/24", "2001:db8::7"],
      newPerSecond: 5,
    },
  ];
  const [home] = parseSettings({ ...sound, ...forwarding(...forms) }).homes;
  expect(home?.forwards.map(renderForward)).toEqual([
    "443:443/tcp",
    "80:8080/tcp",
    "64738:6000/tcp+udp",
    "1000:1000/tcp",
    "2000-2001:3000-3001/udp",
    "53:53/tcp+udp",
    "8554:554/tcp, to 192.168.1.50, masquerade, from 192.0.2.0/24 2001:db8::7/128, at most 5 new a second",
  ]);
});

test("reads of a short form what renderForward writes", () => {
  fc.assert(
    fc.property(plainForward(), (one) => {
      fc.pre(dangerOf(one) === undefined && !takesRelayPort(one) && !takesCallingPorts(one));
      const [home] = parseSettings({ ...sound, ...forwarding(renderForward(one)) }).homes;
      expect(home?.forwards).toEqual([one]);
    }),
  );
});

test("reads of the long form every option as it was written", () => {
  fc.assert(
    fc.property(forward(), (one) => {
      fc.pre(!takesRelayPort(one) && !takesCallingPorts(one));
      const [home] = parseSettings({ ...sound, ...forwarding(longForm(one)) }).homes;
      expect(home?.forwards).toEqual([one]);
    }),
  );
});

test("an option with nothing behind it is not used", () => {
  const empty = { to: null, clientIp: null, from: null, newPerSecond: null, acknowledge: null };
  const [home] = parseSettings({ ...sound, ...forwarding({ published: 80, ...empty }) }).homes;
  expect(home?.forwards).toEqual([parseForward("80")]);
});

test("settings are frozen, all the way down", () => {
  const open: string[] = [];
  const look = (value: unknown, path: string) => {
    if (typeof value !== "object" || value === null) return;
    if (!Object.isFrozen(value)) open.push(path);
    for (const [key, part] of Object.entries(value)) look(part, `${path}.${key}`);
  };
  look(parseSettings({ ...sound, dns: { zone: "example.org" } }), "settings");
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
  const { config } = parse(readFileSync("Pulumi.dev.yaml", "utf8"), open) as {
    config: Record<string, unknown>;
  };
  const settings = parseSettings({
    relay: config["home-relay:relay"],
    homes: config["home-relay:homes"],
    tunnel: config["home-relay:tunnel"],
    dns: config["home-relay:dns"],
    unknownKeys: Object.keys(config)
      .filter((key) => key.startsWith("home-relay:"))
      .map((key) => key.replace("home-relay:", ""))
      .filter((key) => !["relay", "homes", "tunnel", "dns"].includes(key)),
    isEncrypted: (_, text) => encrypted.has(text),
    hcloudToken: sound.hcloudToken,
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
  expect(() => parseSettings({ ...sound, ...mistakes })).toThrow(
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

/** Name of the mistake, the change that makes it, the whole text of the only problem. */
const refusals: Record<string, [string, Partial<RawSettings>, string][]> = {
  "an unknown key": [
    ["a section", { unknownKeys: ["home"] }, "home-relay:home: is not a setting\n  did you mean homes?"],
    [
      "nothing like a section",
      { unknownKeys: ["colours"] },
      "home-relay:colours: is not a setting\n  remove it; known here: relay, homes, devices, tunnel, dns",
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
  ],
  "a wrong type": [
    [
      "a section",
      { relay: ["x"] },
      'home-relay:relay: must be a mapping of keys to values; found ["x"]\n  use these keys: provider, location, serverType, image, sshPort, adminCidrs, sshVia, sshPeers',
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
      'home-relay:homes[1]: must be a mapping of keys to values; found "x"\n  use these keys: name, install, ssh, forwards',
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
  ],
  "of the relay": [
    [
      "provider",
      { relay: { provider: "aws" } },
      'home-relay:relay.provider: must be one of hetzner, ssh; found "aws"\n  write hetzner',
    ],
    [
      "a key of the other provider",
      { relay: { ...vps, serverType: "cx23" } },
      "home-relay:relay.serverType: belongs to provider hetzner; found provider ssh\n  remove it, or write provider: hetzner",
    ],
    [
      "a key of the other provider, where none is written",
      { relay: { host: "203.0.113.5" } },
      "home-relay:relay.host: belongs to provider ssh; found provider hetzner\n  remove it, or write provider: ssh",
    ],
    [
      "sshPort of a machine of one's own",
      { relay: { ...vps, sshPort: 2222 } },
      "home-relay:relay.sshPort: belongs to provider hetzner; found provider ssh\n" +
        "  on your own machine you move sshd yourself; say where it listens with port",
    ],
    [
      "a mistyped key of a machine of one's own",
      { relay: { ...vps, ipv: "203.0.113.5" } },
      "home-relay:relay.ipv: is not a setting\n  did you mean ipv4?",
    ],
    [
      "no host of a machine of one's own",
      { relay: { ...vps, host: undefined, ipv4: "203.0.113.5" } },
      "home-relay:relay.host: is missing\n  write it, for example: host: 192.168.1.10",
    ],
    [
      "a name without an address",
      { relay: { ...vps, host: "vps.example.org" } },
      'home-relay:relay.ipv4: is missing, and host is no public IPv4 address; found host: "vps.example.org"\n  write the machine\'s public IPv4 address',
    ],
    [
      "a private host without a public address",
      { relay: { ...vps, host: "10.0.0.5" } },
      'home-relay:relay.ipv4: is missing, and host is no public IPv4 address; found host: "10.0.0.5"\n  write the machine\'s public IPv4 address',
    ],
    [
      "a private ipv4",
      { relay: { ...vps, ipv4: "192.168.1.5" } },
      'home-relay:relay.ipv4: "192.168.1.5" is not an address that the internet can reach\n  write the machine\'s public IPv4 address',
    ],
    [
      "IPv6 for ipv4",
      { relay: { ...vps, ipv4: "2001:db8::1" } },
      'home-relay:relay.ipv4: "2001:db8::1" is not an IPv4 address\n  write the machine\'s public IPv4 address',
    ],
    [
      "a link's own ipv6",
      { relay: { ...vps, ipv6: "fe80::1" } },
      'home-relay:relay.ipv6: "fe80::1" is not an address that the internet can reach\n  write the machine\'s public IPv6 address, or remove the key to do without IPv6',
    ],
    [
      "a network for ipv6",
      { relay: { ...vps, ipv6: "2001:db8::/64" } },
      'home-relay:relay.ipv6: "2001:db8::/64" is not an IP address\n  write the machine\'s public IPv6 address, or remove the key to do without IPv6',
    ],
    [
      "location",
      { relay: { location: "Nürnberg" } },
      'home-relay:relay.location: must be Hetzner\'s name, of lower-case letters, digits and hyphens; found "Nürnberg"\n  write it like nbg1',
    ],
    [
      "serverType",
      { relay: { serverType: "CX 23" } },
      'home-relay:relay.serverType: must be Hetzner\'s name, of lower-case letters, digits and hyphens; found "CX 23"\n  write it like cx23',
    ],
    [
      "image",
      { relay: { image: "debian 12" } },
      'home-relay:relay.image: must be one of debian-13, debian-12; found "debian 12"\n  write debian-12',
    ],
    [
      "sshPort",
      { relay: { sshPort: 0 } },
      "home-relay:relay.sshPort: must be a whole number from 1 to 65535; found 0\n  write a number from 1 to 65535",
    ],
    [
      "another way for SSH",
      { relay: { sshVia: "tunel" } },
      'home-relay:relay.sshVia: must be one of public, tunnel; found "tunel"\n  write tunnel',
    ],
    [
      "SSH through the tunnel for nobody",
      { relay: { sshVia: "tunnel" } },
      "home-relay:relay.sshVia: is tunnel, and no peer may open an SSH connection through it: neither you nor this program could reach the relay\n" +
        "  name the peer that runs this program under sshPeers, like sshPeers: [nas], or remove sshVia",
    ],
    [
      "a peer that is not there",
      { relay: { sshPeers: ["nas", "nsa"] } },
      'home-relay:relay.sshPeers[1]: names no peer of this stack; found "nsa"\n  the peers are: nas',
    ],
    [
      "a peer that is nearly there",
      { relay: { sshPeers: ["nas2"] } },
      'home-relay:relay.sshPeers[0]: names no peer of this stack; found "nas2"\n  did you mean nas?',
    ],
    [
      "a peer named twice",
      { relay: { sshPeers: ["nas", "nas"] } },
      'home-relay:relay.sshPeers[1]: repeats home-relay:relay.sshPeers[0]; found "nas" in both\n  remove one of them',
    ],
    [
      "a peer that is no name",
      { relay: { sshPeers: [1] } },
      "home-relay:relay.sshPeers[0]: must be text; found 1\n  write it like nas",
    ],
    [
      "no adminCidrs",
      { relay: { adminCidrs: [] } },
      "home-relay:relay.adminCidrs: is an empty list: nobody could open an SSH connection to the relay, and neither could this program\n" +
        "  write the addresses that you connect from, or remove the key to admit everybody who has the key",
    ],
    [
      "host bits in adminCidrs",
      { relay: { adminCidrs: ["192.0.2.7/24"] } },
      'home-relay:relay.adminCidrs[0]: "192.0.2.7/24" has bits set after its length; did you mean 192.0.2.0/24?\n' +
        '  write address/length, like "192.0.2.0/24" or "2001:db8::/32"',
    ],
    [
      "a repeated prefix",
      { relay: { adminCidrs: ["192.0.2.7", "192.0.2.7/32"] } },
      'home-relay:relay.adminCidrs[1]: repeats home-relay:relay.adminCidrs[0]; found "192.0.2.7/32" in both\n  remove one of them',
    ],
  ],
  "of the tunnel": [
    [
      "listenPort",
      { tunnel: { listenPort: 70_000 } },
      "home-relay:tunnel.listenPort: must be a whole number from 1 to 65535; found 70000\n  write a number from 1 to 65535",
    ],
    [
      "keepalive",
      { tunnel: { keepaliveSeconds: 300 } },
      "home-relay:tunnel.keepaliveSeconds: must be a whole number from 5 to 120; found 300\n" +
        "  a NAT may forget a silent UDP mapping after two minutes, many do after 30 s, and then nothing reaches the home; " +
        "under 5 s costs traffic and gains nothing; 25 suits most",
    ],
    [
      "a public prefix4",
      { tunnel: { prefix4: "8.8.0.0/16" } },
      'home-relay:tunnel.prefix4: "8.8.0.0/16" is outside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, the space for private networks\n' +
        '  write a /16 to /28 that your LAN does not use, like "10.77.0.0/16"',
    ],
    [
      "CGNAT's own prefix4",
      { tunnel: { prefix4: "100.64.0.0/16" } },
      'home-relay:tunnel.prefix4: "100.64.0.0/16" is outside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, the space for private networks\n  write a /16 to /28 that your LAN does not use, like "10.77.0.0/16"',
    ],
    [
      "a wide prefix4",
      { tunnel: { prefix4: "10.0.0.0/8" } },
      'home-relay:tunnel.prefix4: "10.0.0.0/8" is not a /16 to /28\n  write a /16 to /28 that your LAN does not use, like "10.77.0.0/16"',
    ],
    [
      "a narrow prefix4",
      { tunnel: { prefix4: "10.0.0.0/29" } },
      'home-relay:tunnel.prefix4: "10.0.0.0/29" is not a /16 to /28\n  write a /16 to /28 that your LAN does not use, like "10.77.0.0/16"',
    ],
    [
      "IPv6 for prefix4",
      { tunnel: { prefix4: "fd77::/64" } },
      'home-relay:tunnel.prefix4: "fd77::/64" is not an IPv4 prefix\n  write a /16 to /28 that your LAN does not use, like "10.77.0.0/16"',
    ],
    [
      "a public prefix6",
      { tunnel: { prefix6: "2001:db8::/64" } },
      'home-relay:tunnel.prefix6: "2001:db8::/64" is outside fd00::/8, the space for private networks\n  write a /64 under fd00::/8, like "fd77::/64"',
    ],
    [
      "a wide prefix6",
      { tunnel: { prefix6: "fd77::/48" } },
      'home-relay:tunnel.prefix6: "fd77::/48" is not a /64\n  write a /64 under fd00::/8, like "fd77::/64"',
    ],
    [
      "IPv4 for prefix6",
      { tunnel: { prefix6: "10.77.0.0/16" } },
      'home-relay:tunnel.prefix6: "10.77.0.0/16" is not an IPv6 prefix\n  write a /64 under fd00::/8, like "fd77::/64"',
    ],
    [
      "keyGeneration",
      { tunnel: { keyGeneration: 0 } },
      "home-relay:tunnel.keyGeneration: must be a whole number from 1 to 1000000; found 0\n  start at 1 and raise it by one for new keys",
    ],
  ],
  "of a home": [
    [
      "none",
      { homes: [] },
      'home-relay:homes: has no home: write at least one, under homes:\n  a home needs name, ssh and forwards, for example forwards: ["80:8080"]',
    ],
    [
      "no forward",
      forwarding(),
      'home-relay:homes[0].forwards: has no forward, so nothing would reach this home\n  a home needs name, ssh and forwards, for example forwards: ["80:8080"]',
    ],
    [
      "forwards left out",
      { homes: [{ name: "nas", ssh }] },
      'home-relay:homes[0].forwards: is missing\n  write it, for example: forwards: ["80:8080"]',
    ],
    [
      "no name",
      { homes: [{ ...nas, name: undefined }] },
      "home-relay:homes[0].name: is missing\n  write it, for example: name: nas",
    ],
    [
      "a bad name",
      { homes: [{ ...nas, name: "My NAS" }] },
      'home-relay:homes[0].name: must be 1 to 20 lower-case letters, digits and hyphens, beginning with a letter; found "My NAS"\n  write a short name, like nas',
    ],
    [
      "a repeated name",
      { homes: [nas, { ...media, name: "nas", forwards: ["81"] }] },
      'home-relay:homes[1].name: repeats home-relay:homes[0].name; found "nas" in both\n  give each home a name of its own',
    ],
    [
      "install",
      { homes: [{ ...nas, install: "manuel" }] },
      'home-relay:homes[0].install: must be one of ssh, local, manual; found "manuel"\n  write manual',
    ],
    [
      "no ssh",
      { homes: [{ name: "nas", forwards: ["80"] }] },
      'home-relay:homes[0].ssh: is missing\n  write it, for example: ssh: { host: 192.168.1.10, hostKey: "ssh-ed25519 AAAA..." }; ' +
        "or install: local where this machine is the home, or install: manual",
    ],
  ],
  "one machine twice": [
    [
      "as two homes",
      { homes: [nas, { ...media, ssh: nas.ssh, forwards: ["81"] }] },
      'home-relay:homes[1].ssh.host: is the machine of home-relay:homes[0]; found "192.168.1.10" port 22 in both\n' +
        "  a machine is one home, with all of its forwards, and no relay besides: remove one of the two",
    ],
    [
      "as the relay and a home",
      { relay: vps, homes: [{ ...nas, ssh: { host: vps.host, hostKey } }] },
      'home-relay:homes[0].ssh.host: is the machine of home-relay:relay; found "203.0.113.5" port 22 in both\n' +
        "  a machine is one home, with all of its forwards, and no relay besides: remove one of the two",
    ],
  ],
  "of a home's ssh": [
    [
      "user and port in host",
      sshOf({ host: "ops@192.168.1.10:2222" }),
      'home-relay:homes[0].ssh.host: must be a name or an IP address; found "ops@192.168.1.10:2222"\n  write host: 192.168.1.10, user: ops, port: 2222',
    ],
    [
      "brackets",
      sshOf({ host: "[fd00::5]" }),
      'home-relay:homes[0].ssh.host: must be a name or an IP address; found "[fd00::5]"\n  write host: "fd00::5"',
    ],
    [
      "an option for ssh",
      sshOf({ host: "-oProxyCommand=x" }),
      'home-relay:homes[0].ssh.host: must be a name or an IP address; found "-oProxyCommand=x"\n  write a name or an address alone, like 192.168.1.10',
    ],
    [
      "half an address",
      sshOf({ host: "192.168.1" }),
      'home-relay:homes[0].ssh.host: must be a name or an IP address; found "192.168.1"\n  write a name or an address alone, like 192.168.1.10',
    ],
    [
      "a host within the tunnel",
      sshOf({ host: "10.77.3.4" }),
      'home-relay:homes[0].ssh.host: lies within the tunnel\'s own addresses, 10.77.0.0/16; found "10.77.3.4"\n  give the tunnel addresses that your LAN does not use, with home-relay:tunnel.prefix4',
    ],
    [
      "port",
      sshOf({ port: 2.5 }),
      "home-relay:homes[0].ssh.port: must be a whole number from 1 to 65535; found 2.5\n  write a number from 1 to 65535",
    ],
    [
      "user",
      sshOf({ user: "-x" }),
      'home-relay:homes[0].ssh.user: must be the name of a user there; found "-x"\n  write it like root',
    ],
    [
      "no hostKey",
      sshOf({ hostKey: undefined }),
      'home-relay:homes[0].ssh.hostKey: is missing\n  write it, for example: hostKey: "ssh-ed25519 AAAA...", from ssh-keyscan -t ed25519 HOST',
    ],
    [
      "another type of key",
      sshOf({ hostKey: "ssh-rsa AAAAB3Nza" }),
      `home-relay:homes[0].ssh.hostKey: must be the host's ssh-ed25519 key, and this is another of its keys; found "ssh-rsa AAAAB3Nza"\n  ${hostKeyMend}`,
    ],
    [
      "a fingerprint",
      sshOf({ hostKey: "SHA256:abc" }),
      `home-relay:homes[0].ssh.hostKey: must be the public host key itself, and this is its fingerprint; found "SHA256:abc"\n  ${hostKeyMend}`,
    ],
    [
      "a damaged key",
      sshOf({ hostKey: "ssh-ed25519 AAAAC3Nza" }),
      `home-relay:homes[0].ssh.hostKey: must hold a whole ed25519 key: the part after ssh-ed25519 is damaged or cut off; found "ssh-ed25519 AAAAC3Nza"\n  ${hostKeyMend}`,
    ],
    [
      "a line of ssh-keyscan",
      sshOf({ hostKey: "nas ssh-ed25519 AAAA" }),
      `home-relay:homes[0].ssh.hostKey: must begin with ssh-ed25519: leave out the host's name before it; found "nas ssh-ed25519 AAAA"\n  ${hostKeyMend}`,
    ],
    [
      "no key at all",
      sshOf({ hostKey: "todo" }),
      `home-relay:homes[0].ssh.hostKey: must be a line like ssh-ed25519 AAAA...; found "todo"\n  ${hostKeyMend}`,
    ],
    [
      "a private key, never shown",
      sshOf({ hostKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nMDEy" }),
      `home-relay:homes[0].ssh.hostKey: must be the public host key, and this is a private key; found a private key\n  ${hostKeyMend}`,
    ],
    [
      "a public identityFile",
      sshOf({ identityFile: "~/.ssh/id_ed25519.pub" }),
      `home-relay:homes[0].ssh.identityFile: must be the private key's file; found "~/.ssh/id_ed25519.pub"\n  write ~/.ssh/id_ed25519`,
    ],
    [
      "a key for identityFile, never shown",
      sshOf({ identityFile: "-----BEGIN OPENSSH PRIVATE KEY-----\nMDEy" }),
      "home-relay:homes[0].ssh.identityFile: must be the path of a private key file; found a private key\n  write a path, like ~/.ssh/id_ed25519",
    ],
  ],
  "of a forward": [
    [
      "an address",
      forwarding("127.0.0.1:80:80"),
      'home-relay:homes[0].forwards[0]: "127.0.0.1:80:80" has more than one ":"; write published:target, with no address before it\n  write "80:80"',
    ],
    [
      "spaces",
      forwarding("80 -> 8080"),
      'home-relay:homes[0].forwards[0]: "80 -> 8080" is not a port (443) or a range of ports (50000-50100)\n  write "80:8080"',
    ],
    [
      "two protocols",
      forwarding("80/tcp,udp"),
      'home-relay:homes[0].forwards[0]: "tcp,udp" is not a protocol; use tcp, udp or tcp+udp\n  write "80/tcp+udp"',
    ],
    [
      "a service's name",
      forwarding("http:8080"),
      `home-relay:homes[0].forwards[0]: "http" is not a port (443) or a range of ports (50000-50100)\n  ${forwardForms}`,
    ],
    [
      "a number of two ports",
      forwarding(80_443),
      'home-relay:homes[0].forwards[0]: must be a port from 1 to 65535; found the number 80443\n  YAML can take an unquoted a:b for one number: quote it, like "80:8080"',
    ],
    [
      "a mapping of two ports",
      forwarding({ 80: 8080 }),
      'home-relay:homes[0].forwards[0]: must be a forward; found {"80":8080}\n  write "80:8080", in quotes and without a space',
    ],
    [
      "nothing",
      forwarding(null),
      `home-relay:homes[0].forwards[0]: must be a forward; found nothing\n  ${forwardForms}`,
    ],
    [
      "unequal ranges",
      forwarding({ published: "80-90", target: 80 }),
      "home-relay:homes[0].forwards[0]: 80-90 and 80 are not the same number of ports (11 and 1)\n  write as many target ports as published ones",
    ],
    [
      "long form without published",
      forwarding({ target: 80 }),
      "home-relay:homes[0].forwards[0].published: is missing\n  write it, for example: published: 80",
    ],
    [
      "a number in the long form",
      forwarding({ published: 80, target: 70_000 }),
      'home-relay:homes[0].forwards[0].target: must be a port from 1 to 65535; found the number 70000\n  YAML can take an unquoted a:b for one number: quote it, like "80:8080"',
    ],
    [
      "a port in the long form",
      forwarding({ published: "0" }),
      'home-relay:homes[0].forwards[0].published: "0" is outside 1-65535\n  write a port from 1 to 65535, like 80, or a range, like "50000-50100"',
    ],
    [
      "protocol in the long form",
      forwarding({ published: 80, protocol: "both" }),
      'home-relay:homes[0].forwards[0].protocol: must be tcp, udp or tcp+udp; found "both"\n  write tcp+udp',
    ],
    [
      "the relay's SSH port",
      { relay: { sshPort: 2222 }, ...forwarding("2220-2230") },
      'home-relay:homes[0].forwards[0]: publishes 2222/tcp, where the relay\'s own SSH listens; found "2220-2230:2220-2230/tcp"\n  publish another port, or move SSH away with home-relay:relay.sshPort',
    ],
    [
      "the SSH port of a machine of one's own",
      { relay: { ...vps, port: 2222 }, ...forwarding("2222") },
      'home-relay:homes[0].forwards[0]: publishes 2222/tcp, where the relay\'s own SSH listens; found "2222:2222/tcp"\n  publish another port, or move sshd away there, then change home-relay:relay.port',
    ],
    [
      "the relay's WireGuard port",
      forwarding("51820/tcp+udp"),
      'home-relay:homes[0].forwards[0]: publishes 51820/udp, where the relay\'s own WireGuard listens; found "51820:51820/tcp+udp"\n  publish another port, or move WireGuard away with home-relay:tunnel.listenPort',
    ],
    [
      "a port of another home",
      { homes: [nas, { ...media, forwards: ["79-81:1-3/tcp+udp"] }] },
      "home-relay:homes[1].forwards[0]: publishes 80/tcp for home media, which home-relay:homes[0].forwards[0] publishes for home nas; " +
        'found "79-81:1-3/tcp+udp" and "80:8080/tcp"\n  a public port leads to one place: publish another port in one of them',
    ],
  ],
  "an option of a forward": [
    [
      "a name for to",
      forwarding({ published: 80, to: "printer" }),
      `home-relay:homes[0].forwards[0].to: "printer" is not an IP address\n  ${toMend}`,
    ],
    [
      "a number for to",
      forwarding({ published: 80, to: 50 }),
      `home-relay:homes[0].forwards[0].to: must be text; found 50\n  ${toMend}`,
    ],
    [
      "a public address for to",
      forwarding({ published: 80, to: "203.0.113.5" }),
      `home-relay:homes[0].forwards[0].to: "203.0.113.5" is not a private IPv4 address\n  ${toMend}`,
    ],
    [
      "an address behind CGNAT for to",
      forwarding({ published: 80, to: "100.64.0.5" }),
      `home-relay:homes[0].forwards[0].to: "100.64.0.5" is not a private IPv4 address\n  ${toMend}`,
    ],
    [
      "the home itself for to",
      forwarding({ published: 80, to: "127.0.0.1" }),
      `home-relay:homes[0].forwards[0].to: "127.0.0.1" is not a private IPv4 address\n  ${toMend}`,
    ],
    [
      "IPv6 for to",
      forwarding({ published: 80, to: "fd00::5" }),
      `home-relay:homes[0].forwards[0].to: "fd00::5" is not a private IPv4 address\n  ${toMend}`,
    ],
    [
      "a prefix for to",
      forwarding({ published: 80, to: "192.168.1.0/24" }),
      `home-relay:homes[0].forwards[0].to: "192.168.1.0/24" is not an IP address\n  ${toMend}`,
    ],
    [
      "clientIp",
      forwarding({ published: 80, clientIp: "masquerad" }),
      'home-relay:homes[0].forwards[0].clientIp: must be one of preserve, masquerade; found "masquerad"\n  write masquerade',
    ],
    [
      "true for clientIp",
      forwarding({ published: 80, clientIp: true }),
      "home-relay:homes[0].forwards[0].clientIp: must be one of preserve, masquerade; found true\n  write preserve",
    ],
    [
      "nobody in from",
      forwarding({ published: 80, from: [] }),
      "home-relay:homes[0].forwards[0].from: is an empty list: nobody could connect\n" +
        "  write the prefixes of those who may, or remove the key to let in everybody",
    ],
    [
      "more in from than Hetzner takes",
      forwarding({ published: 80, from: Array.from({ length: 101 }, (_, i) => `192.0.2.${i}`) }),
      "home-relay:homes[0].forwards[0].from: must have no more than 100 prefixes, as many as Hetzner's firewall takes; found 101\n" +
        "  join them into shorter prefixes",
    ],
    [
      "IPv6 senders for a machine that is reached over IPv4",
      forwarding({ published: 80, to: "192.168.1.50", from: ["2001:db8::/32"] }),
      "home-relay:homes[0].forwards[0]: lets in IPv6 senders only, and a machine in the LAN is reached over IPv4; found from: 2001:db8::/32\n" +
        "  name IPv4 prefixes",
    ],
    [
      "another home for a machine in the LAN",
      forwarding({ published: 80, to: "10.77.3.4" }),
      'home-relay:homes[0].forwards[0].to: lies within the tunnel\'s own addresses, 10.77.0.0/16; found "10.77.3.4"\n' +
        "  write the machine's address in the LAN; a forward to another home belongs under that home",
    ],
    [
      "text for from",
      forwarding({ published: 80, from: "192.0.2.0/24" }),
      'home-relay:homes[0].forwards[0].from: must be a list; found "192.0.2.0/24"\n  write it as ["192.0.2.0/24"]',
    ],
    [
      "host bits in from",
      forwarding({ published: 80, from: ["192.0.2.7/24"] }),
      'home-relay:homes[0].forwards[0].from[0]: "192.0.2.7/24" has bits set after its length; did you mean 192.0.2.0/24?\n' +
        `  ${prefixMend}`,
    ],
    [
      "a name in from",
      forwarding({ published: 80, from: ["192.0.2.0/24", "office.example"] }),
      `home-relay:homes[0].forwards[0].from[1]: "office.example" is not an IP address\n  ${prefixMend}`,
    ],
    [
      "a number in from",
      forwarding({ published: 80, from: [10] }),
      `home-relay:homes[0].forwards[0].from[0]: must be text; found 10\n  ${prefixMend}`,
    ],
    [
      "a repeated prefix in from",
      forwarding({ published: 80, from: ["192.0.2.7/32", "192.0.2.7"] }),
      'home-relay:homes[0].forwards[0].from[1]: repeats home-relay:homes[0].forwards[0].from[0]; found "192.0.2.7/32" in both\n  remove one of them',
    ],
    ...[0, 201, 2.5].map((found): [string, Partial<RawSettings>, string] => [
      `newPerSecond of ${found}`,
      forwarding({ published: 80, newPerSecond: found }),
      `home-relay:homes[0].forwards[0].newPerSecond: must be a whole number from 1 to 200; found ${found}\n  ${capMend}`,
    ]),
    [
      "text for newPerSecond",
      forwarding({ published: 80, newPerSecond: "10" }),
      'home-relay:homes[0].forwards[0].newPerSecond: must be a whole number from 1 to 200; found "10"\n  write 10 without quotes',
    ],
    [
      "text for acknowledge",
      forwarding({ published: 53, protocol: "udp", acknowledge: "true" }),
      'home-relay:homes[0].forwards[0].acknowledge: must be true or false; found "true"\n  write true or false, without quotes',
    ],
    [
      "a machine in the LAN at a port that ends at home",
      forwarding("80:8080", { published: 8080, target: 80, to: "192.168.1.50" }),
      "home-relay:homes[0].forwards[1]: passes through the home's port 8080, where home-relay:homes[0].forwards[0] ends; " +
        'found "8080:80/tcp, to 192.168.1.50" and "80:8080/tcp"\n' +
        "  publish the LAN machine's service on another port",
    ],
    [
      "a range for a machine in the LAN over a port that ends at home, in the other order",
      forwarding(
        { published: "8000-8100", to: "192.168.1.50", protocol: "tcp+udp" },
        { published: 90, target: 8100, protocol: "udp" },
      ),
      "home-relay:homes[0].forwards[0]: passes through the home's port 8000-8100, where home-relay:homes[0].forwards[1] ends; " +
        'found "8000-8100:8000-8100/tcp+udp, to 192.168.1.50" and "90:8100/udp"\n' +
        "  publish the LAN machine's service on another port",
    ],
  ],
  "a dangerous port": [
    [
      "by number",
      { relay: { sshPort: 2222 }, ...forwarding(22) },
      `home-relay:homes[0].forwards[0]: opens port 22/tcp: ${guessing}; found "22:22/tcp"\n  ${meantIt("22", "22", "tcp")}`,
    ],
    [
      "in the short form, by its published port",
      forwarding("3389:8000"),
      `home-relay:homes[0].forwards[0]: opens port 3389/tcp: ${guessing}; found "3389:8000/tcp"\n  ${meantIt("3389", "8000", "tcp")}`,
    ],
    [
      "in the short form, by its target",
      forwarding("8000:6379"),
      `home-relay:homes[0].forwards[0]: opens port 6379/tcp: ${noPassword}; found "8000:6379/tcp"\n  ${meantIt("8000", "6379", "tcp")}`,
    ],
    [
      "in the short form, of either protocol",
      forwarding("53:5300/tcp+udp"),
      `home-relay:homes[0].forwards[0]: opens port 53/udp: ${amplifies}; found "53:5300/tcp+udp"\n  ${meantIt("53", "5300", "tcp+udp")}`,
    ],
    [
      "inside a published range",
      forwarding("5000-6000:15000-16000"),
      `home-relay:homes[0].forwards[0]: opens port 5432/tcp: ${guessing}; found "5000-6000:15000-16000/tcp"\n  ${meantIt("5000-6000", "15000-16000", "tcp")}`,
    ],
    [
      "inside a range of targets",
      forwarding("20000-20100:27000-27100"),
      `home-relay:homes[0].forwards[0]: opens port 27017/tcp: ${noPassword}; found "20000-20100:27000-27100/tcp"\n  ${meantIt("20000-20100", "27000-27100", "tcp")}`,
    ],
    [
      "at the end of a range",
      forwarding("1890-1900:11890-11900/udp"),
      `home-relay:homes[0].forwards[0]: opens port 1900/udp: ${amplifies}; found "1890-1900:11890-11900/udp"\n  ${meantIt("1890-1900", "11890-11900", "udp")}`,
    ],
    [
      "in the long form",
      forwarding({ published: 11211, target: 7000, protocol: "udp" }),
      `home-relay:homes[0].forwards[0]: opens port 11211/udp: ${amplifies}; found "11211:7000/udp"\n  ${addIt}`,
    ],
    [
      "in the long form, by its target",
      forwarding({ published: 7000, target: 445 }),
      `home-relay:homes[0].forwards[0]: opens port 445/tcp: ${noPassword}; found "7000:445/tcp"\n  ${addIt}`,
    ],
    [
      "of a machine in the LAN",
      forwarding({ published: 7000, target: 5900, to: "192.168.1.50" }),
      `home-relay:homes[0].forwards[0]: opens port 5900/tcp: ${guessing}; found "7000:5900/tcp, to 192.168.1.50"\n  ${addIt}`,
    ],
    [
      "whose acknowledgement is false",
      forwarding({ published: 2375, acknowledge: false }),
      `home-relay:homes[0].forwards[0]: opens port 2375/tcp: ${noPassword}; found "2375:2375/tcp"\n  ${addIt}`,
    ],
  ],
  "of dns": [
    [
      "no zone",
      { dns: { names: ["@"] } },
      "home-relay:dns.zone: is missing\n  write it, for example: zone: example.org",
    ],
    [
      "no zone, and a reverse name",
      { dns: { reverse: "@" } },
      "home-relay:dns.zone: is missing\n  write it, for example: zone: example.org",
    ],
    [
      "zone",
      { dns: { zone: "Bücher.example." } },
      'home-relay:dns.zone: must be the name of a zone, in lower case, without a dot at its end; found "Bücher.example."\n  write xn--bcher-kva.example',
    ],
    [
      "a zone of one label",
      { dns: { zone: "example" } },
      'home-relay:dns.zone: must be the name of a zone, in lower case, without a dot at its end; found "example"\n  write it like example.org',
    ],
    [
      "no names",
      dnsOf(),
      'home-relay:dns.names: is an empty list: no name would point at the relay\n  write "@" for the zone itself, or remove the whole dns section',
    ],
    [
      "the zone in a name",
      dnsOf("www.example.org"),
      `home-relay:dns.names[0]: ${nameRule} "www.example.org"\n  write "www"`,
    ],
    [
      "the zone as a name",
      dnsOf("example.org."),
      `home-relay:dns.names[0]: ${nameRule} "example.org."\n  write "@"`,
    ],
    ["a dot at the end", dnsOf("www."), `home-relay:dns.names[0]: ${nameRule} "www."\n  write "www"`],
    ["capitals", dnsOf("WWW"), `home-relay:dns.names[0]: ${nameRule} "WWW"\n  write "www"`],
    [
      "a bad name",
      dnsOf("a b"),
      `home-relay:dns.names[0]: ${nameRule} "a b"\n  write it like www, a.b or "*", or "@" for the zone itself`,
    ],
    [
      "a repeated name",
      dnsOf("www", "@", "www"),
      'home-relay:dns.names[2]: repeats home-relay:dns.names[0]; found "www" in both\n  remove one of them',
    ],
    ...["relay.example.net", "Relay", "a b", 5].map((reverse): [string, Partial<RawSettings>, string] => [
      `the reverse name ${reverse}`,
      { dns: { zone: "example.org", reverse } },
      `home-relay:dns.reverse: must be one name in the zone, or a full name, in lower case; found ${JSON.stringify(reverse)}\n` +
        '  write it like www, www.example.org, or "@" for the zone itself, or false for none' +
        (reverse === "relay.example.net"
          ? ', or "relay.example.net." with a dot at its end for that very name'
          : ""),
    ]),
    [
      "ttl",
      { dns: { zone: "example.org", ttlSeconds: 5 } },
      "home-relay:dns.ttlSeconds: must be a whole number from 60 to 86400; found 5\n  Hetzner takes no less than 60; over a day, a wrong address would stick; 60 suits most",
    ],
  ],
  "of the token": [
    ["missing", { hcloudToken: undefined }, `hcloud:token: is missing\n  ${tokenMend} (or set HCLOUD_TOKEN)`],
    ["empty", { hcloudToken: "" }, `hcloud:token: is missing\n  ${tokenMend} (or set HCLOUD_TOKEN)`],
    [
      "cut off",
      { hcloudToken: "s3cret" },
      `hcloud:token: must have exactly 64 characters; found 6\n  ${tokenMend}`,
    ],
    [
      "another character",
      { hcloudToken: `${"s".repeat(63)}\n` },
      `hcloud:token: must be letters and digits only; found something else among its 64 characters\n  ${tokenMend}`,
    ],
  ],
};

for (const [group, cases] of Object.entries(refusals))
  describe(`refuses ${group}`, () => {
    test.each(cases)("%s", (_, change, problem) => {
      expect(problemsOf(change)).toEqual([problem]);
    });
  });

test("refuses two homes whose names give one tunnel address", () => {
  const prefix4 = parsePrefix("10.0.0.0/28");
  const address = (name: string) => peerAddress(prefix4, parsePrefix("fd77::/64"), name).ipv4;
  const twin = Array.from({ length: 200 }, (_, i) => `home${i}`).find(
    (name) => address(name) === address("nas"),
  );
  if (twin === undefined) throw new Error("unreachable: 13 addresses, 200 names");
  expect(
    problemsOf({
      tunnel: { prefix4: "10.0.0.0/28" },
      homes: [nas, { ...media, name: twin, forwards: ["81"] }],
    }),
  ).toEqual([
    `home-relay:homes[1].name: gives the tunnel address ${address("nas")}, as home-relay:homes[0].name does; found "${twin}" and "nas"\n` +
      "  rename one of the two homes: the address comes from the name",
  ]);
});

test("compares what is right in a home of which another part is wrong", () => {
  const { homes } = sshOf({ host: "10.77.3.4", user: 1 });
  const problems = problemsOf({ homes: [...homes, { ...nas, name: "No" }] });
  expect(problems.map((problem) => problem.split(";")[0])).toEqual([
    "home-relay:homes[0].ssh.user: must be text",
    "home-relay:homes[1].name: must be 1 to 20 lower-case letters, digits and hyphens, beginning with a letter",
    "home-relay:homes[1].forwards[0]: publishes 80/tcp for home-relay:homes[1], which home-relay:homes[0].forwards[0] publishes for home nas",
    "home-relay:homes[0].ssh.host: lies within the tunnel's own addresses, 10.77.0.0/16",
  ]);
});

test("a peer is not called unknown while a name is wrong that may be its own", () => {
  const homes = [{ ...nas, name: "NAS" }];
  expect(problemsOf({ homes, relay: { sshPeers: ["nas"] } })).toEqual([
    expect.stringMatching(/^home-relay:homes\[0\]\.name: must be 1 to 20 /),
  ]);
});

test("a forward may share a number with the relay's own port of the other protocol", () => {
  expect(problemsOf({ relay: { sshPort: 51820 }, ...forwarding("2222/tcp+udp") })).toEqual([]);
  expect(problemsOf(forwarding("22/udp", "51820/tcp"))).toEqual([]);
});

const dangers = {
  tcp: [22, 23, 111, 445, 2375, 3306, 3389, 5432, 5900, 6379, 9200, 11211, 27017],
  udp: [17, 19, 53, 69, 111, 123, 137, 161, 389, 1900, 3702, 5353, 11211],
} as const;

describe.each(["tcp", "udp"] as const)("a forward of %s", (protocol) => {
  test("is refused exactly at the ports of services that were not made for the internet", () => {
    const every = Array.from({ length: 65535 }, (_, i) => `${i + 1}/${protocol}`);
    const problems = problemsOf(forwarding(...every)).filter((problem) => problem.includes(": opens port "));
    expect(problems.map((problem) => Number(/opens port (\d+)/.exec(problem)?.[1]))).toEqual(
      dangers[protocol],
    );
  });

  test("is taken there once it is acknowledged", () => {
    const acknowledged = dangers[protocol].map((published) => ({ published, protocol, acknowledge: true }));
    expect(problemsOf({ relay: { sshPort: 2222 }, ...forwarding(...acknowledged) })).toEqual([]);
  });
});

test("an acknowledged range, target or LAN machine is taken, and an acknowledgement that nothing needs too", () => {
  const forms = [
    { published: "5000-6000", target: "15000-16000", acknowledge: true },
    { published: 7000, target: 445, acknowledge: true },
    { published: 7001, target: 5900, to: "192.168.1.50", acknowledge: true },
    { published: 80, acknowledge: true },
  ];
  expect(problemsOf(forwarding(...forms))).toEqual([]);
});

test("an acknowledgement is no pass for the relay's own port", () => {
  expect(problemsOf(forwarding({ published: 22, acknowledge: true }))).toEqual([
    'home-relay:homes[0].forwards[0]: publishes 22/tcp, where the relay\'s own SSH listens; found "22:22/tcp"\n' +
      "  publish another port, or move SSH away with home-relay:relay.sshPort",
  ]);
});

test("a machine in the LAN may have a port that ends at another home, or at this one for the other protocol", () => {
  const lan = { published: 8080, target: 80, to: "192.168.1.50" };
  expect(problemsOf({ homes: [nas, { ...media, forwards: [lan] }] })).toEqual([]);
  expect(problemsOf(forwarding("80:8080/udp", lan))).toEqual([]);
});

test("two machines in the LAN may have one target port, and one machine two published ones", () => {
  const forms = [
    { published: 8001, target: 80, to: "192.168.1.50" },
    { published: 8002, target: 80, to: "192.168.1.51" },
    { published: 8003, target: 80, to: "192.168.1.50" },
    "8004:80",
  ];
  expect(problemsOf(forwarding(...forms))).toEqual([]);
});

test("forwards are accepted exactly when no two of them collide and none to the LAN passes through a port of the home's own", () => {
  const list = fc.array(forward({ within: 20 }), { minLength: 1, maxLength: 3 });
  let accepted = 0;
  fc.assert(
    fc.property(list, list, (atNas, atMedia) => {
      const all = [...atNas, ...atMedia];
      const pairs = all.flatMap((a, i) => all.slice(i + 1).filter((b) => collide(a, b))).length;
      const passing = [atNas, atMedia].flatMap((forwards) =>
        forwards.filter((a) => a.to !== undefined && forwards.some((b) => shareArrival(a, b))),
      ).length;
      const homes = [
        { ...nas, forwards: atNas.map(longForm) },
        { ...media, forwards: atMedia.map(longForm) },
      ];
      const problems = problemsOf({ homes });
      expect(problems.filter((problem) => problem.includes(": publishes "))).toHaveLength(pairs);
      expect(problems.filter((problem) => problem.includes(": passes through "))).toHaveLength(passing);
      expect(problems).toHaveLength(pairs + passing);
      if (problems.length === 0) accepted++;
    }),
    { numRuns: 300 },
  );
  expect(accepted).toBeGreaterThan(0);
});

/** The forward as a stack file says it, dangerous or not. */
function longForm({ published, target, protocols, from, ...options }: Forward): object {
  return {
    published: renderPortRange(published),
    target: renderPortRange(target),
    protocol: protocols.join("+"),
    ...(from.length > 0 ? { from: from.map(({ text }) => text) } : {}),
    ...options,
    acknowledge: true,
  };
}

function takesRelayPort(one: Forward): boolean {
  return collide(one, parseForward("22/tcp")) || collide(one, parseForward("51820/udp"));
}

/** Whether the home's own programs would have too few UDP ports left to call others from. */
function takesCallingPorts({ to, protocols, target }: Forward): boolean {
  const taken = Math.min(target.last, 60999) - Math.max(target.first, 32768) + 1;
  return to === undefined && protocols.includes("udp") && taken > 28232 - 4096;
}

test("a home's own programs keep some ports to call others from", () => {
  const own = (first: number) => forwarding(`${first}-60999/udp`);
  expect(problemsOf(own(32768 + 4096))).toEqual([
    expect.stringMatching(/^home-relay:tunnel|publishes 51820\/udp/),
  ]);
  const tunnel = { listenPort: 1194 };
  expect(problemsOf({ ...own(32768 + 4096), tunnel })).toEqual([]);
  expect(problemsOf({ ...own(32768 + 4095), tunnel })).toEqual([
    "home-relay:homes[0].forwards: take 24137 of the 28232 ports, 32768-60999, from which the home's own programs " +
      "call others; at least 4096 have to be left\n" +
      "  forward fewer UDP ports there, or to targets below 32768",
  ]);
  const elsewhere = [{ published: "20000-50000", protocol: "udp", to: "192.168.1.50" }, "32768-60999/tcp"];
  expect(problemsOf({ ...forwarding(...elsewhere), tunnel })).toEqual([]);
});

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
