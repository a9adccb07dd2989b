import { describe, expect, test } from "@jest/globals";
import type { RawSettings } from "../../../components/settings/parseSettings.ts";
import { parse, problemsOf, refuses } from "./stackFiles.ts";

/** All of it stands encrypted. */
const encrypted = { isEncrypted: (section: string) => section === "notify" };
const of = (...notify: unknown[]): Partial<RawSettings> => ({ notify, ...encrypted });
const set = (key: string) => `pulumi config set --secret --path 'home-relay:notify[0].${key}'`;

test("nobody is told where nothing is written", () => {
  expect(parse().notify).toEqual([]);
  expect(parse({ notify: null }).notify).toEqual([]);
});

test.each([
  { service: "ntfy", url: "https://ntfy.sh/nas-3Hk_x" },
  { service: "ntfy", url: "https://me:pw@ntfy.example.net:8443/alerts", token: "tk_a1b2" },
  { service: "gotify", url: "https://gotify.example.net/push/", token: "A.b-C_9" },
  { service: "slack", url: "https://hooks.slack.com/services/T0/B0/x" },
  { service: "discord", url: "https://discord.com/api/webhooks/7/x-y" },
  { service: "post", url: "https://example.net/?key=a" },
  { service: "post", url: "https://example.net/in", token: "a+b/c==" },
  { service: "healthchecks", url: "https://hc-ping.com/0d338dcc-a054-11ec-b909-0242ac120002" },
  { service: "healthchecks", url: "https://hc-ping.com/pingkey/relay?create=1" },
  { service: "heartbeat", url: "https://kuma.example.net/api/push/x?status=up&msg=OK" },
])("%j is one that is told", (service) => {
  expect(parse(of(service)).notify).toEqual([{ token: undefined, ...service }]);
});

refuses("what stands in plain text, or is not what the service has", [
  [
    "a url in plain text",
    { notify: [{ service: "ntfy", url: "https://ntfy.sh/nas" }] },
    "home-relay:notify[0].url: is a secret, and stands in the stack file in plain text\n  " +
      `have another one made at the service, remove this one and set it, encrypted: ${set("url")}`,
  ],
  [
    "no url",
    of({ service: "ntfy" }),
    `home-relay:notify[0].url: is missing\n  set it, encrypted: ${set("url")}`,
  ],
  [
    "ntfy without a topic",
    of({ service: "ntfy", url: "https://ntfy.sh/" }),
    "home-relay:notify[0].url: must be the server and the topic, like https://ntfy.sh/TOPIC, that begins with https://, " +
      `without spaces; found something else, which is not shown\n  set it anew: ${set("url")}`,
  ],
  [
    "a url that is not encrypted on its way",
    of({ service: "post", url: "http://example.net/" }),
    "home-relay:notify[0].url: must be a URL that begins with https://, without spaces; found something else, which is not " +
      `shown\n  set it anew: ${set("url")}`,
  ],
  [
    "the failing ping of a check",
    of({ service: "healthchecks", url: "https://hc-ping.com/0d338dcc/fail" }),
    "home-relay:notify[0].url: must be the check's ping URL, like https://hc-ping.com/UUID, that begins with https://, " +
      `without spaces; found something else, which is not shown\n  set it anew: ${set("url")}`,
  ],
  [
    "gotify without its token",
    of({ service: "gotify", url: "https://gotify.example.net" }),
    `home-relay:notify[0].token: is missing\n  set it, encrypted: ${set("token")}`,
  ],
  [
    "a token that nobody asks for",
    of({ service: "slack", url: "https://hooks.slack.com/services/T0/B0/x", token: "a" }),
    "home-relay:notify[0].token: is nothing that slack asks for: its url is enough\n  " +
      "remove it: pulumi config rm --path 'home-relay:notify[0].token'",
  ],
  [
    "a token of two lines",
    of({ service: "ntfy", url: "https://ntfy.sh/nas", token: "a\nb" }),
    'home-relay:notify[0].token: must be letters, digits and "-._~+/="; found something else, which is not shown\n  ' +
      `set it anew: ${set("token")}`,
  ],
  [
    "a service that nobody knows",
    of({ service: "nfty", url: "https://ntfy.sh/nas" }),
    "home-relay:notify[0].service: must be one of ntfy, gotify, slack, discord, post, healthchecks, heartbeat; found " +
      '"nfty"\n  write ntfy',
  ],
  [
    "the same twice",
    of({ service: "ntfy", url: "https://ntfy.sh/nas" }, { service: "ntfy", url: "https://ntfy.sh/nas" }),
    "home-relay:notify[1]: repeats home-relay:notify[0]: the same service and url\n  remove one of them",
  ],
  [
    "one that is no list",
    { notify: { service: "ntfy", url: "https://ntfy.sh/nas" }, ...encrypted },
    "home-relay:notify: must be a list of services; found something else, which is not shown\n  " +
      'write it like "- service: ntfy"',
  ],
  [
    "one that is a url alone",
    of("https://ntfy.sh/nas"),
    "home-relay:notify[0]: must be a mapping with service and url; found something else, which is not shown\n  " +
      "write it like service: ntfy",
  ],
]);

describe("all at once", () => {
  test("each problem of each service is told, and no secret in any of them", () => {
    const problems = problemsOf({
      notify: [
        { service: "ntfy", url: "https://ntfy.sh/s3cret", topic: "a" },
        { service: "discord", token: "s3cret" },
      ],
    });
    expect(problems.map((problem) => problem.split(":").slice(0, 2).join(":"))).toEqual([
      "home-relay:notify[0].topic",
      "home-relay:notify[0].url",
      "home-relay:notify[1].url",
      "home-relay:notify[1].token",
    ]);
    expect(problems.join()).not.toContain("s3cret");
  });

  test("more than ten are too many", () => {
    const many = Array.from({ length: 11 }, (_, i) => ({ service: "ntfy", url: `https://ntfy.sh/t${i}` }));
    expect(problemsOf(of(...many))).toEqual([
      "home-relay:notify: must have at most 10 services; found 11\n  remove the others",
    ]);
  });
});
