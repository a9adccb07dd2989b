import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { asRoot, runTool } from "../tool.ts";

test("those who answer for a name are asked before those who remember, and who answers for nothing is told from silence", () => {
  const folder = mkdtempSync(join(tmpdir(), "home-relay-dns-"));
  try {
    writeFileSync(join(folder, "resolv.conf"), "nameserver 127.0.0.1\n");
    const script = `ip link set lo up
      mount --bind ${folder}/resolv.conf "$(readlink -f /etc/resolv.conf)"
      exec ${process.execPath} --disable-warning=ExperimentalWarning ${join(__dirname, "ask.ts")}`;
    const said = runTool("util-linux iproute2", "unshare", [
      ...asRoot,
      ...["--net", "--mount", "bash", "-ec", script],
    ]);
    expect(JSON.parse(said)).toEqual({
      zone: ["helium.ns.hetzner.de", "hydrogen.ns.hetzner.com", "oxygen.ns.hetzner.com"],
      nobodys: [],
      fresh: ["203.0.113.5", "2001:db8:77::1"],
      remembered: ["2001:db8::9"],
      nowhere: [],
      silent: "ECONNREFUSED",
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
