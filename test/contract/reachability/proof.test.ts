import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { createForward, parseForward } from "../../../components/network/forward.ts";
import { parsePortRange } from "../../../components/network/port.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import { runTool } from "../tool.ts";
import { proveIn } from "./world.ts";

const forwards = (...texts: readonly string[]) => texts.map(parseForward);

/** A rule of somebody's own in one of the machines. */
const rule = (machine: string, hook: string, text: string, priority = 0) =>
  `${machine} nft -f - <<'NFT'
table inet theirs_${hook} {
	chain theirs {
		type filter hook ${hook} priority ${priority}
${text
  .split("\n")
  .map((line) => `\t\t${line}`)
  .join("\n")}
	}
}
NFT`;

test("what is open and where nothing listens is told, over both families, and is the last line's result", () => {
  const { status, said } = proveIn({
    ipv6: "translated",
    forwards: forwards("80:8080", "443:8081", "81:8082", "5000/udp", "5001/udp"),
    services: ["tcp :: 8080", "tcp 0.0.0.0 8081", "udp :: 5000"],
  });
  expect([status, said]).toEqual([
    0,
    [
      "tcp 80: open",
      "tcp 443: open",
      "tcp 443 over IPv6: the way is free, but nothing listens on 8081 at home for it: what has the port listens at 0.0.0.0:8081 alone",
      "tcp 81: the way is free, but nothing listens on 8082 at home",
      "udp 5000: arrives at home",
      "udp 5001: the way is free, but nothing listens on 5001 at home",
      `reachability ${JSON.stringify({
        "80/tcp": { ipv4: "open", ipv6: "open" },
        "443/tcp": { ipv4: "open", ipv6: "nothing listens" },
        "81/tcp": { ipv4: "nothing listens", ipv6: "nothing listens" },
        "5000/udp": { ipv4: "open", ipv6: "open" },
        "5001/udp": { ipv4: "nothing listens", ipv6: "nothing listens" },
      })}`,
    ],
  ]);
});

describe("of what is open is measured", () => {
  const relayAt = "10.77.0.1";
  const masqueraded = createForward(parsePortRange("82"), parsePortRange("8082"), "tcp", {
    clientIp: "masquerade",
  });
  const services = ["tcp :: 8080", "tcp :: 8082", "udp :: 5000"];
  const inTime = { saw: "198.51.100.77", milliseconds: expect.any(Number) };

  test("who came to the service, and how long it took over TCP; and when that was", () => {
    const before = Math.floor(Date.now() / 1000);
    const { measured } = proveIn({
      forwards: [...forwards("80:8080", "81:8081", "5000/udp"), masqueraded],
      services,
    });
    expect(measured?.at).toBeGreaterThanOrEqual(before);
    expect(measured?.ports).toEqual({
      "80/tcp": { ipv4: inTime },
      "81/tcp": {},
      "82/tcp": { ipv4: { ...inTime, saw: relayAt } },
      "5000/udp": { ipv4: { saw: "198.51.100.77" } },
    });
  });

  test("over IPv6 too, where this home's own address is whom a stranger there would be", () => {
    const { measured } = proveIn({ ipv6: "translated", forwards: forwards("80:8080"), services });
    expect(measured?.ports).toEqual({
      "80/tcp": { ipv4: inTime, ipv6: { ...inTime, saw: "2001:db8:51::77" } },
    });
  });

  test("for a machine in the LAN, which sees the home", () => {
    const { said, measured } = proveIn({
      forwards: [createForward(parsePortRange("83"), parsePortRange("8083"), "tcp", { to: "192.168.1.1" })],
      services,
      before: `home sysctl -qw net.ipv4.ip_forward=1
router ${process.execPath} $folder/serve.js $folder/router 'tcp 0.0.0.0 8083' </dev/null >/dev/null 2>&1 &
for _ in {1..100}; do [ ! -e $folder/router ] || break; sleep 0.1; done`,
    });
    expect(said[0]).toBe("tcp 83: open");
    expect(measured?.ports).toEqual({ "83/tcp": { ipv4: { ...inTime, saw: "192.168.1.10" } } });
  });

  test("and nothing of what never got through", () => {
    const { status, measured } = proveIn({
      forwards: forwards("80:8080"),
      services,
      before: rule("home", "input", "tcp dport 8080 drop"),
    });
    expect([status, measured]).toEqual([1, undefined]);
  });
});

