import { describe, expect, test } from "@jest/globals";
import type { DynDnsService } from "../../../components/network/dynDnsService.ts";
import { renderSecret, renderUpdates } from "../../../components/dyndns/updates.ts";

const both = { ipv4: "203.0.113.5", ipv6: "2001:db8::1" };
const ipv4Only = { ipv4: "203.0.113.5", ipv6: undefined };
const url = "https://dns.example.net/update?host={name}&ip={ip}&ip6={ip6}";

const services = {
  freemyip: { provider: "freemyip", names: ["myhome.freemyip.com"], token: "s3cret" },
  duckdns: { provider: "duckdns", names: ["one.duckdns.org", "two.duckdns.org"], token: "s3cret" },
  dyndns2: {
    provider: "dyndns2",
    server: "https://dyn.example.net/nic/update",
    user: "me",
    password: "s3cret",
    names: ["one.example.net", "two.example.net"],
  },
  open: {
    provider: "url",
    url,
    secretUrl: false,
    names: ["one.example.net"],
    expect: undefined,
    token: undefined,
  },
  withToken: {
    provider: "url",
    url: `${url}&key={token}`,
    secretUrl: false,
    names: ["one.example.net"],
    expect: "^OK",
    token: "s3cret",
  },
  secretUrl: {
    provider: "url",
    url: `${url}&key=s3cret`,
    secretUrl: true,
    names: ["one.example.net", "two.example.net"],
    expect: undefined,
    token: undefined,
  },
  nameless: {
    provider: "url",
    url: "https://dns.example.net/s3cret/{ip}",
    secretUrl: true,
    names: [],
    expect: undefined,
    token: undefined,
  },
} as const satisfies Record<string, DynDnsService>;

/** What stands in a preview, and what does not. */
const rendered = (service: DynDnsService, addresses: { ipv4: string; ipv6: string | undefined }) =>
  `${renderUpdates(service, addresses, "home-relay:dns")}---\n${renderSecret(service, addresses)}`;

describe("the requests", () => {
  test("to freemyip carry one address each", () => {
    expect(rendered(services.freemyip, both)).toBe(`\
provider freemyip
settings home-relay:dns
secret token
request myhome.freemyip.com 203.0.113.5 https://freemyip.com/update?token={token}&domain=myhome.freemyip.com&myip=203.0.113.5
request myhome.freemyip.com 2001:db8::1 https://freemyip.com/update?token={token}&domain=myhome.freemyip.com&myip=2001:db8::1
---
s3cret
`);
  });

  test("to DuckDNS are one for all names, which it knows by their first part", () => {
    expect(rendered(services.duckdns, both)).toBe(`\
provider duckdns
settings home-relay:dns
secret token
request one.duckdns.org,two.duckdns.org 203.0.113.5,2001:db8::1 https://www.duckdns.org/update?domains=one,two&token={token}&ip=203.0.113.5&ipv6=2001:db8::1
---
s3cret
`);
  });

  test("of dyndns2 are one for each name, with both addresses in one parameter", () => {
    expect(rendered(services.dyndns2, both)).toBe(`\
provider dyndns2
settings home-relay:dns
secret password
user me
request one.example.net 203.0.113.5,2001:db8::1 https://dyn.example.net/nic/update?hostname=one.example.net&myip=203.0.113.5,2001:db8::1
request two.example.net 203.0.113.5,2001:db8::1 https://dyn.example.net/nic/update?hostname=two.example.net&myip=203.0.113.5,2001:db8::1
---
s3cret
`);
  });

  test("by a URL without a secret have none", () => {
    expect(rendered(services.open, both)).toBe(`\
provider url
settings home-relay:dns
secret none
request one.example.net 203.0.113.5,2001:db8::1 https://dns.example.net/update?host=one.example.net&ip=203.0.113.5&ip6=2001:db8::1
---

`);
  });

  test("by a URL with a token show all but the token", () => {
    expect(rendered(services.withToken, both)).toBe(`\
provider url
settings home-relay:dns
secret token
expect ^OK
request one.example.net 203.0.113.5,2001:db8::1 https://dns.example.net/update?host=one.example.net&ip=203.0.113.5&ip6=2001:db8::1&key={token}
---
s3cret
`);
  });

  test("by a secret URL show what is told, and the secret has a line for each", () => {
    expect(rendered(services.secretUrl, both)).toBe(`\
provider url
settings home-relay:dns
secret url
request one.example.net 203.0.113.5,2001:db8::1 {url}
request two.example.net 203.0.113.5,2001:db8::1 {url}
---
https://dns.example.net/update?host=one.example.net&ip=203.0.113.5&ip6=2001:db8::1&key=s3cret
https://dns.example.net/update?host=two.example.net&ip=203.0.113.5&ip6=2001:db8::1&key=s3cret
`);
  });

  test("may know the name without being told", () => {
    expect(rendered(services.nameless, both)).toBe(`\
provider url
settings home-relay:dns
secret url
request - 203.0.113.5,2001:db8::1 {url}
---
https://dns.example.net/s3cret/203.0.113.5
`);
  });

  test.each(Object.entries(services))(
    "%s: of a relay without IPv6 speak of its IPv4 address alone",
    (_, service) => {
      const text = rendered(service, ipv4Only);
      expect(text).toContain(" 203.0.113.5 ");
      expect(text).not.toMatch(/undefined|2001|203\.0\.113\.5,|ipv6=/);
    },
  );
});
