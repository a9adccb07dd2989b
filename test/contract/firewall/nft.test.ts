import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { publishForwards } from "../../../components/network/publishedForward.ts";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import { renderGuard } from "../../../components/home/guard.ts";
import { admittedDevices } from "../../../components/home/deviceRules.ts";
import { addressesOf, relayAddress } from "../../../components/network/addressPlan.ts";
import { createForward, parseForward } from "../../../components/network/forward.ts";
import { parsePortRange } from "../../../components/network/port.ts";
import type { PortRange } from "../../../components/network/port.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import { parseSettings } from "../../../components/settings/parseSettings.ts";
import type { RawSettings } from "../../../components/settings/parseSettings.ts";
import type { Settings } from "../../../components/settings/settings.ts";
import { SettingsError } from "../../../components/settings/settingsError.ts";
import { devices, prefixes as prefixesOfTunnel } from "../../unit/generators/devices.ts";
import {
  firewall,
  nas,
  nasForwards,
  optioned,
  optionedForwards,
  relay,
  toHome,
} from "../../unit/generators/examples.ts";
import { prefixes } from "../../unit/generators/prefixes.ts";
import { homeForwards, publishedForwards } from "../../unit/generators/publishedForwards.ts";
import { stackFile } from "../stackFile.ts";
import { runTool } from "../tool.ts";

const isRoot = process.getuid?.() === 0;
/** From an ordinary user the kernel takes a transaction of no more than net.core.wmem_max bytes. */
const most = isRoot ? 5000 : 200;

