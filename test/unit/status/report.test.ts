import { stripVTControlCharacters } from "node:util";
import { expect, test } from "@jest/globals";
import { parseHostStatus } from "../../../components/status/hostStatus.ts";
import { assembleReport } from "../../../components/status/report.ts";
import type { AskedHost, Gathered } from "../../../components/status/report.ts";
import { renderScreen } from "../../../components/status/screen.ts";
import { readStackFacts } from "../../../components/status/stackFacts.ts";
import type { Resource } from "../../../components/status/stackFacts.ts";
import { renderBytes, renderDuration } from "../../../components/status/units.ts";

const at = Date.UTC(2026, 10, 29, 16, 40);
const now = at / 1000;

const resource = (types: string, name: string, more: Partial<Resource> = {}): Resource => ({
  types,
  name,
  id: undefined,
  inputs: {},
  outputs: {},
  changedAt: at - 2 * 86_400_000,
  ...more,
});
const below = "homerelay:index:HomeRelay$";

const facts = readStackFacts(
  [
    resource("homerelay:index:HomeRelay", "home", { inputs: { relay: "hetzner" } }),
    resource(`${below}homerelay:keys:Keys`, "home-keys", {
      outputs: {
        peerPublicKeys: {
          nas: "nas=",
          media: "media=",
          byhand: "byhand=",
          phone: "phone=",
          laptop: "laptop=",
        },
      },
    }),
    resource(`${below}homerelay:hetzner:HetznerRelay`, "home-relay", {
      inputs: { location: "nbg1", serverType: "cx23" },
      outputs: { ipv4Address: "203.0.113.9", ipv6Address: "2001:db8:9::1" },
    }),
    resource(`${below}homerelay:hetzner:HetznerRelay$hcloud:index/server:Server`, "home-relay-server", {
      id: "42",
    }),
    resource(`${below}homerelay:home:Home`, "home-nas", {
      inputs: {
        tunnelAddress: { ipv4: "10.77.3.4", ipv6: "fd77::304" },
        forwards: [
          "80:8080/tcp",
          "64738:64738/tcp+udp",
          "50000-50100:50000-50100/udp",
          "8443:443/tcp, to 192.168.1.5, masquerade",
        ],
      },
    }),
    resource(`${below}homerelay:home:Home$command:local:Command`, "home-nas-proof"),
    resource(`${below}homerelay:home:Home`, "home-media", {
      inputs: { tunnelAddress: { ipv4: "10.77.5.6", ipv6: "fd77::506" }, forwards: ["443:443/tcp"] },
    }),
    resource(`${below}homerelay:home:ManualHome`, "home-byhand", {
      inputs: { tunnelAddress: { ipv4: "10.77.8.9", ipv6: "fd77::809" }, forwards: ["25:25/tcp"] },
    }),
    ...["phone", "laptop"].map((name) =>
      resource(`${below}homerelay:device:Device`, `home-${name}`, {
        inputs: { tunnelAddress: { ipv4: "10.77.9.9", ipv6: "fd77::909" } },
      }),
    ),
  ],
  {
    names: ["example.org", "www.example.org"],
    reachability: {
      nas: {
        "80/tcp": { ipv4: "open", ipv6: "open" },
        "64738/tcp": { ipv4: "open" },
        "64738/udp": { ipv4: "open", ipv6: "not tried: no IPv6 here" },
        "50000-50100/udp": { ipv4: "not tried: nothing answers" },
        "8443/tcp": { ipv4: "nothing listens" },
      },
    },
  },
);
if (facts === undefined) throw new Error("no facts");

const machine = `now ${now}
up 1040000
disk 30000000000 40000000000
tracked 210 65536`;
const relaySaid = `status 1
${machine}
peer nas= 198.51.100.2:4242 ${now - 40} 36000000000 1200000000
peer media= 198.51.100.3:4000 ${now - 100} 1000 2000
peer byhand= [2001:db8:5::1]:4000 ${now - 20} 1000 2000
peer phone= - 0 0 0
peer laptop= 198.51.100.9:4000 ${now - 7200} 1000 2000
count connections_tcp 80 1234 74040
count received_tcp 80 5000 1200000000
count sent_tcp 80 9000 35900000000
count connections_udp 50001 2 200
count connections_udp 50100 3 200
count received_udp 50100 3 4000
count connections_udp 50101 99 200
traffic 2026-11 ${Date.UTC(2026, 10, 12) / 1000} 37000000000 38000000000
updates 12 3
end`;
const homeSaid = `status 1
${machine}
peer relay= 203.0.113.9:51820 ${now - 40} 1 1
updates 0 0
end`;

