/** The last act on a host: the uninstall scripts themselves. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { cleanWhereNeeded } from "../../../components/host/explainCleaning.ts";
import { uninstallParts } from "../../../components/host/scriptParts.ts";
import { BareHost } from "./bareHost.ts";
import type { Ended } from "./bareHost.ts";

const id = "0123456789abcdef";
const units = "/etc/systemd/system";
const timers = ["homerelay-endpoints.timer", "homerelay-old-things.timer"];
const services = [
  "homerelay-endpoints.service",
  "homerelay-firewall.service",
  "homerelay-old-things.service",
];

let host: BareHost;
beforeEach(() => {
  host = new BareHost();
  host.stub("nft");
  host.write("/etc/homerelay/owner", `id ${id}\nstack home-relay/test\nhost Relay\n`);
  host.write("/usr/local/lib/homerelay/begin-step.sh", "#!/bin/bash\n");
  host.write(`${units}/somebody-else.timer`, "[Timer]\n");
});
afterEach(() => host.remove());

function uninstall(kind: "home" | "relay", name = "Relay", stackId = id): Ended {
  const script = [...uninstallParts, `${kind}/uninstall-${kind}.sh`]
    .map((part) => readFileSync(join(__dirname, "../../../components", part), "utf8"))
    .join("");
  return host.run(["bash", "-s", stackId, name], script);
}

/** The units that were stopped, in their order. */
function stopped(): string[] {
  return host.calls().flatMap((call) => /^systemctl disable --now --quiet (.*)$/.exec(call)?.[1] ?? []);
}

describe.each(["home", "relay"] as const)("a %s that is uninstalled", (kind) => {
  const all = [...timers, "wg-quick@homerelay.service", ...services];

  test("has each unit on its list stopped: what starts others first, then the tunnel, then its firewall", () => {
    // Somebody has taken the files away meanwhile.
    const list = [...services, ...timers].map((unit) => `file ${units}/${unit}\n`).join("");
    host.write(
      "/etc/homerelay/installed",
      `package nft nftables\n${list}file ${units}/homerelay-firewall.service.d/relay.conf\nfile ${units}/somebody-else.timer\n`,
    );
    expect(uninstall(kind)).toEqual({ status: 0, said: "nothing of home-relay is left here\n" });
    expect(stopped()).toEqual(all);
  });

  test("has the units that lie there stopped where there is no list, and nothing but another one's is left", () => {
    for (const unit of [...services, ...timers]) host.write(`${units}/${unit}`, "[Unit]\n");
    host.write(`${units}/homerelay-firewall.service.d/relay.conf`, "[Service]\n");
    expect(uninstall(kind).status).toBe(0);
    expect(stopped()).toEqual(all);
    expect(host.files()).toEqual([`${units}/somebody-else.timer`]);
  });

  test("whose tunnel's next configuration was refused, or cut off before it was moved into place, keeps nothing of it", () => {
    host.write("/etc/wireguard/homerelay.next/homerelay.conf", "[Interface]\n");
    host.write("/etc/wireguard/homerelay.conf.next", "[Interface]\n");
    expect(uninstall(kind)).toEqual({ status: 0, said: "nothing of home-relay is left here\n" });
    expect(host.files()).toEqual([`${units}/somebody-else.timer`]);
  });

  test("may be uninstalled twice", () => {
    uninstall(kind);
    host.calls();
    expect(uninstall(kind)).toEqual({ status: 0, said: "nothing of home-relay is left here\n" });
    expect(stopped()).toEqual(["wg-quick@homerelay.service"]);
  });

  test("is left alone when it is something else to the stack by now", () => {
    const before = host.files();
    expect(uninstall(kind, "relay")).toEqual({
      status: 0,
      said: "this host goes on as Relay; nothing was touched\n",
    });
    expect([host.files(), host.calls()]).toEqual([before, []]);
  });

  test("is left alone when it is another stack's", () => {
    const before = host.files();
    expect(uninstall(kind, "Relay", "fedcba9876543210")).toEqual({
      status: 0,
      said: "this host belongs to another stack, home-relay/test, which calls it Relay; nothing was touched\n",
    });
    expect([host.files(), host.calls()]).toEqual([before, []]);
  });
});

describe("a host is cleaned over a connection", () => {
  const clean = (command: string) => host.run(["sh", "-c", cleanWhereNeeded(command)], "echo cleaned\n");
  const forget = () => {
    for (const path of ["etc/homerelay", "usr/local/lib/homerelay"])
      rmSync(join(host.root, path), { recursive: true });
  };

  test("where there is anything of ours, whatever else is gone", () => {
    expect(clean("bash -s")).toEqual({ status: 0, said: "cleaned\n" });
    forget();
    for (const path of [
      ...["/etc/homerelay/keys/private", "/usr/local/lib/homerelay/a.sh", "/var/lib/homerelay/endpoints"],
      ...[
        `${units}/homerelay-firewall.service`,
        "/etc/wireguard/homerelay.conf",
        "/etc/sysctl.d/60-homerelay.conf",
      ],
    ]) {
      host.write(path, "");
      expect([path, clean("bash -s").said]).toEqual([path, "cleaned\n"]);
      rmSync(join(host.root, path.replace(/(\/homerelay)\/.*/, "$1")), { recursive: true });
    }
  });

  test("and where there is nothing, since it was refused, it takes neither bash nor sudo to say so", () => {
    forget();
    expect(clean("sudo-that-asks bash -s")).toEqual({ status: 0, said: "nothing of home-relay is there\n" });
  });
});
