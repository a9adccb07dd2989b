/** What a relay remembers of its month's traffic, whatever its counters do. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { runTool } from "../tool.ts";

const components = join(__dirname, "../../../components");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-traffic-"));
  for (const name of ["bin", "eth0/statistics", "eth1/statistics", "homerelay/statistics"])
    mkdirSync(join(folder, name), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Moment {
  /** @example 2026-11-12T00:00:00Z */
  readonly at: string;
  /** Bytes since the boot. */
  readonly received: number;
  readonly sent: number;
  /** @default the same as ever */
  readonly boot?: string;
  readonly upSeconds?: number;
}

const seconds = (at: string) => Date.parse(at) / 1000;

/** Runs the script on a machine that goes out by `eth0` over both families. */
function run(
  verb: "save" | "show",
  { at, received, sent, boot = "first", upSeconds = 3600 }: Moment,
): string {
  const write = (name: string, text: string, mode = 0o644) =>
    writeFileSync(join(folder, name), text, { mode });
  write("eth0/statistics/rx_bytes", `${received}\n`);
  write("eth0/statistics/tx_bytes", `${sent}\n`);
  for (const name of ["eth1", "homerelay"])
    for (const counter of ["rx_bytes", "tx_bytes"]) write(`${name}/statistics/${counter}`, "999999\n");
  write("boot_id", `${boot}\n`);
  write("uptime", `${upSeconds}.25 1.0\n`);
  write(
    "bin/ip",
    `#!/bin/sh\necho "default via 192.0.2.1 dev eth0 proto dhcp"; echo "default dev homerelay"\n`,
    0o755,
  );
  const clock = `case "$*" in "+%s") echo ${seconds(at)} ;; "-u +%Y-%m") exec /bin/date -u -d @${seconds(at)} +%Y-%m ;; *) exec /bin/date "$@" ;; esac`;
  write("bin/date", `#!/bin/sh\n${clock}\n`, 0o755);
  const script = readFileSync(join(components, "status/remember-traffic.sh"), "utf8")
    .replace("memory=/var/lib/homerelay/", `memory=${folder}/state/`)
    .replaceAll("/sys/class/net/", `${folder}/`)
    .replaceAll("/proc/sys/kernel/random/", `${folder}/`)
    .replaceAll("/proc/uptime", `${folder}/uptime`)
    .replaceAll("/usr/local/lib/homerelay/", `${components}/host/`);
  write("run.sh", script);
  return runTool("bash", "bash", [
    "-c",
    `PATH="${folder}/bin:$PATH" exec bash ${folder}/run.sh ${verb}`,
  ]).trim();
}

const memory = () => readFileSync(join(folder, "state/traffic"), "utf8");
const november = "2026-11-12T10:00:00Z";

test("what passed before a reboot counts with what passed after it", () => {
  run("save", { at: november, received: 1000, sent: 5000 });
  run("save", { at: "2026-11-12T11:00:00Z", received: 1500, sent: 6000 });
  run("save", { at: "2026-11-13T10:00:00Z", received: 70, sent: 80, boot: "second" });
  expect(run("show", { at: "2026-11-13T10:01:00Z", received: 100, sent: 100, boot: "second" })).toBe(
    `2026-11 ${seconds(november) - 3600} 1600 6100`,
  );
});

test("the first of a month begins at nothing, and shows since when", () => {
  run("save", { at: "2026-11-30T23:58:00Z", received: 1000, sent: 5000 });
  expect(run("show", { at: "2026-12-01T00:03:00Z", received: 1200, sent: 5500 })).toBe(
    `2026-12 ${seconds("2026-12-01T00:00:00Z")} 200 500`,
  );
});

test("of a machine that has been up since another month only what comes counts", () => {
  const moment = { at: november, received: 1000, sent: 5000, upSeconds: 30 * 86_400 };
  run("save", moment);
  expect(run("show", { ...moment, received: 1001, sent: 5002 })).toBe(`2026-11 ${seconds(november)} 1 2`);
});

test("a clock that is set back over the end of a month loses nothing, and one that was in another year does not stay there", () => {
  run("save", { at: "2026-11-30T23:58:00Z", received: 0, sent: 0 });
  run("save", { at: "2026-12-01T00:10:00Z", received: 10, sent: 10 });
  expect(run("show", { at: "2026-11-30T23:20:00Z", received: 15, sent: 15 })).toMatch(/^2026-12 \d+ 15 15$/);
  run("save", { at: "2031-01-05T00:00:00Z", received: 20, sent: 20 });
  expect(run("show", { at: november, received: 25, sent: 25 })).toBe(
    `2026-11 ${seconds("2026-11-01T00:00:00Z")} 5 5`,
  );
});

test.each([
  "",
  "month 2026-11\n",
  "month 2026-11\nsince x\nreceived -1\nsent 1\nboot first\nseen_received 1\nseen_sent a[$(id)]\n",
])("a memory that is damaged is as none: %j", (text) => {
  mkdirSync(join(folder, "state"));
  writeFileSync(join(folder, "state/traffic"), text);
  expect(run("show", { at: november, received: 3, sent: 4 })).toBe(`2026-11 ${seconds(november) - 3600} 3 4`);
});

test("the file says what it is", () => {
  run("save", { at: november, received: 1000, sent: 5000 });
  expect(`\n${memory()}`).toMatchInlineSnapshot(`
    "
    # What this machine has received and sent in a month (UTC), in bytes, since SINCE (seconds since 1970). SEEN_RECEIVED and
    # SEEN_SENT are the counters of the kernel at that time, in the boot named by BOOT: they begin anew at each. Written by
    # remember-traffic.sh, FIELD VALUE a line.
    month 2026-11
    since 1794474000
    received 1000
    sent 5000
    boot first
    seen_received 1000
    seen_sent 5000
    "
  `);
});