test("a home without IPv6 of its own says so, and what only some may reach is not tried", () => {
  const office = createForward(parsePortRange("2200"), parsePortRange("22"), "tcp", {
    from: [parsePrefix("192.0.2.0/24")],
  });
  const { status, said } = proveIn({
    forwards: [...forwards("80:8080"), office],
    services: ["tcp :: 8080"],
  });
  expect([status, said]).toEqual([
    0,
    [
      "tcp 80: open",
      "tcp 2200: not tried: open to some only",
      "not tried over IPv6: this home has no IPv6 of its own",
      `reachability ${JSON.stringify({
        "80/tcp": { ipv4: "open", ipv6: "not tried: this home has no IPv6 of its own" },
        "2200/tcp": {
          ipv4: "not tried: open to some only",
          ipv6: "not tried: this home has no IPv6 of its own",
        },
      })}`,
    ],
  ]);
});

describe("while strangers knock at the very same ports", () => {
  const lost =
    "no answer: it gets as far as port 6000 does, 3 routers from here, and not out of the tunnel: a firewall on the relay, or its provider's, swallows it";
  const knocking = `( while :; do core bash -c ': <>/dev/tcp/203.0.113.5/443' 2>/dev/null || :; core bash -c 'echo x >/dev/udp/203.0.113.5/5999; echo x >/dev/udp/203.0.113.5/6000' || :; done ) &`;

  test("a knock of the home's own that is lost is not taken for theirs", () => {
    const { status, said } = proveIn({
      forwards: forwards("443:8081", "5999/udp", "6000/udp"),
      services: ["tcp :: 8081", "udp :: 5999", "udp :: 6000"],
      before: `${rule("relay", "prerouting", "ip saddr 198.51.100.77 udp dport 5999 drop\nip saddr 198.51.100.77 tcp dport 443 drop", -300)}
${knocking}`,
    });
    expect([status, said.filter((line) => !line.startsWith("not tried"))]).toEqual([
      1,
      [
        `tcp 443: ${lost}`,
        `udp 5999: ${lost}`,
        "udp 6000: arrives at home",
        "2 of the forwards do not work from outside",
      ],
    ]);
  });
});

describe("a firewall at home", () => {
  const refusing = `tcp dport 8080 counter reject comment "we refuse"
tcp dport 8081 reject with tcp reset
udp dport 5000 reject
tcp dport 8082 reject with icmpx type admin-prohibited
tcp dport 8083 drop
udp dport 5001 counter drop`;

  test("that refuses is no port at which nothing listens: it fails, and is named by its rule", () => {
    const { status, said } = proveIn({
      ipv6: "translated",
      forwards: forwards("80:8080", "81:8081", "82:8082", "83:8083", "84:8084", "5000/udp", "5001/udp"),
      services: ["tcp :: 8080", "tcp :: 8081", "tcp :: 8082", "tcp :: 8083", "udp :: 5000", "udp :: 5001"],
      before: rule("home", "input", refusing),
    });
    const by = "refused by a firewall: at home, by this rule: inet theirs_input theirs:";
    const dropped =
      "no answer: it came out of the tunnel, and this rule at home drops it: inet theirs_input theirs:";
    expect(status).toBe(1);
    expect(said.filter((line) => !line.includes("over IPv6"))).toEqual([
      `tcp 80: ${by} tcp dport 8080 reject comment "we refuse"`,
      `tcp 81: ${by} tcp dport 8081 reject with tcp reset`,
      expect.stringContaining(`tcp 82: ${by} tcp dport 8082 reject`),
      `tcp 83: ${dropped} tcp dport 8083 drop`,
      "tcp 84: the way is free, but nothing listens on 8084 at home",
      `udp 5000: ${by} udp dport 5000 reject`,
      `udp 5001: ${dropped} udp dport 5001 drop`,
      "6 of the forwards do not work from outside",
    ]);
  });

  test("that lets the guard's own port shut is the guard, by its own rule", () => {
    const { status, said } = proveIn({
      forwards: forwards("80:8080"),
      services: ["tcp :: 8080"],
      before: "home nft flush set inet homerelay open",
    });
    expect([status, said[0]]).toEqual([
      1,
      expect.stringMatching(/^tcp 80: no answer: .* inet homerelay from_relay: .*drop comment "no forward"$/),
    ]);
  });
});

