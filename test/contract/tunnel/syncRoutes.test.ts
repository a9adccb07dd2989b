import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { renderRoutes } from "../../../components/home/routes.ts";
import { parseForward } from "../../../components/network/forward.ts";
import { renderDeviceRoutes } from "../../../components/tunnel/peers.ts";
import { devices, laptop, phone, prefixes } from "../../unit/generators/devices.ts";
import { nas, nasForwards } from "../../unit/generators/examples.ts";
import { asRoot, runTool } from "../tool.ts";
import { syncRoutesIn } from "./syncRoutesIn.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-routes-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/**
 * What is there beside the kernel's own after each line of shell. There, `run` is the script, and `want 0` makes the
 * first of the given files the wanted one.
 */
function after(wanted: readonly string[], ...steps: readonly string[]): string[] {
  wanted.forEach((text, i) => writeFileSync(join(folder, `${i}`), text));
  writeFileSync(join(folder, "run.sh"), syncRoutesIn(folder));
  rmSync(`${folder}/in-force`, { force: true });
  const show = [
    "ip link add homerelay type veth peer name other; ip link set other up; ip link set homerelay up",
    `run() { bash ${folder}/run.sh "$@"; }; want() { cp ${folder}/$1 ${folder}/routes; }; forget() { rm ${folder}/routes; }`,
    "show() { for family in 4 6; do ip -$family rule show | grep -v -e 'lookup local' -e '^3276[67]:' || :; for table in 18546 7; do ip -$family route show table $table 2>/dev/null || :; done; done; echo =; }",
    ...steps.map((step) => `${step.replaceAll("RUN", `${folder}/run.sh`)}; show`),
  ].join("\n");
  return runTool("util-linux iproute2", "unshare", [...asRoot, "--net", "bash", "-ec", show])
    .split("=\n")
    .slice(0, -1)
    .map((one) => one.replaceAll(/ +$/gm, ""));
}

const onRelay = renderDeviceRoutes(devices, prefixes);
const everything = `\
5188:	from 10.77.9.10 lookup 18546
5188:	from 10.77.11.12 lookup 18546
default dev homerelay scope link
10.77.0.0/16 dev homerelay scope link
192.168.1.0/24 dev homerelay scope link
5188:	from fd77::b0c lookup 18546
fd77::/64 dev homerelay metric 1024 pref medium
default dev homerelay metric 1024 pref medium
`;
const withoutIpv6 = (text: string) =>
  text.replaceAll(/^.* pref medium\n|^.*fd77::.*\n|^.*suppress_prefixlength 4\n/gm, "");

test("sets what is wanted, once; takes away what no longer is; and all of it at the end", () => {
  const some = renderDeviceRoutes([phone, laptop], prefixes);
  expect(
    after(
      [onRelay, some, ""],
      ...["want 0; run", "run", "want 1; run", "want 2; run", "want 0; run; run remove", "forget; run"],
    ),
  ).toEqual([
    everything,
    everything,
    `\
5188:	from 10.77.9.10 lookup 18546
10.77.0.0/16 dev homerelay scope link
192.168.1.0/24 dev homerelay scope link
`,
    "",
    "",
    "",
  ]);
});

test("finds its own again when the wanted file has gone", () => {
  expect(after([onRelay], "want 0; run", "forget; run")).toEqual([everything, ""]);
});

test("where IPv6 is switched off, before or since, the routes and rules of IPv4 alone are there, and go", () => {
  const off = "sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.homerelay.disable_ipv6=1";
  const ipv4 = withoutIpv6(everything);
  expect(after([onRelay], `${off}; want 0; run`, "run remove")).toEqual([ipv4, ""]);
  expect(after([onRelay], `want 0; run; ${off}; run`, "run remove")).toEqual([ipv4, ""]);
});

test("mends what somebody took away or added by hand, and leaves rules and routes of others alone", () => {
  expect(
    after(
      [onRelay],
      "want 0; run; ip rule delete from 10.77.11.12; ip route delete default table 18546; ip rule add priority 5190 from 10.9.9.9 lookup main; ip rule add priority 100 from 10.1.1.1 lookup main; ip link add mine type veth peer name yours; ip link set mine up; ip link set yours up; ip route add 10.5.0.0/16 dev mine table 18546; run",
    ).map((text) =>
      text
        .replace("100:	from 10.1.1.1 lookup main\n", "my rule\n")
        .replace("5190:	from 10.9.9.9 lookup main\n", "my other rule\n")
        .replace("10.5.0.0/16 dev mine scope link\n", "my route\n"),
    ),
  ).toEqual([
    `somebody had taken away routes or rules of home-relay; they are back\nmy rule\n${everything
      .replace("5188:	from 10.77.11.12 lookup 18546\n", "$&my other rule\n")
      .replace("default dev homerelay scope link\n", "$&my route\n")}`,
  ]);
});