const host = (title: string, said: string, login = `ssh -p 22 root@${title}`): AskedHost => ({
  title,
  isRelay: title === "the relay",
  status: parseHostStatus(said),
  problem: undefined,
  login,
});
const silent = (title: string, problem: string): AskedHost => ({
  ...host(title, homeSaid),
  status: undefined,
  problem,
});

const relay = host("the relay", relaySaid, "stack");
const well: Gathered = {
  stack: "home-relay/dev",
  at,
  facts,
  hosts: [relay, host("nas", homeSaid), host("media", homeSaid)],
  names: { "example.org": ["203.0.113.9", "2001:db8:9::1"], "www.example.org": ["203.0.113.9"] },
  provider: {
    sentBytes: 34_000_000_000,
    receivedBytes: 33_000_000_000,
    includedBytes: 20 * 1024 ** 4,
    price: { currency: "EUR", server: 4.75, ipv4: 0.6 },
  },
  providerProblem: undefined,
};

const plain = (gathered: Gathered) => `\n${renderScreen(assembleReport(gathered), (_, text) => text)}`;

test("one screen for a person, where all is well", () => {
  expect(plain(well)).toMatchInlineSnapshot(`
    "
    home-relay/dev                                              2026-11-29 16:40 UTC

    relay    Hetzner nbg1 cx23, up 12 days, 12 updates wait (3 of security)
             203.0.113.9  2001:db8:9::1
    names    example.org leads here
             www.example.org leads here
    traffic  32 GiB sent of 20 TiB included this month, 31 GiB received (Hetzner's
             count)
    cost     5.35 EUR a month with VAT (server 4.75, IPv4 address 0.60)

    nas      here, handshake 40 s ago from 198.51.100.2:4242
             1.1 GiB to it, 34 GiB from it; proof 2 days ago: 3 of 5 open
      forward          connections  bytes in  bytes out  proof
      80/tcp                  1234   1.1 GiB     33 GiB  open
      64738/tcp                  0   0 bytes    0 bytes  open
      64738/udp                  0   0 bytes    0 bytes  open
      50000-50100/udp            5   3.9 KiB    0 bytes  not tried
      8443/tcp                   0   0 bytes    0 bytes  nothing listens

    media    here, handshake 100 s ago from 198.51.100.3:4000
             2 KiB to it, 1 KiB from it; never proven
      forward  to   connections  bytes in  bytes out  proof
      443/tcp  443            0   0 bytes    0 bytes  -

    byhand   here, handshake 20 s ago from [2001:db8:5::1]:4000
             2 KiB to it, 1 KiB from it
      forward  to  connections  bytes in  bytes out  proof
      25/tcp   25            0   0 bytes    0 bytes  -

    phone    a device, not connected
    laptop   a device, not connected, last heard of 2 h ago

    What waits for you
    - nas: when 8443/tcp was last tried: nothing listens.
      Start what is to listen at 192.168.1.5:443, then try again from outside:
        npm run check

    All is well.
    "
  `);
});

