/** What mends the tunnel's unit and interface, where somebody else is at work on them as well. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { MendedHost } from "../host/mendedHost.ts";

let host: MendedHost;
beforeEach(() => {
  host = new MendedHost(mkdtempSync(join(tmpdir(), "home-relay-interface-")), ["tunnel/mend-interface.sh"]);
  host.write("wireguard/homerelay.conf", "[Interface]\nAddress = 10.77.0.2/16\nMTU = 1420\n");
  host.write("lib/set-address6.sh", "#!/bin/bash\n", 0o755);
  host.program("ip", `echo "ip $*" >>${host.folder}/told`);
});
afterEach(() => rmSync(host.folder, { recursive: true }));

/** What systemd and the kernel are told where the unit was stopped at the look, and is `state` when it is mended. */
function mendWhere(state: string): string[] {
  host.program(
    "systemctl",
    `case $1 in
      show) printf 'Id=wg-quick@homerelay.service\\nActiveState=inactive\\nUnitFileState=enabled\\n' ;;
      is-active) case $* in *--quiet*) exit 3 ;; *) echo ${state}; exit 3 ;; esac ;;
      is-enabled) echo enabled ;;
      *) echo "systemctl $*" >>${host.folder}/told ;;
    esac`,
  );
  return host
    .run(`mend watch >/dev/null; cat ${host.folder}/told 2>/dev/null || :`)
    .split("\n")
    .filter((line) => line !== "");
}

test("a tunnel that is down is started, and an interface that its unit does not know of is out of its way", () => {
  expect(mendWhere("inactive")).toEqual(
    expect.arrayContaining(["ip link delete dev homerelay", "systemctl start wg-quick@homerelay.service"]),
  );
});

test.each(["activating", "deactivating", "reloading"])(
  "nothing is done where somebody has it %s by then: it would be called off",
  (state) => {
    expect(mendWhere(state)).toEqual([]);
  },
);
