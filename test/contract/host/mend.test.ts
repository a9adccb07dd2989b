import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { asRoot } from "../tool.ts";
import { MendedHost } from "./mendedHost.ts";

let host: MendedHost;
beforeEach(() => {
  host = new MendedHost(mkdtempSync(join(tmpdir(), "home-relay-mend-")), []);
});
afterEach(() => rmSync(host.folder, { recursive: true }));

/** A part that looks after a file. */
const lamp = (name: string, mend = 'touch "$lamp"') => `
  lamp=/run/homerelay-${name}
  look() { [ -e "$lamp" ] || differs unit ${name} missing there; }
  mend() { ${mend}; }`;

const out = "rm -f /run/homerelay-first";
const isBack = "first was missing, and is there again\n";

describe("what somebody took away", () => {
  beforeEach(() => host.write("lib/mend/10-first.sh", lamp("first")));

  test("is named by a look, which changes nothing", () => {
    expect(host.run("mend look; mend look")).toBe("unit\tfirst\tmissing\tthere\n".repeat(2));
  });

  test("is back, with a line on what it was", () => {
    expect(host.run("mend mend; mend look; mend watch")).toBe(isBack);
  });

  test("by hand is said each time; by the timer once, then with how often it was", () => {
    expect(host.run(`mend mend; ${out}; mend mend`)).toBe(isBack + isBack);
    const hourAgo =
      'for told in /run/homerelay-mended/*; do sed -i "s/^[0-9]*/$(($(date +%s) - 3700))/" "$told"; done';
    expect(host.run(`for i in 1 2 3 4; do ${out}; mend watch; done; ${hourAgo}; ${out}; mend watch`)).toBe(
      isBack + isBack.replace("\n", " (and 3 times more since this was last said)\n"),
    );
  });

  test("all day long is said a few times, however often it is", () => {
    host.program("date", "cat /run/homerelay-clock");
    const lines = host.run(
      `for hour in $(seq 0 23); do for minute in 0 20 40; do
        echo $((1000000 + hour * 3600 + minute * 60)) >/run/homerelay-clock; ${out}; mend watch
      done; done`,
    );
    expect(lines.trim().split("\n").length).toBeLessThan(7);
  });

  test("is left to a step that is at work, but not by the step itself", () => {
    const held = "exec 9</run/homerelay.lock; flock 9;";
    expect(host.run(`: >/run/homerelay.lock; (${held} mend watch 9>&-; mend look; mend mend)`)).toBe(
      `unit\tfirst\tmissing\tthere\n${isBack}`,
    );
  });
});

test("what cannot be mended is said with what to do, and once", () => {
  host.write("lib/mend/10-first.sh", lamp("first", "echo no oil; false"));
  const said = `first is missing, not there, and this host could not mend it: no oil.
Set it up again: run pulumi up (at a home that is set up by hand, its script with install)\n`;
  expect(host.run("mend watch; mend watch; mend mend || echo $?")).toBe(`${said}${said}1\n`);
});

test.each([
  [1, "first is missing, not there", "second was missing"],
  [2, "first is missing, not there", undefined],
])("with exit code %i, what comes behind it is mended or left", (code, first, second) => {
  host.write("lib/mend/10-first.sh", lamp("first", `return ${code}`));
  host.write("lib/mend/20-second.sh", lamp("second"));
  const said = host.run("mend mend || :");
  expect(said).toContain(first);
  expect(/second was missing/.exec(said)?.[0]).toBe(second);
});

test("settings of the kernel are compared as what they say", () => {
  host.install("host/kernel-settings.sh", "lib/kernel-settings.sh");
  host.install("host/mend-settings.sh", "lib/mend/20-settings.sh");
  host.write(
    "etc/60-homerelay.conf",
    "# Written by home-relay.\nnet.ipv4.conf.all.src_valid_mark=1\nnet.ipv4.ip_local_reserved_ports=81,80,90-92\n-net.no.such=1\n",
  );
  const apart = ["unshare", ...asRoot, "--net"];
  expect(
    host.run(
      "echo 80-81,90-92 >/proc/sys/net/ipv4/ip_local_reserved_ports; mend look; mend watch; mend look; cat /proc/sys/net/ipv4/conf/all/src_valid_mark",
      apart,
    ),
  ).toBe(
    "setting\tnet.ipv4.conf.all.src_valid_mark\t0\t1\nnet.ipv4.conf.all.src_valid_mark was 0, and is 1 again\n1\n",
  );
});
