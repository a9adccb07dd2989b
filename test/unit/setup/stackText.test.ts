import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { parse } from "yaml";
import { parseForward, renderForward } from "../../../components/network/forward.ts";
import { findDanger } from "../../../components/settings/dangerousPorts.ts";
import { parseSettings } from "../../../components/settings/parseSettings.ts";
import type { Settings } from "../../../components/settings/settings.ts";
import type { Answers, ChosenForward, NamesAnswer } from "../../../components/setup/answers.ts";
import { renderStackText } from "../../../components/setup/stackText.ts";
import { protocol } from "../generators/forwards.ts";

/** What the set-up writes is what the program reads. */

const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdrPNNQoboRuwlw77m/0np4zuVHFEtkOBsvAdTzKM7U";
const secret = "0123abcd";

function read(text: string): Settings {
  const { config } = parse(text) as { config: Record<string, object> };
  const section = (name: string) => config[`home-relay:${name}`];
  const dns = section("dns") as { provider?: string } | undefined;
  const isService = dns?.provider !== undefined && dns.provider !== "hetzner";
  return parseSettings(
    {
      relay: section("relay"),
      homes: section("homes"),
      devices: section("devices"),
      tunnel: section("tunnel"),
      // As pulumi config set --secret puts it there.
      dns: isService ? { ...dns, token: secret } : dns,
      unknownKeys: Object.keys(config).filter((key) => !/^home-relay:(relay|homes|devices|dns)$/.test(key)),
      isEncrypted: () => true,
      hcloudToken: "t".repeat(64),
    },
    "home-relay",
  );
}

const label = fc.stringMatching(/^[a-z][a-z0-9]{0,9}$/);
const peerNames = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9-]{0,19}$/), { minLength: 1, maxLength: 4 });
const host = fc.oneof(
  fc.ipV4().filter((one) => !one.startsWith("10.77.")),
  label,
  fc.tuple(label, label).map((two) => two.join(".")),
);
const at = fc.record({
  user: fc.stringMatching(/^[a-z_][a-z0-9_-]{0,10}$/),
  host,
  port: fc.constantFrom(22, 2222, 61000),
  hostKey: fc.constant(hostKey),
});
/** Some are dangerous. */
const port = fc.oneof(fc.integer({ min: 1, max: 65_535 }), fc.constantFrom(53, 445, 2375, 3306, 5353));
const service = fc.string().map((text) => text.replaceAll(/[^\w.@:+ -]/g, ""));
const forwards: fc.Arbitrary<readonly ChosenForward[]> = fc
  .tuple(
    fc.uniqueArray(
      port.filter((one) => one !== 22 && one !== 2222 && one !== 61_000 && one !== 51_820),
      {
        minLength: 1,
        maxLength: 6,
      },
    ),
    fc.array(fc.tuple(port, protocol, fc.option(service, { nil: undefined })), {
      minLength: 6,
      maxLength: 6,
    }),
  )
  .map(([published, more]) =>
    published.map((port, i) => {
      const [target = 1, protocols = "tcp", service] = more[i] ?? [];
      const text = `${port}:${target}/${protocols}`;
      return { text, service, danger: findDanger(parseForward(text))?.why };
    }),
  );
const names: fc.Arbitrary<NamesAnswer | undefined> = fc.oneof(
  fc.constant(undefined),
  fc.record({
    provider: fc.constant("hetzner" as const),
    zone: fc.tuple(label, label).map((two) => two.join(".")),
    createZone: fc.boolean(),
    names: fc.uniqueArray(fc.oneof(fc.constantFrom("@", "*", "no", "1", "null"), label), {
      minLength: 1,
      maxLength: 4,
    }),
  }),
  fc.record({
    provider: fc.constant("duckdns" as const),
    names: fc.uniqueArray(label, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    provider: fc.constant("freemyip" as const),
    names: label.map((one) => [`${one}.freemyip.com`]),
  }),
);
const answers: fc.Arbitrary<Answers> = fc
  .record({
    relay: fc.oneof(
      fc.record({
        provider: fc.constant("hetzner" as const),
        location: fc.stringMatching(/^[a-z][a-z0-9]{0,4}$/),
        serverType: fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/),
      }),
      fc.record({
        provider: fc.constant("ssh" as const),
        at: at.map((one) => ({ ...one, host: "relay.example" })),
        ipv4: fc.constant("203.0.113.5"),
        ipv6: fc.constantFrom(undefined, "2001:db8::5"),
      }),
    ),
    peers: peerNames,
    home: fc.oneof(
      fc.record({ install: fc.constant("ssh" as const), at }),
      fc.record({ install: fc.constantFrom("local" as const, "manual" as const) }),
    ),
    forwards,
    names,
  })
  .map(({ peers: [homeName = "", ...devices], ...rest }) => ({ ...rest, homeName, devices }));

test("every file that comes of answers is one that the program takes, and says what was answered", () => {
  fc.assert(
    fc.property(answers, (given) => {
      const settings = read(renderStackText(given));
      const [home] = settings.homes;
      expect(settings.relay.provider).toBe(given.relay.provider);
      expect(home?.name).toBe(given.homeName);
      expect(home?.install).toBe(given.home.install);
      expect(home?.forwards.map(renderForward)).toEqual(given.forwards.map(({ text }) => text));
      expect(settings.dns?.provider).toBe(given.names?.provider);
      expect(settings.devices.map(({ name }) => name)).toEqual(given.devices);
    }),
    { numRuns: 300 },
  );
});

test("a file reads as a person would have written it", () => {
  expect(
    renderStackText({
      relay: { provider: "hetzner", location: "nbg1", serverType: "cx23" },
      homeName: "nas",
      home: { install: "ssh", at: { user: "me", host: "192.168.1.10", port: 22, hostKey } },
      forwards: [
        { text: "80:8080", service: "caddy", danger: undefined },
        { text: "2222:22", service: "sshd", danger: "the whole internet will try passwords on it" },
      ],
      names: { provider: "hetzner", zone: "example.org", createZone: true, names: ["@", "www"] },
      devices: ["phone"],
    }),
  ).toMatchSnapshot();
});
