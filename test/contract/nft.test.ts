import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { renderRelayRuleset } from "../../components/firewall/ruleset.ts";
import { renderGuard } from "../../components/home/guard.ts";
import { parseForward } from "../../components/network/forward.ts";
import { parsePrefix } from "../../components/network/prefix.ts";
import type { Prefix } from "../../components/network/prefix.ts";
import { firewall, nas, nasForwards, relay, toHome } from "../unit/examples.ts";
import { publishedForwards } from "../unit/publishedForwards.ts";
import { runTool } from "./tool.ts";

const isRoot = process.getuid?.() === 0;
/** From an ordinary user the kernel takes a transaction of no more than net.core.wmem_max bytes. */
const most = isRoot ? 5000 : 200;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-nft-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("nft takes the relay's ruleset", () => {
  test("of a small stack, in place of the one before, and once more", () => {
    const before = renderRelayRuleset({ ...firewall, forwards: [] });
    expect(load(before, renderRelayRuleset(firewall), renderRelayRuleset(firewall))).toContain("forwards4");
  });

  test("for any forwards that do not collide", () => {
    fc.assert(
      fc.property(publishedForwards(), (forwards) => {
        load(renderRelayRuleset({ ...firewall, forwards }));
      }),
      { numRuns: 25 },
    );
  });

  test(`for a range of ${most} ports, kept or shifted`, () => {
    const wide = [
      `20000-${20000 + most - 1}`,
      `30000-${30000 + most - 1}:40000-${40000 + most - 1}/tcp+udp`,
    ].map(parseForward);
    load(renderRelayRuleset({ ...firewall, forwards: toHome(nas, wide) }));
  });

  test(`for ${most} forwards`, () => {
    const many = Array.from({ length: most }, (_, i) => parseForward(`${1000 + 3 * i}:${2000 + i}/tcp+udp`));
    load(renderRelayRuleset({ ...firewall, forwards: toHome(nas, many) }));
  });

  test("for all ports but its own", () => {
    const all = ["1-21", "23-65535", "1-51819/udp", "51821-65535/udp"].map(parseForward);
    load(renderRelayRuleset({ ...firewall, forwards: toHome(nas, all) }));
  });

  test("for any prefixes of the operator, within each other or not", () => {
    fc.assert(
      fc.property(prefixes(), (adminCidrs) => {
        load(renderRelayRuleset({ ...firewall, adminCidrs }));
      }),
      { numRuns: 25 },
    );
  });
});

describe("nft takes a home's guard", () => {
  test("in place of the one before, and once more", () => {
    const guard = renderGuard({ home: nas, relay, forwards: nasForwards });
    expect(load(renderGuard({ home: nas, relay, forwards: [] }), guard, guard)).toContain("dport @open");
  });

  test("for any forwards", () => {
    fc.assert(
      fc.property(publishedForwards(), (forwards) => {
        load(renderGuard({ home: nas, relay, forwards: forwards.map(({ forward }) => forward) }));
      }),
      { numRuns: 25 },
    );
  });
});

/**
 * Loads the texts one after the other into the tables of a network namespace that lives no longer than this call,
 * checking each first as the hosts do, and returns what is in force at the end.
 */
function load(...texts: string[]): string {
  const files = texts.map((text, i) => {
    const file = join(folder, `${i}.nft`);
    writeFileSync(file, text);
    return file;
  });
  const script = 'set -e; for file; do nft -c -f "$file"; nft -f "$file"; done; nft list ruleset';
  const namespace = isRoot ? ["--net"] : ["--user", "--map-root-user", "--net"];
  return runTool("nftables util-linux", "unshare", [...namespace, "sh", "-c", script, "sh", ...files]);
}

function prefixes(): fc.Arbitrary<Prefix[]> {
  const v4 = fc.tuple(
    fc.constantFrom("10.0.0.0", "10.1.0.0", "0.0.0.0", "192.168.0.0"),
    fc.constantFrom(16, 24, 32),
  );
  const v6 = fc.tuple(fc.constantFrom("2001:db8::", "2001:db8:1::", "::"), fc.constantFrom(48, 64, 128));
  const written = fc.oneof(v4, v6).map(([address, length]) => `${address}/${length}`);
  const whole = fc.constantFrom("0.0.0.0/0", "::/0", "10.0.0.0/8", "2001:db8::/32");
  return fc
    .uniqueArray(fc.oneof(written, whole), { minLength: 1, maxLength: 12, size: "max" })
    .map((texts) => texts.map(parsePrefix));
}