describe("at a home", () => {
  const wanted = renderRoutes(nas, nasForwards);
  const rulesOf = (text: string) => text.split("\n").filter((line) => /^\d+:/.test(line));

  test("sets every rule in the words in which the kernel shows it, so that a second run has nothing to do", () => {
    const [first = "", second] = after([wanted], "want 0; run", "run");
    expect(second).toBe(first);
    const rules = wanted.split("\n").filter((line) => / rule (?!refused |lost )/.test(line));
    expect(rulesOf(first)).toHaveLength(rules.length);
    expect(first).toContain("default dev homerelay scope link\n");
    expect(first).toContain("default dev homerelay metric 1024 pref medium\n");
  });

  test("takes rules for ports that are no longer forwarded away, and no other", () => {
    const fewer = renderRoutes(nas, [parseForward("80")]);
    const [all = "", some = "", none] = after(
      [wanted, fewer],
      ...["want 0; run", "want 1; run", "run remove"],
    );
    expect(rulesOf(some)).toEqual(rulesOf(all).filter((rule) => rule.startsWith("0:")));
    expect(rulesOf(all).length).toBeGreaterThan(rulesOf(some).length);
    expect(none).toBe("");
  });

  // As wg-quick sets and takes away the rules of a VPN that takes everything.
  const vpn = {
    up: "for f in 4 6; do ip -$f rule add not fwmark 51820 table 51820; ip -$f rule add table main suppress_prefixlength 0; done",
    down: 'for f in 4 6; do while [[ $(ip -$f rule show) == *"lookup 51820"* ]]; do ip -$f rule delete table 51820; done; while [[ $(ip -$f rule show) == *"from all lookup main suppress_prefixlength 0"* ]]; do ip -$f rule delete table main suppress_prefixlength 0; done; done',
  };
  const order = (text: string) =>
    rulesOf(text).map((rule) =>
      /lookup 18546|fwmark 0x7|from (?:10\.77|fd77)|prefixlength [25]$/.test(rule)
        ? "ours"
        : rule.replace(/^\d+:\s*/, ""),
    );
  const ownRules = (text: string) => order(text).filter((rule) => rule === "ours").length;

  test("comes before a VPN that takes everything, whichever is up first, and the VPN before the line", () => {
    const [later = "", again = "", gone, earlier = ""] = after(
      [wanted],
      ...[
        `want 0; run; ${vpn.up}`,
        `${vpn.down}; ${vpn.up}; run`,
        `${vpn.down}; run remove`,
        `${vpn.up}; want 0; run`,
      ],
    );
    expect(gone).toBe("");
    for (const text of [later, again, earlier]) {
      const four = order(text.slice(0, text.search(/^default /m)));
      expect(four.slice(0, 8)).toEqual(Array(8).fill("ours"));
      expect(four.slice(8)).toHaveLength(2);
      expect(ownRules(text)).toBe(ownRules(later));
    }
    // What the main table knows better than by a default route stays out of the VPN, also where its own exception for
    // that comes too late.
    expect(later).toMatch(
      /^0:\tfrom all lookup main suppress_prefixlength 2\n0:\tnot from all fwmark 0xca6c lookup 51820$/m,
    );
  });

  test("with rules that tell senders apart it comes before them, has no shield, and a VPN keeps its order", () => {
    const [beside = "", withVpn = "", alone = ""] = after(
      [wanted],
      ...[
        "ip rule add priority 500 from 10.9.9.0/24 lookup 200; want 0; run",
        vpn.up,
        `${vpn.down}; ip rule delete priority 500; run`,
      ],
    );
    expect(beside).toMatch(/^2:\tfrom 10\.77\.3\.4 lookup 18546\n500:\tfrom 10\.9\.9\.0\/24 lookup 200$/m);
    expect(beside).not.toContain("suppress_prefixlength 2");
    expect(withVpn).toMatch(
      /^0:\tfrom all lookup main suppress_prefixlength 0\n1:\tnot from all fwmark 0xca6c lookup 51820\n2:/,
    );
    expect(order(alone).slice(0, 8)).toEqual(Array(8).fill("ours"));
    expect(alone).toMatch(/^0:/);
  });

  test.each(["fwmark 0x77 iif homerelay", "fwmark 0x77 lookup 18546", "from 10.77.3.4 lookup 18546"])(
    "is as it was when somebody took away %s",
    (rule) => {
      const [all, mended] = after(
        [wanted],
        "want 0; run",
        `ip rule delete priority 0 ${rule}; run >/dev/null`,
      );
      expect(mended).toBe(all);
    },
  );

  test("says so when somebody took away a rule, and is silent when nothing was to do", () => {
    const [, first, second] = after(
      [wanted],
      "want 0; run",
      "ip rule delete priority 0 fwmark 0x7b lookup main; run",
      "run",
    );
    expect(first).toContain("somebody had taken away routes or rules of home-relay; they are back\n");
    expect(second).not.toContain("somebody");
  });

  test("takes what an older version had set", () => {
    const older = `\
table 18546
priorities 5180-5199
4 route default
4 rule priority 5180 fwmark 0x77 lookup main suppress_prefixlength 1
4 rule priority 5181 fwmark 0x77 lookup 18546
4 rule priority 5184 to 10.0.0.0/8 iif lo ipproto udp goto 5199
4 rule priority 5186 iif lo ipproto udp sport 64738 lookup main suppress_prefixlength 1
4 rule priority 5187 iif lo ipproto udp sport 64738 lookup 18546
4 rule priority 5199 nop
`;
    const set = older
      .split("\n")
      .filter((line) => line.startsWith("4 rule"))
      .map((line) => `ip rule add ${line.slice(7)}`)
      .join("; ");
    const [now, afresh] = after(
      [wanted, older],
      `want 1; cp ${folder}/routes ${folder}/in-force; ip route add default dev homerelay table 18546; ${set}; want 0; run`,
      "run remove; run",
    );
    expect(now).toBe(afresh);
    expect(now).not.toMatch(/^51\d\d:/m);
  });

  test("comes directly behind the rule for local addresses, where somebody has moved that", () => {
    const [all = "", moved = ""] = after(
      [wanted],
      "want 0; run",
      "for f in 4 6; do ip -$f rule add priority 100 lookup local; ip -$f rule delete priority 0 lookup local; done; run; run",
    );
    expect(rulesOf(moved).filter((rule) => rule.startsWith("100:"))).toHaveLength(14);
    expect(rulesOf(moved).filter((rule) => rule.startsWith("0:"))).toEqual([]);
    expect(rulesOf(all).filter((rule) => rule.startsWith("0:")).length).toBeGreaterThan(14);
  });

  test("may be run by several at once", () => {
    const [alone, together] = after(
      [wanted],
      "want 0; run",
      "run remove; run & a=$!; run & b=$!; run & wait $! && wait $a && wait $b",
    );
    expect(together).toBe(alone);
  });

  test("leaves nothing after a run that was killed and an end", () => {
    const [, none] = after(
      [wanted],
      "want 0; run",
      "run remove; cp RUN RUN.whole; sed -i 's/^    sync_rules/    [ $family = 4 ] || kill -9 $$; sync_rules/' RUN; run || :; cp RUN.whole RUN; forget; run",
    );
    expect(none).toBe("");
  });

  test("sends to the internet ahead of the main table while that refuses the internet over IPv6, and no longer", () => {
    const [none, refused, kept, way, again, end] = after(
      [wanted],
      "want 0; run",
      "ip -6 route add unreachable default metric 4294967295; ip -6 route add 2001:db8:aa::/64 dev other; run",
      "run",
      "ip link add line type veth peer name far; ip link set line up; ip link set far up; ip -6 route add default dev line; run",
      "ip -6 route delete default dev line; forget; run",
      "run",
    );
    const ours = rulesOf(none ?? "");
    const ipv4 = ours.findIndex((rule) => rule.includes("prefixlength 2")) + 1;
    expect(rulesOf(refused ?? "").slice(ipv4)).toEqual([
      ...ours.slice(ipv4, ipv4 + 3),
      "0:	from all to 2001:db8:aa::/64 lookup main",
      "0:	from all to 2000::/3 fwmark 0x7a lookup 18546",
      "0:	from all fwmark 0x7a lookup main suppress_prefixlength 4",
      "0:	from fd77::304 to 2000::/3 lookup 18546",
      "0:	from fd77::304 lookup main suppress_prefixlength 4",
      "0:	from all to 2000::/3 iif lo ipproto udp sport 64738 lookup 18546",
      ...ours.slice(-1),
    ]);
    expect(rulesOf(kept ?? "")).toEqual(rulesOf(refused ?? ""));
    expect(rulesOf(way ?? "")).toEqual(rulesOf(none ?? ""));
    expect([again, end].map((text) => rulesOf(text ?? ""))).toEqual([[], []]);
  });

  test("needs no name of a protocol, which a small system does not know", () => {
    expect(wanted).toMatch(/ipproto 17 sport 64738/);
    expect(wanted).not.toContain("ipproto udp");
  });
});

describe("when our numbers are others than before", () => {
  const other = onRelay
    .replace("table 18546", "table 7")
    .replaceAll("priority 5188", "priority 6001")
    .replaceAll("lookup 18546", "lookup 7");
  const moved = everything.replaceAll("5188:", "6001:").replaceAll("lookup 18546", "lookup 7");

  test("what stands under the old ones goes, and comes back with them", () => {
    expect(after([onRelay, other], "want 0; run", "want 1; run", "want 0; run", "run remove")).toEqual([
      everything,
      moved,
      everything,
      "",
    ]);
  });

  test("a file that does not say which they are changes nothing", () => {
    const nameless = onRelay.replace(/^table.*\n/m, "");
    expect(() => after([onRelay, nameless], "want 0; run; want 1; run")).toThrow(
      /routes does not say which table is ours/,
    );
    expect(after([onRelay, nameless], "want 0; run; want 1; ! run 2>/dev/null")).toEqual([everything]);
  });
});