test("one screen where much is wrong, with what to type", () => {
  const hosts = [
    host(
      "the relay",
      relaySaid
        .replace(`${now - 40} 36000000000`, `${now - 11_000} 36000000000`)
        .replace(`198.51.100.3:4000 ${now - 100}`, "- 0")
        .replace(
          "disk 30000000000",
          "restart libc6 linux-image\nfailed homerelay-dyndns.service\nmissing rules\ndisk 1000000",
        ),
      relay.login,
    ),
    host("nas", homeSaid),
    silent(
      "media",
      "media does not answer: tried ssh to 192.168.1.11 port 22 as root for 8 s, last answer: ssh: connect to host 192.168.1.11 port 22: Connection timed out\nIs it switched on, is this the right address, and does a firewall let you through?",
    ),
  ];
  const names = { "example.org": ["198.51.100.77"], "www.example.org": null };
  const provider = {
    sentBytes: 19 * 1024 ** 4,
    receivedBytes: 0,
    includedBytes: 20 * 1024 ** 4,
    price: null,
  };
  expect(plain({ ...well, hosts, names, provider })).toMatchInlineSnapshot(`
    "
    home-relay/dev                                              2026-11-29 16:40 UTC

    relay    Hetzner nbg1 cx23, up 12 days, restarts by itself at 04:30, 12 updates
             wait (3 of security)
             203.0.113.9  2001:db8:9::1
    names    example.org leads to 198.51.100.77
             www.example.org nobody could be asked where it leads
    traffic  19 TiB sent of 20 TiB included this month, 0 bytes received (Hetzner's
             count)
    cost     not known: Hetzner did not say

    nas      away, last heard of 3 h ago
             1.1 GiB to it, 34 GiB from it; proof 2 days ago: 3 of 5 open
      forward          connections  bytes in  bytes out  proof
      80/tcp                  1234   1.1 GiB     33 GiB  open
      64738/tcp                  0   0 bytes    0 bytes  open
      64738/udp                  0   0 bytes    0 bytes  open
      50000-50100/udp            5   3.9 KiB    0 bytes  not tried
      8443/tcp                   0   0 bytes    0 bytes  nothing listens

    media    away, not heard of since the tunnel started
             2 KiB to it, 1 KiB from it; never proven
      forward  to   connections  bytes in  bytes out  proof
      443/tcp  443            0   0 bytes    0 bytes  -

    byhand   here, handshake 20 s ago from [2001:db8:5::1]:4000
             2 KiB to it, 1 KiB from it
      forward  to  connections  bytes in  bytes out  proof
      25/tcp   25            0   0 bytes    0 bytes  -

    phone    a device, not connected
    laptop   a device, not connected, last heard of 2 h ago

    What is wrong
    - the relay: our firewall rules are not in its kernel.
      To put it right:
        npm run check -- --mend
    - the relay: homerelay-dyndns.service has failed.
      To put it right:
        npm run check -- --mend
    - the relay: its disk is full, 977 KiB are left.
      A new server at the same address takes its place with:
        pulumi up --replace '**-relay-server'
    - nas is away: the relay last heard from it 3 h ago, at 198.51.100.2:4242.
      It answers SSH, so it is on, and its tunnel does not get through. To begin
      that anew:
        ssh -p 22 root@nas 'systemctl restart wg-quick@homerelay'
      If it stays away, what lies between is asked for with:
        npm run check
    - media is away: the relay has not heard from it since its tunnel started. It
      does not answer SSH from here, either.
      media does not answer: tried ssh to 192.168.1.11 port 22 as root for 8 s, last
      answer: ssh: connect to host 192.168.1.11 port 22: Connection timed out
      Is it switched on, is this the right address, and does a firewall let you
      through?
    - example.org leads to 198.51.100.77; the relay is at 203.0.113.9 and
      2001:db8:9::1.
      Was that changed lately? Then it takes some minutes. To tell it anew:
        pulumi up

    What waits for you
    - nas: when 8443/tcp was last tried: nothing listens.
      Start what is to listen at 192.168.1.5:443, then try again from outside:
        npm run check
    - 95% of the traffic that is included this month are sent; 1 TiB are left.
      Which forward sends most stands above.

    "
  `);
});

