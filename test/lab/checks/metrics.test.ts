/** The relay's metrics, on real machines: read by a named peer, through the tunnel, by a socket that keeps nothing running. */
import { describe, expect, test } from "@jest/globals";
import { metricsPort } from "../../../components/network/ourNumbers.ts";
import { failingUp } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { home } from "../operator.ts";
import { knock, shell, tcp } from "../people.ts";
import { until } from "../world.ts";

const inTunnel = "10.77.0.1";

const lab = raiseLab({ stack: "metrics", settings: () => withReaders(["nas"]), up: true });

async function withReaders(metricsPeers: readonly string[]) {
  return { relay: { metricsPeers }, homes: [await home(["80:8080"])] };
}

/** What a reader at home gets; nothing if nobody answers. */
async function read(): Promise<string> {
  const request = String.raw`exec 3<>/dev/tcp/${inTunnel}/${metricsPort}; printf "GET /metrics HTTP/1.1\r\n\r\n" >&3; cat <&3`;
  return shell("home", `timeout 10 bash -c '${request}' 2>/dev/null || :`);
}

const answers = (seconds: number) =>
  until("the metrics are read", seconds, async () => expect(await read()).toContain("HTTP/1.0 200 OK"));

/** Readers that are served at this moment, and the memory that all programs for them have. */
async function busy(): Promise<{ readonly count: number; readonly kilobytes: number }> {
  const said = await shell(lab.relay, "ps -eo rss=,unit= | grep ' homerelay-metrics@' || :");
  const programs = said.split("\n").filter((line) => line !== "");
  return {
    count: new Set(programs.map((line) => line.trim().split(/ +/)[1])).size,
    kilobytes: programs.reduce((sum, line) => sum + Number.parseInt(line, 10), 0),
  };
}

const nobodyIsServed = () =>
  until("nothing runs any more", 60, async () => expect((await busy()).count).toBe(0));

/** Many who connect at once from home; `then` is what they do, in perl. */
const crowd = (count: number, then: string) =>
  shell(
    "home",
    `perl -MSocket -MFcntl -e '$SIG{PIPE} = "IGNORE";
for (1..${count}) { socket(my $s, PF_INET, SOCK_STREAM, 0) or die; fcntl($s, F_SETFL, O_NONBLOCK); connect($s, pack_sockaddr_in(${metricsPort}, inet_aton("${inTunnel}"))); push @s, $s }
sleep 2; ${then}'`,
  );

test("a named home reads them through the tunnel, and nobody outside finds anything there", async () => {
  const text = await read();
  expect(text).toMatch(/^HTTP\/1\.0 200 OK\r\n/);
  expect(text).toMatch(/^homerelay_forward_connections_total\{home="nas",protocol="tcp",port="80"\} [1-9]/m);
  expect(text).toMatch(/^homerelay_failed_units 0$/m);
  expect(text).toMatch(/^homerelay_month_transmit_bytes [1-9]/m);
  expect(text).toMatch(/^homerelay_peer_last_handshake_timestamp_seconds\{peer="nas",kind="home"\} [1-9]/m);
  expect(
    await knock("stranger", [tcp(lab.published[4], metricsPort), tcp(lab.published[6], metricsPort)]),
  ).toEqual([null, null]);
});

describe("nothing is kept running", () => {
  test("by a reader who says nothing, or does not read", async () => {
    await nobodyIsServed();
    const hanging = crowd(3, "sleep 4");
    await until("they are served", 10, async () => expect((await busy()).count).toBeGreaterThan(0));
    await hanging;
    await nobodyIsServed();
    await answers(30);
  });

  test("by a thousand requests at once, of which few are served, in little memory", async () => {
    const asking = crowd(1000, `syswrite($_, "GET /metrics\\r\\n\\r\\n") for @s; sleep 5`);
    let most = { count: 0, kilobytes: 0 };
    const ended = new AbortController();
    void asking.finally(() => ended.abort());
    while (!ended.signal.aborted) {
      const now = await busy();
      most = { count: Math.max(most.count, now.count), kilobytes: Math.max(most.kilobytes, now.kilobytes) };
    }
    await asking;
    expect(most.count).toBeGreaterThan(0);
    expect(most.count).toBeLessThanOrEqual(2);
    expect(most.kilobytes).toBeLessThan(2 * 64 * 1024);
    process.stderr.write(`at most ${most.count} programs at once, with ${most.kilobytes} kB\n`);
    await nobodyIsServed();
    await answers(60);
  });

  test("by one who sends 16 MB", async () => {
    await shell(
      "home",
      `timeout 60 bash -c 'exec 3<>/dev/tcp/${inTunnel}/${metricsPort}; head -c 16777216 /dev/zero >&3' 2>/dev/null || :`,
    );
    await nobodyIsServed();
    await answers(30);
  });

  test("and none of it left a line in the relay's journal, or a unit that has failed", async () => {
    expect(
      await shell(lab.relay, "journalctl -q -b --no-pager -u 'homerelay-metrics*' 2>/dev/null || :"),
    ).toBe("");
    expect(await read()).toMatch(/^homerelay_failed_units 0$/m);
  });
});

test("a socket that somebody took away is back by itself", async () => {
  await shell(lab.relay, "systemctl disable --now --quiet homerelay-metrics.socket");
  await answers(90);
  expect(await shell(lab.relay, "systemctl is-enabled homerelay-metrics.socket")).toBe("enabled\n");
});

describe("when nobody is named any more", () => {
  const traces = () =>
    shell(
      lab.relay,
      `ls -d /etc/systemd/system/*metrics* /etc/systemd/system/*/*metrics* /etc/homerelay/metrics /usr/local/lib/homerelay/*metrics* /usr/local/lib/homerelay/mend/*metrics* 2>/dev/null
ss -Hltn 'sport = :${metricsPort}'
nft list table inet homerelay | grep metrics || :`,
    );

  test("rule, socket and files are gone", async () => {
    expect(await traces()).toMatch(/metrics\.socket[^]*jump metrics/);
    await lab.operator.configure(await withReaders([]));
    await lab.operator.up();
    expect(await traces()).toBe("");
  });

  test("a port that somebody else has is named, and the rules stay as they were", async () => {
    const rules = () => shell(lab.relay, "nft --stateless --terse list table inet homerelay");
    const before = await rules();
    await shell(
      lab.relay,
      `systemd-run --quiet --unit=lab-holder perl -MIO::Socket::INET -e '@held = IO::Socket::INET->new(LocalPort => ${metricsPort}, Listen => 1, ReuseAddr => 1) or die; sleep'`,
    );
    await until("the port is taken", 10, async () =>
      expect(await shell(lab.relay, `ss -Hltn "sport = :${metricsPort}"`)).not.toBe(""),
    );
    await lab.operator.configure(await withReaders(["nas"]));
    const said = await failingUp(lab.operator);
    await shell(lab.relay, "systemctl stop lab-holder");
    expect(said).toMatch(
      new RegExp(
        `The metrics cannot be read at ${inTunnel}:${metricsPort}: perl \\(process \\d+\\) has the port\\.`,
      ),
    );
    expect(await rules()).toBe(before);
  });
});
