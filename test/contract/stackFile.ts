import fc from "fast-check";
import { sshKey } from "../../components/keys/deriveKeys.ts";
import type { RawSettings } from "../../components/settings/parseSettings.ts";
import { protocol } from "../unit/generators/forwards.ts";
import { prefixes } from "../unit/generators/prefixes.ts";

const { publicKey: hostKey } = sshKey(Buffer.alloc(32, 7), "");

/** What a person could write into a stack file, sound or not; only what decides about the rulesets is varied. */
export function stackFile(): fc.Arbitrary<RawSettings> {
  const maybe = <T>(written: fc.Arbitrary<T>) => fc.option(written, { nil: undefined });
  return fc.record({
    relay: fc.record({
      sshPort: maybe(port),
      adminCidrs: maybe(texts(12)),
      sshVia: maybe(fc.constantFrom("public", "tunnel")),
      sshPeers: maybe(fc.subarray(["nas", "media", "garage"])),
    }),
    tunnel: fc.record({
      listenPort: maybe(port),
      prefix4: maybe(fc.constantFrom("10.77.0.0/16", "192.168.77.0/28", "172.31.0.0/20", "10.0.0.0/8")),
      prefix6: maybe(fc.constantFrom("fd77::/64", "fd01:2:3:4::/64", "2001:db8::/64")),
    }),
    homes: fc.uniqueArray(home, { minLength: 1, maxLength: 3, selector: ({ name }) => name }),
    devices: fc.uniqueArray(device, { maxLength: 3, selector: ({ name }) => name }),
    dns: fc.constant(undefined),
    hcloudToken: fc.constant("a1B2".repeat(16)),
  });
}

const port = fc.integer({ min: 1, max: 65535 });
const count = fc.integer({ min: 1, max: 40 });

/** `80`, or `"80-119"`. */
const ports = fc
  .tuple(fc.integer({ min: 1, max: 65535 - 40 }), fc.option(count))
  .map(([first, more]) => (more === null ? first : `${first}-${first + more}`));

const shortForm = fc.tuple(port, fc.option(port), fc.option(protocol)).map(([published, target, of]) => {
  const both = target === null ? `${published}` : `${published}:${target}`;
  return of === null ? both : `${both}/${of}`;
});

const longForm = fc.record(
  {
    published: ports,
    target: fc.integer({ min: 1, max: 65535 }),
    protocol,
    to: fc.constantFrom("192.168.1.50", "10.0.0.9", "172.16.3.4"),
    clientIp: fc.constantFrom("preserve", "masquerade"),
    from: texts(5),
    newPerSecond: fc.integer({ min: 1, max: 200 }),
    acknowledge: fc.boolean(),
  },
  { requiredKeys: ["published"] },
);

/** As many targets as there are published ports, from the one that is written; else no long form would be sound. */
const evenForm = longForm.map((written) => {
  const [first = 0, last = first] = String(written.published).split("-").map(Number);
  if (written.target === undefined || first === last) return written;
  const start = 1 + (written.target % (65535 - (last - first)));
  return { ...written, target: `${start}-${start + last - first}` };
});

const home = fc
  .record({
    name: fc.constantFrom("nas", "media", "garage", "nas-2"),
    forwards: fc.array(fc.oneof(port, shortForm, evenForm), { minLength: 1, maxLength: 30 }),
  })
  .map(({ name, forwards }) => ({ name, ssh: { host: name, hostKey }, forwards }));

const lans = ["192.168.1.0/24", "192.168.1.50", "10.9.0.0/16", "172.16.0.0/12"];
const device = fc.record({
  name: fc.constantFrom("phone", "laptop", "tablet"),
  allow: fc.uniqueArray(
    fc.constantFrom("nas", "media", "phone", "internet via nas", ...lans.map((lan) => `${lan} via nas`)),
    { maxLength: 5 },
  ),
});

function texts(most: number): fc.Arbitrary<string[]> {
  return prefixes({ least: 1, most }).map((all) => all.map(({ text }) => text));
}
