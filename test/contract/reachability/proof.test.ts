import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { runTool } from "../tool.ts";

const script = readFileSync(join(__dirname, "../../../components/reachability/prove-forwards.sh"), "utf8");

/** What the proof says of these probes when each attempt over TCP ends so; `arrives`: it came out of the tunnel. */
function prove(
  answer: "open" | "refused" | "silent",
  arrives: boolean,
  ...probes: readonly string[]
): string {
  const functions = [...script.matchAll(/^\w+\(\) \{.*?^\}$/gms)].map(([text]) => text).join("\n");
  const lines = `
    set -euo pipefail
    ${functions}
    failures=0 count=$(mktemp)
    trap 'rm -f "$count"' EXIT
    say() { printf '%s\\n' "$*"; }
    die() { say "$*"; }
    arrivals() { wc -c <"$count"; }
    try_tcp() { ${arrives ? 'printf x >>"$count";' : ""} echo ${answer}; }
    interface=homerelay
    ping() { [ "$*" = "-c 1 -W 1 -I homerelay 10.77.0.1" ]; }
    main 10.77.0.1 2>/dev/null`;
  // The script that names other firewalls is not there.
  const text = lines.replace("/usr/local/lib/homerelay/name-neighbours.sh", ":");
  return runTool("bash", "bash", ["-c", text], {
    input: `${["address 203.0.113.5", ...probes].join("\n")}\n`,
  });
}

test("a port at which nothing listens is told with the machine that it is on: the home, or one in its LAN", () => {
  expect(prove("refused", true, "tcp 80 8080 home anybody", "tcp 81 80 192.168.1.20 anybody")).toBe(
    "tcp 80: the way is free, but nothing listens on 8080 at home\n" +
      "tcp 81: the way is free, but nothing listens on 80 at 192.168.1.20\n",
  );
});

test("what swallows a packet that came out of the tunnel is told with the machine, too", () => {
  expect(prove("silent", true, "tcp 80 8080 home anybody", "tcp 81 80 192.168.1.20 anybody")).toBe(
    "tcp 80: no answer. It came out of the tunnel, so a firewall or the service at home swallows it (port 8080).\n" +
      "tcp 81: no answer. It came out of the tunnel, so a firewall or the service at 192.168.1.20 swallows it (port 80).\n" +
      "2 of the forwards do not work from outside\n",
  );
});

test("a packet that did not come out of the tunnel is nobody's fault at home", () => {
  expect(prove("silent", false, "tcp 81 80 192.168.1.20 anybody")).toBe(
    "tcp 81: no answer. It did not come out of the tunnel: a firewall between here and the relay, or on it, swallows it.\n" +
      "1 of the forwards do not work from outside\n",
  );
});

/** What it takes until the relay answers, by how many calls were in vain before. */
function callRelay(inVain: number): string {
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
