import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { renderRoutes } from "../../../components/home/routes.ts";
import { parseForward } from "../../../components/network/forward.ts";
import { renderDeviceRoutes } from "../../../components/tunnel/peers.ts";
import { devices, laptop, phone, prefixes } from "../../unit/generators/devices.ts";
import { nas, nasForwards } from "../../unit/generators/examples.ts";
import { runTool } from "../tool.ts";

const script = join(__dirname, "../../../components/tunnel/sync-routes.sh");

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
  // The same script with its files in a place of the test's own, and beside what it reads.
  const text = readFileSync(script, "utf8")
    .replace("wanted=/etc/homerelay/routes", `wanted=${folder}/routes`)
    .replace("in_force=/run/homerelay-routes", `in_force=${folder}/in-force`)
    .replace("/usr/local/lib/homerelay/", `${dirname(script)}/`);
  writeFileSync(join(folder, "run.sh"), text);
  const show = [
    "ip link add homerelay type veth peer name other; ip link set other up; ip link set homerelay up",
    `run() { bash ${folder}/run.sh "$@"; }; want() { cp ${folder}/$1 ${folder}/routes; }; forget() { rm ${folder}/routes; }`,
    "show() { for family in 4 6; do ip -$family rule show | grep -v -e '^0:' -e '^3276' || :; for table in 18546 7; do ip -$family route show table $table 2>/dev/null || :; done; done; echo =; }",
    ...steps.map((step) => `${step}; show`),
  ].join("\n");
  const namespace = process.getuid?.() === 0 ? ["--net"] : ["--user", "--map-root-user", "--net"];
  return runTool("util-linux iproute2", "unshare", [...namespace, "bash", "-ec", show])
    .split("=\n")
    .slice(0, -1)
    .map((one) => one.replaceAll(/ +$/gm, ""));
}

const onRelay = renderDeviceRoutes(devices, prefixes);
const everything = `\
5188:	from 10.77.11.12 lookup 18546
5188:	from 10.77.9.10 lookup 18546
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
      "want 0; run; ip rule delete from 10.77.9.10; ip route delete default table 18546; ip rule add priority 5190 from 10.9.9.9 lookup main; ip rule add priority 100 from 10.1.1.1 lookup main; ip link add mine type veth peer name yours; ip link set mine up; ip link set yours up; ip route add 10.5.0.0/16 dev mine table 18546; run",
    ).map((text) =>
      text
        .replace("100:	from 10.1.1.1 lookup main\n", "my rule\n")
        .replace("10.5.0.0/16 dev mine scope link\n", "my route\n"),
    ),
  ).toEqual([`my rule\n${everything.replace("default dev homerelay scope link\n", "$&my route\n")}`]);
});

describe("at a home", () => {
  const wanted = renderRoutes(nas, nasForwards);
  const rulesOf = (text: string) => text.split("\n").filter((line) => /^\d+:/.test(line));

  test("sets every rule in the words in which the kernel shows it, so that a second run has nothing to do", () => {
    const [first = "", second] = after([wanted], "want 0; run", "run");
    expect(second).toBe(first);
    const rules = wanted.split("\n").filter((line) => line.includes(" rule "));
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
    expect(rulesOf(some)).toEqual(rulesOf(all).filter((rule) => /^518[0-3]:/.test(rule)));
    expect(none).toBe("");
  });
});

describe("when our numbers are others than before", () => {
  const other = onRelay
    .replace("table 18546\npriorities 5180-5199", "table 7\npriorities 6000-6010")
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
    const nameless = onRelay.replace(/^priorities.*\n/m, "");
    expect(() => after([onRelay, nameless], "want 0; run; want 1; run")).toThrow(
      /routes does not say which rules are ours/,
    );
    expect(after([onRelay, nameless], "want 0; run; want 1; ! run 2>/dev/null")).toEqual([everything]);
  });
});
