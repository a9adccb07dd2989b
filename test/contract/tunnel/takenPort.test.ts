/** sync-interface.sh with a WireGuard that runs as a program, in a network of its own: a change of the tunnel's port. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { apart } from "../world/namespaces.ts";

const components = join(__dirname, "../../../components");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-port-"));
  const script = readFileSync(join(components, "tunnel/sync-interface.sh"), "utf8")
    .replaceAll("/usr/local/lib/homerelay/set-address6.sh", "true")
    .replaceAll("/usr/local/lib/homerelay/", `${components}/host/`)
    .replaceAll("/etc/wireguard", `${folder}/wireguard`);
  writeFileSync(join(folder, "sync-interface.sh"), script);
  mkdirSync(join(folder, "tools"));
  writeFileSync(join(folder, "tools/systemctl"), "#!/bin/sh\n", { mode: 0o755 });
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A tunnel that works at port 51820 is to listen at another one; `hold` has that, and `between` runs before it is tried. */
function moveTo(
  port: number,
  { hold = "", between = "" },
): { readonly status: number | null; readonly said: string[] } {
  const lines = `set -euo pipefail; umask 077; exec 2>&1
    ip link set lo up
    interface=homerelay keys=${folder} unproven=${folder}/unproven etc=${folder}
    . ${components}/host/messages.sh; . ${components}/host/files.sh; . ${folder}/sync-interface.sh
    command -v wireguard-go >/dev/null || die "wireguard-go is not on this machine; install it: apt-get install wireguard-go"
    wireguard-go $interface >/dev/null 2>&1
    wg genkey >$keys/private
    wg set $interface listen-port 51820 private-key $keys/private
    ip link set $interface up
    mkdir -p ${folder}/wireguard
    printf '[Interface]\\nAddress = 10.77.0.1/16\\nListenPort = %s\\nPrivateKey = key:private\\nMTU = 1420\\n' ${port} >${folder}/document
    ${between}
    ${hold}
    trap 'echo "listens at $(wg show $interface listen-port)"' EXIT
    sync_interface ${folder}/document`;
  const { error, status, stdout } = spawnSync("unshare", [...apart, "bash", "-c", lines], {
    encoding: "utf8",
    timeout: 60_000,
    env: { PATH: `${folder}/tools:/usr/sbin:/usr/bin:/sbin:/bin` },
  });
  if (error) throw error;
  return { status, said: stdout.split("\n").filter((line) => line !== "") };
}

const program = `import socket, time; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", 51999)); print(flush=True); time.sleep(30)`;
const hold = `exec 5< <(exec python3 -c '${program}'); read -r <&5`;

test("a port that is free is taken", () => {
  expect(moveTo(51999, {})).toEqual({
    status: 0,
    said: ["tunnel interface homerelay brought in line", "listens at 51999"],
  });
});

test("a port that a program has is named with it, and the tunnel goes on at the one before", () => {
  const { status, said } = moveTo(51999, { hold });
  expect([status, said]).toEqual([
    1,
    [
      expect.stringMatching(
        /^UDP port 51999, where WireGuard is to listen, is taken: python3?\S* \(process \d+\) has it\. The tunnel is left as it was\.$/,
      ),
      "End that, or set another home-relay:tunnel.listenPort in the stack file; then run the same command again",
      "listens at 51820",
    ],
  ]);
});

test("a port that is taken in the last moment leaves the tunnel at the one before", () => {
  const { status, said } = moveTo(51999, { hold, between: "port_holder() { :; }" });
  expect([status, said.slice(-2)]).toEqual([
    1,
    [
      "WireGuard does not take the configuration; the tunnel listens at port 51820, as before",
      "listens at 51820",
    ],
  ]);
});