test("a relay that does not answer leaves what is known without it, and what to do", () => {
  const hosts = [
    silent(
      "the relay",
      "the relay does not answer: tried ssh to 203.0.113.9 port 22 as root for 8 s, last answer: ssh: connect to host 203.0.113.9 port 22: Connection timed out\nLook at it in Hetzner's console. Is it off? Then switch it on. Did it never come up? Then take\na new server at the same address:  pulumi up --replace '**home-relay-server'",
    ),
    host("nas", homeSaid),
    silent(
      "media",
      "media (192.168.1.11 port 22) refuses the login of root: Permission denied (publickey).\nCheck that this works without a question:  ssh -p 22 root@192.168.1.11 true",
    ),
  ];
  expect(
    plain({
      ...well,
      hosts,
      provider: undefined,
      providerProblem: "Hetzner's API cannot be reached: no answer in time",
    }),
  ).toMatchInlineSnapshot(`
    "
    home-relay/dev                                              2026-11-29 16:40 UTC

    relay    Hetzner nbg1 cx23, cannot be asked
             203.0.113.9  2001:db8:9::1
    names    example.org leads here
             www.example.org leads here
    traffic  not known: the relay does not say
    cost     not known: Hetzner did not say

    nas      here, handshake 40 s ago
             1 byte to it, 1 byte from it; proof 2 days ago: 3 of 5 open
      forward          connections  bytes in  bytes out  proof
      80/tcp                     -         -          -  open
      64738/tcp                  -         -          -  open
      64738/udp                  -         -          -  open
      50000-50100/udp            -         -          -  not tried
      8443/tcp                   -         -          -  nothing listens

    media    not known: the relay does not say
      forward  to   connections  bytes in  bytes out  proof
      443/tcp  443            -         -          -  -

    byhand   not known: the relay does not say
      forward  to  connections  bytes in  bytes out  proof
      25/tcp   25            -         -          -  -

    phone    not known: the relay does not say
    laptop   not known: the relay does not say

    What is wrong
    - the relay does not answer: tried ssh to 203.0.113.9 port 22 as root for 8 s,
      last answer: ssh: connect to host 203.0.113.9 port 22: Connection timed out
      Look at it in Hetzner's console. Is it off? Then switch it on. Did it never
      come up? Then take
      a new server at the same address:  pulumi up --replace '**home-relay-server'

    What waits for you
    - nas: when 8443/tcp was last tried: nothing listens.
      Start what is to listen at 192.168.1.5:443, then try again from outside:
        npm run check
    - media cannot be asked how it is.
      media (192.168.1.11 port 22) refuses the login of root: Permission denied
      (publickey).
      Check that this works without a question:  ssh -p 22 root@192.168.1.11 true
    - Hetzner did not say what the month's traffic and cost are.
      Hetzner's API cannot be reached: no answer in time

    "
  `);
});

test("no line is wider than 80 columns, but for a command, and colours take no room", () => {
  const lines = renderScreen(
    assembleReport(well),
    (style, text) => `\u001b[3${style.length}m${text}\u001b[39m`,
  )
    .split("\n")
    .map(stripVTControlCharacters);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  expect(lines.join("\n")).toBe(renderScreen(assembleReport(well), (_, text) => text));
});

