import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { MendedHost } from "../host/mendedHost.ts";

let host: MendedHost;
afterEach(() => rmSync(host.folder, { recursive: true }));

/** A host with an interface, and a `wg` that shows what lies in `live` and notes what it is told. */
function raise(part: string, scripts: readonly string[] = []): void {
  host = new MendedHost(mkdtempSync(join(tmpdir(), "home-relay-peers-")), [part], scripts);
  mkdirSync(join(host.folder, "interface"));
  host.program(
    "wg",
    `case $1 in show*) cat ${host.folder}/live ;; *) echo "$@" >>${host.folder}/told ;; esac`,
  );
  host.program("wg-quick", `grep -v '^Address\\|^MTU\\|^Table' ${host.folder}/wireguard/homerelay.conf`);
  host.program("ping", `exec cat ${host.folder}/answers`);
}

const told = () => host.run(`cat ${host.folder}/told 2>/dev/null || :`);

describe("WireGuard itself", () => {
  const wanted = `[Interface]
Address = 10.77.0.1/16
ListenPort = 51820
PrivateKey = private+/=
MTU = 1420
Table = off

# nas
[Peer]
PublicKey = nas+/=
PresharedKey = shared=
AllowedIPs = 10.77.3.4/32, fd77::304/128

# phone, a device
[Peer]
PublicKey = phone=
PresharedKey = other=
AllowedIPs = 10.77.5.6/32
`;
  const live = `[Interface]
ListenPort = 51820
PrivateKey = private+/=

[Peer]
PublicKey = phone=
PresharedKey = other=
AllowedIPs = 10.77.5.6/32
Endpoint = 203.0.113.9:1

[Peer]
PublicKey = nas+/=
PresharedKey = shared=
AllowedIPs = fd77::304/128, 10.77.3.4/32
Endpoint = 203.0.113.5:4000
PersistentKeepalive = 5
`;
  beforeEach(() => {
    raise("tunnel/mend-peers.sh");
    host.write("wireguard/homerelay.conf", wanted);
    host.write("etc/homes", "nas+/= 5\n");
  });

  const look = (text: string) => {
    host.write("live", text);
    return host.run("mend look").split("\n").filter(Boolean).sort();
  };

  test("is as it should be, wherever its peers are", () => {
    expect(look(live)).toEqual([]);
    expect(look(live.replace("PersistentKeepalive = 5\n", ""))).toEqual([]);
  });

  test.each([
    [
      "a peer that is gone",
      live.replace(/\[Peer\]\nPublicKey = phone=[^[]*/, ""),
      "peer\tpeer phone=\tmissing\tthere",
    ],
    ["a peer too many", `${live}\n[Peer]\nPublicKey = more=\n`, "peer\tpeer more=\tthere\tmissing"],
    [
      "addresses of a peer",
      live.replace("fd77::304/128, ", ""),
      "peer\tallowed IPs of peer nas+/=\t10.77.3.4/32\t10.77.3.4/32, fd77::304/128",
    ],
    ["another port", live.replace("51820", "7"), "peer\tport of the tunnel\t7\t51820"],
    ["a mark", live.replace("Priv", "FwMark = 0x1\nPriv"), "peer\tmark of the tunnel\t0x1\tnone"],
    ["how often a home is called", live.replace("= 5\n", "= 9\n"), "peer\tkeepalive of peer nas+/=\t9\t5"],
  ])("is another by %s", (_, text, line) => {
    expect(look(text)).toEqual([line]);
  });

  test("is another by keys, of which nothing is shown", () => {
    const found = look(
      live
        .replace("private+/=", "secret")
        .replace("shared=", "hidden")
        .replace("PresharedKey = other=\n", ""),
    );
    expect(found).toEqual([
      "peer\tpreshared key of peer nas+/=\tanother\tthe stack's",
      "peer\tpreshared key of peer phone=\tmissing\tthe stack's",
      "peer\tprivate key of the tunnel\tanother\tthe stack's",
    ]);
  });

  test("at home is another where its relay's endpoint is, and not where that is a name", () => {
    const home = (endpoint: string) =>
      `[Interface]\nPrivateKey = a\nFwMark = 0x7B\n\n[Peer]\nPublicKey = relay=\nEndpoint = ${endpoint}\nPersistentKeepalive = 5\n`;
    const now = home("198.51.100.9:51820").replace("0x7B", "0x7b");
    host.write("wireguard/homerelay.conf", home("198.51.100.2:51820"));
    expect(look(now)).toEqual(["peer\tendpoint of peer relay=\t198.51.100.9:51820\t198.51.100.2:51820"]);
    host.write("wireguard/homerelay.conf", home("relay.example.org:51820"));
    expect(look(now)).toEqual([]);
  });
});

describe("a relay", () => {
  const dump = (endpoint: string, bytes: number, keepalive: string, handshake = 1700000000) =>
    `private\tpublic\t51820\toff\nnas=\tshared\t${endpoint}\t10.77.3.4/32\t${handshake}\t${bytes}\t7\t${keepalive}\n` +
    "phone=\t(none)\t203.0.113.9:1\t10.77.5.6/32\t1\t1\t7\toff\n";
  const at = (seconds: number, text: string) => {
    host.write("uptime", `${seconds}.25 1.0\n`);
    host.write("live", text);
    return host.run("mend watch");
  };
  beforeEach(() => {
    raise("tunnel/mend-homes.sh", ["tunnel/remember-endpoints.sh"]);
    // Of `wg show` the script asks for endpoints, the part for all.
    host.program(
      "wg",
      `case "$*" in *endpoints) awk -F '\\t' 'NR > 1 { print $1 "\\t" $3 }' ${host.folder}/live ;; show*) cat ${host.folder}/live ;; *) echo "$@" >>${host.folder}/told ;; esac`,
    );
    host.write("etc/homes", "nas= 5\n");
    host.write("wireguard/homerelay.conf", "[Interface]\nPrivateKey = a\n");
  });

  test("calls a home that it knows, and remembers where that is at once", () => {
    expect(at(100, dump("203.0.113.5:4000", 10, "off"))).toBe("");
    expect(told()).toBe("set homerelay peer nas= persistent-keepalive 5\n");
    expect(host.read("var/endpoints")).toBe("nas=\t203.0.113.5:4000\n");
    at(115, dump("203.0.113.6:4001", 20, "5"));
    expect(host.read("var/endpoints")).toBe("nas=\t203.0.113.6:4001\n");
  });

  test("does not call a stranger for ever who may be where a home was", () => {
    at(100, dump("203.0.113.5:4000", 10, "5"));
    expect(at(129, dump("203.0.113.5:4000", 10, "5"))).toBe("");
    const said = at(131, dump("203.0.113.5:4000", 10, "5"));
    expect(said).toBe(
      "the home with the public key nas= was not heard for 31 s; nothing is sent to 203.0.113.5:4000 any more until it calls\n",
    );
    expect(told()).toMatch(/^set homerelay peer nas= remove\nsyncconf homerelay \S+\n$/);
    expect([host.read("var/endpoints"), host.read("var/last-heard")]).toEqual(["", "nas=\t1700000000\n"]);
    expect(at(146, dump("(none)", 0, "off", 0))).toBe("");
  });

  test("whose home says something in between goes on calling it, whatever its clock says", () => {
    for (const [seconds, bytes] of [
      [100, 10],
      [129, 11],
      [158, 12],
      [187, 13],
    ] as const)
      expect(at(seconds, dump("203.0.113.5:4000", bytes, "5"))).toBe("");
    expect(told()).toBe("");
  });

  test("waits as long as for the slowest for a home that its owner set up, whatever the stack's number is", () => {
    host.write("etc/homes", "nas= 5 by-hand\n");
    at(100, dump("203.0.113.5:4000", 10, "5"));
    expect(at(459, dump("203.0.113.5:4000", 10, "5"))).toBe("");
    expect(at(460, dump("203.0.113.5:4000", 10, "5"))).toContain("was not heard for 360 s;");
  });

  test.each([
    ["stays shut to the outside while the last call of a home that it forgot is not long ago", 200, ""],
    [
      "opens to the outside when that is long ago",
      400,
      "the tunnel is down: SSH is open to the outside on port 22\n",
    ],
  ])("whose SSH goes through the tunnel %s", (_, seconds, said) => {
    const now = Math.floor(Date.now() / 1000);
    host.install("firewall/open-ssh-fallback.sh", "lib/open-ssh-fallback.sh");
    host.install("firewall/table.sh", "lib/table.sh");
    host.program("sshd", "echo port 22");
    host.program("nft", ":");
    at(100, dump("203.0.113.5:4000", 10, "5", now - seconds));
    at(130, dump("203.0.113.5:4000", 10, "5", now - seconds));
    host.program("wg", `printf 'nas=\\t0\\n'`);
    const fallback =
      "touch -d '1 hour ago' /run/homerelay-ssh-fallback; /usr/local/lib/homerelay/open-ssh-fallback.sh 300";
    expect(host.run(fallback)).toBe(said);
  });

  test("that has just started calls a home at each look until it answers, and not for ever", () => {
    host.write("var/endpoints", "nas=\t203.0.113.5:4000\n");
    const calls = () =>
      told().match(/^set homerelay peer nas= remove\nsyncconf homerelay \S+\n/gm)?.length ?? 0;
    const numbers = [2, 4, 6, 21, 30].map((seconds) => {
      at(seconds, dump("203.0.113.5:4000", 0, "5", 0));
      return calls();
    });
    expect(numbers).toEqual([1, 2, 3, 4, 4]);
    expect(host.read("var/endpoints")).toBe("nas=\t203.0.113.5:4000\n");
  });

  test("that has just started leaves a home in peace that answers, or calls from elsewhere", () => {
    host.write("var/endpoints", "nas=\t203.0.113.5:4000\n");
    at(2, dump("203.0.113.5:4000", 100, "5"));
    at(4, dump("203.0.113.6:4001", 0, "5", 0));
    expect(told()).toBe("");
  });

  test("waits longer for a home that says something less often", () => {
    host.write("etc/homes", "nas= 25\n");
    at(100, dump("203.0.113.5:4000", 10, "25"));
    expect(at(174, dump("203.0.113.5:4000", 10, "25"))).toBe("");
    expect(at(175, dump("203.0.113.5:4000", 10, "25"))).toContain("was not heard for 75 s;");
  });
});

describe("a home", () => {
  const conf = (endpoint: string) =>
    `[Interface]\nAddress = 10.77.3.4/16\nPrivateKey = a\n\n[Peer]\nPublicKey = relay=\nEndpoint = ${endpoint}\nPersistentKeepalive = 5\n`;
  const dump = (bytes: number, handshake = 1700000000) =>
    `private\tpublic\t1\toff\nrelay=\tshared\t198.51.100.2:51820\t0.0.0.0/0\t${handshake}\t${bytes}\t7\t5\n`;
  const at = (seconds: number, text: string) => {
    host.write("uptime", `${seconds}.25 1.0\n`);
    host.write("live", text);
    return host.run("mend watch");
  };
  const anew = /set homerelay peer relay= remove\nsyncconf homerelay \S+\n/g;
  const calls = () => {
    const found = told().match(anew)?.length ?? 0;
    const ports = told().match(/listen-port 0/g)?.length ?? 0;
    return [found, ports];
  };
  beforeEach(() => {
    raise("home/mend-handshake.sh");
    host.write("wireguard/homerelay.conf", conf("198.51.100.2:51820"));
    host.program("ip", ":");
  });

  test("whose relay is heard does nothing", () => {
    for (const seconds of [10, 25, 40, 55]) expect(at(seconds, dump(5_000_000_000 + seconds))).toBe("");
    expect(told()).toBe("");
  });

  test("whose relay answers, and sends nothing by itself, does nothing", () => {
    host.write("answers", "");
    for (const seconds of [10, 25, 40, 300]) expect(at(seconds, dump(7))).toBe("");
    expect(told()).toBe("");
  });

  test("calls a silent relay anew, later from another port, and says so at the begin and the end", () => {
    at(10, dump(70));
    at(20, dump(70));
    expect(calls()).toEqual([0, 0]);
    expect(at(25, dump(70))).toBe("");
    expect(calls()).toEqual([1, 0]);
    for (const seconds of [40, 55, 70, 85]) expect(at(seconds, dump(70, 0))).toBe("");
    const [silent, silentPorts] = [
      told().match(/peer relay= remove/g)?.length,
      told().match(/listen-port 0/g)?.length,
    ];
    expect([silent, silentPorts]).toEqual([5, 2]);
    const said = at(165, dump(70, 0));
    expect(said).toBe(
      "the relay at 198.51.100.2:51820 has not been heard for 155 s; this home calls it again and again, also from other ports\n",
    );
    expect(at(180, dump(70, 0))).toBe("");
    expect(at(195, dump(900))).toBe("the relay is heard again, after 185 s\n");
  });

  test("calls less often as time goes by", () => {
    at(10, dump(70));
    for (let seconds = 25; seconds < 25 + 86400; seconds += 450) at(seconds, dump(70, 0));
    expect(told().match(/peer relay= remove/g)?.length).toBeLessThan(150);
  }, 120_000);

  test("names a clock that went back, and a line that is away", () => {
    at(10, dump(70));
    expect(at(200, dump(70, 4000000000))).toMatch(
      /is behind: it says .*, and it is later than 2096-10-02 .*; set the clock: timedatectl set-ntp true\n$/,
    );
    rmSync(host.folder, { recursive: true });
    raise("home/mend-handshake.sh");
    host.write("wireguard/homerelay.conf", conf("198.51.100.2:51820"));
    host.program("ip", "exit 2");
    at(10, dump(70));
    expect(at(200, dump(70))).toMatch(/other ports\. It has no way to the internet now \(ip route\)\n$/);
  });
});
