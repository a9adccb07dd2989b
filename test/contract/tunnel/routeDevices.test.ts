import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { renderDeviceRoutes } from "../../../components/tunnel/peers.ts";
import { devices, laptop, phone, prefixes } from "../../unit/generators/devices.ts";
import { runTool } from "../tool.ts";

const script = join(__dirname, "../../../components/tunnel/route-devices.sh");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-routes-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What is there beside the kernel's own after each line of shell, `run` standing for the script. */
function after(wanted: readonly string[], ...steps: readonly string[]): string[] {
  wanted.forEach((text, i) => writeFileSync(join(folder, `${i}`), text));
  // The same script with its file in a place of the test's own, and beside what it reads.
  const text = readFileSync(script, "utf8")
    .replace("wanted=/etc/homerelay/routes", `wanted=${folder}/routes`)
    .replace("/usr/local/lib/homerelay/", `${dirname(script)}/`);
  writeFileSync(join(folder, "run.sh"), text);
  const show = [
    "ip link add homerelay type veth peer name other; ip link set other up; ip link set homerelay up",
    `run() { bash ${folder}/run.sh "$@"; }; want() { cp ${folder}/$1 ${folder}/routes; }; forget() { rm ${folder}/routes; }`,
    "show() { for family in 4 6; do ip -$family rule show | grep -v -e '^0:' -e '^3276' || :; ip -$family route show table 51820 2>/dev/null || :; done; echo =; }",
    ...steps.map((step) => `${step}; show`),
  ].join("\n");
  const namespace = process.getuid?.() === 0 ? ["--net"] : ["--user", "--map-root-user", "--net"];
  return runTool("util-linux iproute2", "unshare", [...namespace, "bash", "-ec", show])
    .split("=\n")
    .slice(0, -1)
    .map((one) => one.replaceAll(/ +$/gm, ""));
}

const everything = `\
5186:	from 10.77.11.12 lookup 51820
5186:	from 10.77.9.10 lookup 51820
default dev homerelay scope link
10.77.0.0/16 dev homerelay scope link
192.168.1.0/24 dev homerelay scope link
5186:	from fd77::b0c lookup 51820
fd77::/64 dev homerelay metric 1024 pref medium
default dev homerelay metric 1024 pref medium
`;

test("sets what is wanted, once; takes away what no longer is; and all of it at the end", () => {
  const some = renderDeviceRoutes([phone, laptop], prefixes);
  expect(
    after(
      [renderDeviceRoutes(devices, prefixes), some, ""],
      ...["want 0; run", "run", "want 1; run", "want 2; run", "want 0; run; run remove", "forget; run"],
    ),
  ).toEqual([
    everything,
    everything,
    `\
5186:	from 10.77.9.10 lookup 51820
10.77.0.0/16 dev homerelay scope link
192.168.1.0/24 dev homerelay scope link
`,
    "",
    "",
    "",
  ]);
});

test("where IPv6 is switched off, before or since, the ways of IPv4 alone are there, and go", () => {
  const off = "sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.homerelay.disable_ipv6=1";
  const wanted = renderDeviceRoutes(devices, prefixes);
  const ipv4 = everything.replaceAll(/^.* pref medium\n|^.*fd77::b0c.*\n/gm, "");
  expect(after([wanted], `${off}; want 0; run`, "run remove")).toEqual([ipv4, ""]);
  expect(after([wanted], `want 0; run; ${off}; run`, "run remove")).toEqual([ipv4, ""]);
});

test("mends what somebody took away or added by hand, and leaves rules of others alone", () => {
  expect(
    after(
      [renderDeviceRoutes(devices, prefixes)],
      "want 0; run; ip rule delete from 10.77.9.10; ip route delete default table 51820; ip rule add priority 5190 from 10.9.9.9 lookup main; ip rule add priority 100 from 10.1.1.1 lookup main; run",
    ).map((text) => text.replace("100:	from 10.1.1.1 lookup main\n", "mine\n")),
  ).toEqual([`mine\n${everything}`]);
});