describe("a machine in the LAN", () => {
  const toLan = (published: string, protocol = "tcp") =>
    createForward(parsePortRange(published), parsePortRange(published), protocol, { to: "192.168.1.1" });

  test("is told apart: open, nothing listens, refused", () => {
    const { status, said } = proveIn({
      ipv6: "translated",
      forwards: [toLan("8000"), toLan("8001"), toLan("8002"), toLan("5000", "udp"), toLan("5001", "udp")],
      services: [],
      before: `home sysctl -qw net.ipv4.ip_forward=1
router ${process.execPath} $folder/serve.js $folder/ready 'tcp 0.0.0.0 8000' 'tcp 0.0.0.0 8002' 'udp 0.0.0.0 5000' </dev/null >/dev/null 2>&1 &
for _ in {1..100}; do [ ! -e $folder/ready ] || break; sleep 0.1; done
${rule("router", "input", "tcp dport 8002 reject")}`,
    });
    expect([status, said]).toEqual([
      1,
      [
        "tcp 8000: open",
        "tcp 8001: the way is free, but nothing listens on 8001 at 192.168.1.1",
        "tcp 8002: refused by a firewall: behind the home's own, at 192.168.1.1, port 8002",
        "udp 5000: arrives at home",
        "udp 5001: the way is free, but nothing listens on 5001 at 192.168.1.1",
        "not tried over IPv6: IPv4 alone leads to a machine in the LAN",
        "1 of the forwards do not work from outside",
      ],
    ]);
  });
});

describe("what is lost before the tunnel", () => {
  test("fails where the relay swallows it, and not where the home's own line does not let it out", () => {
    const { status, said } = proveIn({
      forwards: forwards("25:2525", "443:8081", "8443:8443", "9000:9000/udp"),
      services: ["tcp :: 8081", "tcp :: 2525", "tcp :: 8443", "udp :: 9000"],
      before: rule(
        "line",
        "forward",
        "tcp dport { 25, 8443 } drop\nudp dport 9000 reject with icmpx type admin-prohibited",
      ),
    });
    expect([status, said.slice(0, 4)]).toEqual([
      0,
      [
        "tcp 25: not tried: many lines let nothing out to port 25, and this one seems to be one of them",
        "tcp 443: open",
        "tcp 8443: not tried: this line lets nothing out to port 8443: it is lost 2 routers from here, where port 443 gets on",
        "udp 9000: not tried: this line lets nothing out to port 9000: it is lost 2 routers from here, where port 443 gets on",
      ],
    ]);
    const relay = proveIn({
      forwards: forwards("443:8081", "8443:8443"),
      services: ["tcp :: 8081", "tcp :: 8443"],
      before: rule("relay", "prerouting", "tcp dport 8443 drop", -300),
    });
    expect([relay.status, relay.said.slice(0, 2)]).toEqual([
      1,
      [
        "tcp 443: open",
        "tcp 8443: no answer: it gets as far as port 443 does, 3 routers from here, and not out of the tunnel: a firewall on the relay, or its provider's, swallows it",
      ],
    ]);
  });

  test("over IPv6 does not fail where not even a ping gets to the relay", () => {
    const { status, said } = proveIn({
      ipv6: "translated",
      forwards: forwards("443:8081"),
      services: ["tcp :: 8081"],
      before: rule("core", "forward", "meta nfproto ipv6 drop"),
    });
    expect([status, said.slice(0, 2)]).toEqual([
      0,
      [
        "tcp 443: open",
        "not tried over IPv6: from here nothing gets to the relay over IPv6, not even a ping",
      ],
    ]);
  });

  test("is no open forward because somebody else answers", () => {
    const { status, said } = proveIn({
      forwards: forwards("443:8081"),
      services: ["tcp :: 8081"],
      before: `core ${process.execPath} $folder/serve.js $folder/other 'tcp 0.0.0.0 443' </dev/null >/dev/null 2>&1 &
for _ in {1..100}; do [ ! -e $folder/other ] || break; sleep 0.1; done
core nft add table ip theirs
core nft add chain ip theirs pre '{ type nat hook prerouting priority -100; }'
core nft add rule ip theirs pre tcp dport 443 redirect`,
    });
    expect([status, said[0]]).toEqual([
      1,
      "tcp 443: no answer: something answers, but not this home: no connection came out of the tunnel",
    ]);
  });
});

