import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { renderGuard } from "../../../components/home/guard.ts";
import { nas, nasForwards, optionedForwards, relay } from "../../unit/generators/examples.ts";
import { runTool } from "../tool.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-arrivals-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("the proof counts, in the guard as it is loaded, new connections to forwards of either kind", () => {
  const script = readFileSync(join(__dirname, "../../../components/reachability/prove-forwards.sh"), "utf8");
  const arrivals = /^arrivals\(\) \{\n[^]*?^\}$/m.exec(script)?.[0] ?? "";
  const guard = renderGuard({ home: nas, relay, forwards: [...nasForwards, ...optionedForwards] });
  writeFileSync(join(folder, "guard"), guard);
  // What counts is the rules' matter; here a rule of the test's own counts what the machine sends itself.
  const lines = `
    set -euo pipefail
    ${arrivals}
    nft -f ${folder}/guard
    arrivals
    ip link set lo up
    nft add chain inet homerelay test '{ type filter hook output priority 0; }'
    nft add rule inet homerelay test udp dport 9 counter name forwarded_arrivals
    for _ in 1 2 3; do printf x >/dev/udp/127.0.0.1/9 || :; done 2>/dev/null
    arrivals`;
  const namespace = process.getuid?.() === 0 ? ["--net"] : ["--user", "--map-root-user", "--net"];
  expect(runTool("util-linux nftables", "unshare", [...namespace, "bash", "-c", lines])).toBe("0\n3\n");
  const counting = guard.split("\n").filter((line) => line.includes("counter name forwarded_arrivals"));
  expect(counting.map((line) => /@(open|lan_open) /.exec(line)?.[1])).toEqual([
    "open",
    "lan_open",
    "open",
    "lan_open",
  ]);
});