/** A network, a host and everybody, of both families. */
const everyKind = ["192.0.2.0/24", "198.51.100.7", "0.0.0.0/0", "2001:db8::/32", "2001:db9::1"];

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

  test("of a machine that is shared, in place of one that was not", () => {
    const shared = renderRelayRuleset({ ...optioned, shared: true });
    expect(load(renderRelayRuleset(optioned), shared, shared)).toContain("chain from_tunnel");
  });

  test("of forwards with every option", () => {
    expect(load(renderRelayRuleset(optioned))).toContain("@cap5_rate6");
  });

  test("with SSH through the tunnel, what else a change lets in, and what opens while the tunnel is down", () => {
    const tunnelled = renderRelayRuleset({ ...firewall, sshVia: "tunnel", sshPeers: [nas] });
    const besides = [
      "add element inet homerelay ssh_public { 2222 }",
      `add element inet homerelay ssh_peers4 { ${nas.ipv4} . 2222 }`,
      `add element inet homerelay ssh_peers6 { ${nas.ipv6} . 2222 }`,
      "add element inet homerelay ssh_public { 22 timeout 40s }",
    ].join("\n");
    const inForce = load(renderRelayRuleset(firewall), `${tunnelled}${besides}\n`);
    expect(inForce).toContain(`${nas.ipv4} . 2222`);
    expect(inForce).toMatch(/set ssh_public \{[^}]*elements = \{ 22 timeout 40s expires [^}]*, 2222 \}/);
  });

  test("for any forwards that do not collide, with any of the options", () => {
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

  test(`for a range of ${most} ports that only some may reach, each with its own limit`, () => {
    const options = { from: everyKind.map(parsePrefix), clientIp: "masquerade", newPerSecond: 1 } as const;
    const range = parsePortRange(`30000-${30000 + most - 1}`);
    const wide = createForward(range, range, "tcp+udp", options);
    load(renderRelayRuleset({ ...firewall, forwards: toHome(nas, [wide]) }));
  });

  test("for every cap there is", () => {
    const capped = Array.from({ length: 200 }, (_, i) =>
      createForward(port(1000 + i), port(1000 + i), "tcp+udp", { newPerSecond: i + 1 }),
    );
    expect(load(renderRelayRuleset({ ...firewall, forwards: toHome(nas, capped) }))).toContain(
      "@cap200_rate4",
    );
  });

  test("for any prefixes of a forward's callers, within each other or not", () => {
    fc.assert(
      fc.property(prefixes({ least: 1 }), (from) => {
        const forward = createForward(port(443), port(443), "tcp+udp", { from });
        load(renderRelayRuleset({ ...firewall, forwards: toHome(nas, [forward]) }));
      }),
      { numRuns: 25 },
    );
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

test("the relay's own talk with itself is nobody's forward, so a restricted port does not cut it off", () => {
  const dns = createForward(port(53), port(5353), "udp", { from: [parsePrefix("192.0.2.0/24")] });
  const ruleset = write("own-talk.nft", renderRelayRuleset({ ...firewall, forwards: toHome(nas, [dns]) }));
  const script =
    'ip link set lo up; nft -f "$1"; echo question >/dev/udp/127.0.0.1/53; nft list chain inet homerelay admit_source';
  expect(inNamespace("bash", script, ruleset)).toContain('packets 0 bytes 0 drop comment "not from here"');
});

describe("nft takes a home's guard", () => {
  test("in place of the one before, and once more", () => {
    const guard = renderGuard({ home: nas, relay, forwards: nasForwards });
    expect(load(renderGuard({ home: nas, relay, forwards: [] }), guard, guard)).toContain("dport @open");
  });

  test("with machines in the LAN behind the home", () => {
    expect(load(renderGuard({ home: nas, relay, forwards: optionedForwards }))).toContain(
      "tcp . 8554 : 192.168.1.50 . 554",
    );
  });

  test("for any forwards, to itself or to the LAN", () => {
    fc.assert(
      fc.property(homeForwards(), (forwards) => {
        load(renderGuard({ home: nas, relay, forwards }));
      }),
      { numRuns: 25 },
    );
  });

  test(`for a range of ${most} ports to a machine in the LAN`, () => {
    const [published, target] = [`1024-${1023 + most}`, `20000-${19999 + most}`].map(parsePortRange);
    if (!published || !target) throw new Error("unreachable: two ranges");
    const wide = createForward(published, target, "tcp+udp", { to: "192.168.1.50" });
    load(renderGuard({ home: nas, relay, forwards: [wide] }));
  });
});

describe("nft takes what devices may reach", () => {
  const peerTraffic = { ...prefixesOfTunnel, devices };
  const withDevices = renderRelayRuleset({ ...firewall, peerTraffic });

  test("at the relay, in place of a ruleset without, and the other way round", () => {
    const inForce = load(renderRelayRuleset(firewall), withDevices, withDevices);
    expect(inForce).toContain("chain between_peers");
    expect(load(withDevices, renderRelayRuleset(firewall))).toBe(load(renderRelayRuleset(firewall)));
  });

  test("at home, in place of a guard without, and the other way round", () => {
    const plain = renderGuard({ home: nas, relay, forwards: nasForwards });
    const guard = renderGuard({
      home: nas,
      relay,
      forwards: nasForwards,
      devices: admittedDevices("nas", devices),
    });
    expect(load(plain, guard, guard)).toContain("chain from_device");
    expect(load(guard, plain)).toBe(load(plain));
  });
});

describe("nft takes the counters", () => {
  test("twice, and the figures stay", () => {
    const counters = readFileSync(join(__dirname, "../../../components/firewall/counters.nft"), "utf8");
    const counted = "443 counter packets 3 bytes 180";
    const add = `add element inet homerelay_counters received_tcp { ${counted} }\n`;
    const once = load(counters);
    expect(load(counters, add, counters)).toBe(
      once.replace(/(set received_tcp \{[^}]*\tcounter\n)/, `$1\t\telements = { ${counted} }\n`),
    );
  });

  test("beside the ruleset, whose change leaves the figures alone", () => {
    const counters = readFileSync(join(__dirname, "../../../components/firewall/counters.nft"), "utf8");
    const add = "add element inet homerelay_counters sent_udp { 64738 counter packets 2 bytes 90 }\n";
    const inForce = load(renderRelayRuleset(firewall), counters, add, renderRelayRuleset(optioned), counters);
    expect(inForce).toContain("elements = { 64738 counter packets 2 bytes 90 }");
    expect(inForce).toContain("table inet homerelay {");
  });
});

test("nft takes every ruleset and guard of settings that are sound", () => {
  fc.assert(
    fc.property(stackFile(), (raw) => {
      const settings = soundSettings(raw);
      fc.pre(settings !== undefined);
      const { relay: vps, tunnel, homes, devices } = settings;
      const guards = homes.map(({ name, tunnelAddress, forwards }) =>
        renderGuard({
          home: tunnelAddress,
          relay: relayAddress(tunnel.prefix4, tunnel.prefix6),
          forwards,
          devices: admittedDevices(name, devices),
        }),
      );
      const { sshPort, sshVia, sshPeers } =
        vps.provider === "hetzner" ? vps : { sshPort: vps.port, sshVia: "public" as const, sshPeers: [] };
      const openings = {
        sshPort,
        sshVia,
        sshPeers: addressesOf(sshPeers, [...homes, ...devices]),
        adminCidrs: vps.adminCidrs,
        listenPort: tunnel.listenPort,
        forwards: publishForwards(homes),
        peerTraffic: { ...tunnel, devices },
      };
      for (const shared of [false, true]) load(renderRelayRuleset({ ...openings, shared }), ...guards);
    }),
    { numRuns: 25 },
  );
});

function port(n: number): PortRange {
  return { first: n, last: n };
}

function soundSettings(raw: RawSettings): Settings | undefined {
  try {
    return parseSettings(raw, "home-relay");
  } catch (error) {
    if (error instanceof SettingsError) return undefined;
    throw error;
  }
}

/**
 * Loads the texts one after the other into the tables of a network namespace that lives no longer than this call,
 * checking each first as the hosts do, and returns what is in force at the end.
 */
function load(...texts: string[]): string {
  const files = texts.map((text, i) => write(`${i}.nft`, text));
  const script = 'for file; do nft -c -f "$file"; nft -f "$file"; done; nft list ruleset';
  return inNamespace("sh", script, ...files);
}

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

function inNamespace(shell: "sh" | "bash", script: string, ...args: string[]): string {
  const namespace = isRoot ? ["--net"] : ["--user", "--map-root-user", "--net"];
  return runTool("nftables util-linux", "unshare", [...namespace, shell, "-ec", script, shell, ...args]);
}