test("the form for programs", () => {
  const report = assembleReport(well);
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  expect({
    ...report,
    homes: report.homes.slice(0, 1),
    devices: report.devices.slice(0, 1),
  }).toMatchInlineSnapshot(`
    {
      "at": "2026-11-29T16:40:00.000Z",
      "cost": {
        "currency": "EUR",
        "ipv4": 0.6,
        "server": 4.75,
        "total": 5.35,
      },
      "devices": [
        {
          "endpoint": null,
          "fromPeerBytes": 0,
          "handshakeSecondsAgo": null,
          "name": "phone",
          "state": "away",
          "toPeerBytes": 0,
          "tunnelIpv4": "10.77.9.9",
          "tunnelIpv6": "fd77::909",
        },
      ],
      "homes": [
        {
          "byHand": false,
          "endpoint": "198.51.100.2:4242",
          "forwards": [
            {
              "connections": 1234,
              "fromHomeBytes": 35900000000,
              "proof": "open",
              "protocol": "tcp",
              "published": "80",
              "target": "8080",
              "toHomeBytes": 1200000000,
            },
            {
              "connections": 0,
              "fromHomeBytes": 0,
              "proof": "open",
              "protocol": "tcp",
              "published": "64738",
              "target": "64738",
              "toHomeBytes": 0,
            },
            {
              "connections": 0,
              "fromHomeBytes": 0,
              "proof": "open",
              "protocol": "udp",
              "published": "64738",
              "target": "64738",
              "toHomeBytes": 0,
            },
            {
              "connections": 5,
              "fromHomeBytes": 0,
              "proof": "not tried: nothing answers",
              "protocol": "udp",
              "published": "50000-50100",
              "target": "50000-50100",
              "toHomeBytes": 4000,
            },
            {
              "connections": 0,
              "fromHomeBytes": 0,
              "proof": "nothing listens",
              "protocol": "tcp",
              "published": "8443",
              "target": "192.168.1.5:443",
              "toHomeBytes": 0,
            },
          ],
          "fromPeerBytes": 36000000000,
          "handshakeSecondsAgo": 40,
          "host": {
            "diskAvailableBytes": 30000000000,
            "diskTotalBytes": 40000000000,
            "failedUnits": [],
            "missing": [],
            "restartFor": null,
            "securityUpdates": 0,
            "trackedConnections": 210,
            "trackedConnectionsMost": 65536,
            "upSeconds": 1040000,
            "updates": 0,
          },
          "name": "nas",
          "provenAt": "2026-11-27T16:40:00.000Z",
          "state": "here",
          "toPeerBytes": 1200000000,
          "tunnelIpv4": "10.77.3.4",
          "tunnelIpv6": "fd77::304",
        },
      ],
      "names": [
        {
          "addresses": [
            "203.0.113.9",
            "2001:db8:9::1",
          ],
          "leadsHere": true,
          "name": "example.org",
        },
        {
          "addresses": [
            "203.0.113.9",
          ],
          "leadsHere": true,
          "name": "www.example.org",
        },
      ],
      "notices": [
        {
          "mend": "Start what is to listen at 192.168.1.5:443, then try again from outside:
      npm run check",
          "what": "nas: when 8443/tcp was last tried: nothing listens.",
        },
      ],
      "problems": [],
      "relay": {
        "host": {
          "diskAvailableBytes": 30000000000,
          "diskTotalBytes": 40000000000,
          "failedUnits": [],
          "missing": [],
          "restartFor": null,
          "securityUpdates": 3,
          "trackedConnections": 210,
          "trackedConnectionsMost": 65536,
          "upSeconds": 1040000,
          "updates": 12,
        },
        "ipv4": "203.0.113.9",
        "ipv6": "2001:db8:9::1",
        "location": "nbg1",
        "provider": "hetzner",
        "restartsByItself": true,
        "serverType": "cx23",
      },
      "stack": "home-relay/dev",
      "traffic": {
        "includedBytes": 21990232555520,
        "receivedBytes": 33000000000,
        "sentBytes": 34000000000,
        "since": null,
        "source": "hetzner",
      },
      "version": 1,
      "well": true,
    }
  `);
});

test("a month that the relay itself counts says since when, and only where it is less than the month", () => {
  const { traffic } = assembleReport({ ...well, provider: undefined });
  expect(traffic).toEqual({
    source: "relay",
    since: "2026-11-12T00:00:00.000Z",
    receivedBytes: 37_000_000_000,
    sentBytes: 38_000_000_000,
    includedBytes: null,
  });
  const whole = host(
    "the relay",
    relaySaid.replace(String(Date.UTC(2026, 10, 12) / 1000), String(Date.UTC(2026, 10, 1) / 1000)),
  );
  expect(assembleReport({ ...well, hosts: [whole], provider: undefined }).traffic?.since).toBeNull();
});

test("an answer that was cut off, or is of another version, is none", () => {
  expect(() => parseHostStatus(relaySaid.replace("\nend", ""))).toThrow("it was cut off");
  expect(() => parseHostStatus("status 2\nend")).toThrow("it is of another version");
  expect(() => parseHostStatus("motd\n")).toThrow("it is of another version");
});

test.each([
  [0, "0 bytes"],
  [999, "999 bytes"],
  [1000, "1 KiB"],
  [1024 ** 2 * 1.24, "1.2 MiB"],
  [1024 ** 3 * 34.4, "34 GiB"],
  [20 * 1024 ** 4, "20 TiB"],
])("%d bytes are %s", (bytes, text) => expect(renderBytes(bytes)).toBe(text));

test.each([
  [40, "40 s"],
  [179, "3 min"],
  [7200, "2 h"],
  [86_400, "24 h"],
  [12.2 * 86_400, "12 days"],
])("%d seconds are %s", (seconds, text) => expect(renderDuration(seconds)).toBe(text));