test("to a program it tells of each port how far it came and what ended it, and fails for none", () => {
  const { status, said } = proveIn({
    ipv6: "translated",
    forwards: forwards("80:8080", "81:8081", "82:8082", "83:8083"),
    services: ["tcp :: 8080", "tcp :: 8082", "tcp :: 8083"],
    before: `${rule("home", "input", "meta nfproto ipv4 tcp dport 8082 drop")}
${rule("relay", "prerouting", "meta nfproto ipv4 tcp dport 83 drop", -300)}`,
    run: `home bash $folder/prove-forwards.sh 10.77.0.1 findings <$folder/probes`,
  });
  const ofIpv4 = said.map((line) => line.split("\t")).filter(([, , family]) => family === "4");
  expect([status, ofIpv4.map(([, port, , verdict, place, , by]) => [port, verdict, place, by])]).toEqual([
    0,
    [
      ["80/tcp", "open", "", ""],
      ["81/tcp", "nothing listens", "service", ""],
      ["82/tcp", "no answer", "firewall", expect.stringContaining("inet theirs_input theirs: ")],
      ["83/tcp", "no answer", "relay", ""],
    ],
  ]);
  expect(said.filter((line) => !line.startsWith("finding\t"))).toEqual([]);
});

describe("the proof's own table", () => {
  const tables = "home nft list tables";

  test("is gone when it ends, and when it is killed, and the guard is as it was", () => {
    const guard = "home nft -s list table inet homerelay | grep -v packets | sha256sum";
    const { status, said } = proveIn({
      forwards: forwards("443:8081", "444:8082"),
      services: ["tcp :: 8081"],
      run: `${guard}; prove >/dev/null || :; ${tables}; ${guard}
prove >/dev/null 2>&1 & proof=$!
for _ in {1..200}; do ! ${tables} | grep -q homerelay_proof || break; sleep 0.05; done
kill -KILL $(home pgrep -f prove-forwards.sh | head -n 1); wait $proof || :
for _ in {1..40}; do ${tables} | grep -q homerelay_proof || break; sleep 0.1; done
${tables}`,
    });
    const [before, first, after, second] = said;
    expect([status, first, second, after]).toEqual([
      0,
      "table inet homerelay",
      "table inet homerelay",
      before,
    ]);
  });
});

test("more silent ports than are tried at a time are told together, and so is the rest when there is no time left", () => {
  const many = Array.from({ length: 130 }, (_, i) =>
    parseForward(`${10_000 + i}${i % 2 === 0 ? "" : "/udp"}`),
  );
  // One after the other they would take longer than this world lasts.
  const silent = proveIn({
    forwards: many,
    services: [],
    before: rule("relay", "prerouting", 'iifname "eth0" meta l4proto { tcp, udp } drop', -300),
  });
  expect([silent.status, silent.said.at(-1)]).toEqual([1, "130 of the forwards do not work from outside"]);
  const late = proveIn({
    forwards: many.slice(0, 70),
    services: ["tcp :: 10000"],
    run: "sed -i 's/deadline=240/deadline=0/' $folder/prove-forwards.sh; prove",
  });
  expect([late.status, late.said[0], late.said.length]).toEqual([
    0,
    "tcp 10000: not tried: there was no time left",
    72,
  ]);
});

/** What it takes until the relay answers, by how many calls were in vain before. */
function callRelay(inVain: number): string {
  const script = readFileSync(join(__dirname, "../../../components/reachability/prove-forwards.sh"), "utf8");
  const [text = ""] = /^call_relay\(\) \{.*?^\}$/ms.exec(script) ?? [];
  const lines = `
    set -euo pipefail
    ${text}
    interface=homerelay calls=0
    say() { printf '%s\\n' "$*"; }
    sleep() { :; }
    ping() { calls=$((calls + 1)); [ "$calls" -gt ${inVain} ]; }
    call_relay 10.77.0.1
    echo "called $calls times"`;
  return runTool("bash", "bash", ["-c", lines], { input: "" });
}

test("the relay is called until it answers, which it does not while it takes another machine for this home", () => {
  expect(callRelay(0)).toBe("called 1 times\n");
  expect(callRelay(16)).toBe("called 17 times\n");
});

test("a relay that never answers is told, and the forwards are tried all the same", () => {
  expect(callRelay(1000)).toBe("the relay does not answer through the tunnel\ncalled 25 times\n");
});
