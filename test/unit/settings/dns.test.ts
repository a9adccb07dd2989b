import { describe, expect, test } from "@jest/globals";
import { dns as dnsSection } from "../../../components/settings/dns.ts";
import type { RawSettings } from "../../../components/settings/parseSettings.ts";
import { isRead, Place } from "../../../components/settings/place.ts";
import { parse, problemsOf, refuses } from "./stackFiles.ts";

const dnsOf = (...names: unknown[]) => ({ dns: { zone: "example.org", names } });
const nameRule =
  "must be a name inside the zone, in lower case, without the zone and without a dot at its end; found";

describe("the relay's addresses lead back", () => {
  const reverseOf = (dns: object) => {
    const read = parse({ dns: { zone: "example.org", ...dns } }).dns;
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
    const draft = dnsSection.read({ zone: "example.org", ...dns }, place, { relay: { provider: "ssh" } });
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
    expect(parse({ ...encrypted, dns }).dns).toEqual(read);
  });

  test("a URL needs no secret", () => {
    const dns = { provider: "url", url, names: ["a.b"] };
    expect(parse({ dns }).dns).toEqual({
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

refuses("of dns", [
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
]);
