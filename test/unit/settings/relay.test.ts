import { describe, expect, test } from "@jest/globals";
import { parsePrefix } from "../../../components/network/prefix.ts";
import { hostKey, nas, otherHostKey, parse, problemsOf, refuses, vps } from "./stackFiles.ts";

const tokenMend =
  "create a token with read and write access in the Hetzner console, then: pulumi config set --secret hcloud:token";

describe("a relay that was there before", () => {
  const unsaid = { password: undefined, jump: undefined };

  test("has the defaults of ssh, and its host's address", () => {
    expect(parse({ relay: vps }).relay).toEqual({
      provider: "ssh",
      host: "203.0.113.5",
      port: 22,
      ...unsaid,
      user: "root",
      hostKey,
      identityFile: undefined,
      ipv4: "203.0.113.5",
      ipv6: undefined,
      adminCidrs: [parsePrefix("0.0.0.0/0"), parsePrefix("::/0")],
      metricsPeers: [],
    });
  });

  test("is read as it is written", () => {
    const written = {
      ...vps,
      host: "vps.example.org",
      port: 2222,
      user: "deploy",
      identityFile: "~/.ssh/vps",
      ipv4: "203.0.113.7",
      ipv6: "2001:DB8:2::1",
      adminCidrs: ["192.0.2.0/24"],
      metricsPeers: ["nas"],
    };
    expect(parse({ relay: written }).relay).toEqual({
      ...written,
      ...unsaid,
      ipv6: "2001:db8:2::1",
      adminCidrs: [parsePrefix("192.0.2.0/24")],
    });
  });

  test("needs no token of Hetzner's, but a name at Hetzner does", () => {
    const noToken = { relay: vps, hcloudToken: undefined };
    expect(problemsOf(noToken)).toEqual([]);
    expect(problemsOf({ ...noToken, dns: { zone: "example.org" } })).toEqual([
      `hcloud:token: is missing\n  ${tokenMend} (or set HCLOUD_TOKEN)`,
    ]);
  });

  test("may be reached at one address with a home, behind another port or with another key", () => {
    for (const different of [{ port: 2022 }, { hostKey: otherHostKey }])
      expect(
        problemsOf({ relay: vps, homes: [{ ...nas, ssh: { host: vps.host, hostKey, ...different } }] }),
      ).toEqual([]);
  });
});

refuses("of the relay", [
  [
    "provider",
    { relay: { provider: "aws" } },
    'home-relay:relay.provider: must be one of hetzner, ssh; found "aws"\n  write hetzner',
  ],
  [
    "a key of the other provider",
    { relay: { ...vps, serverType: "cx23" } },
    "home-relay:relay.serverType: belongs to provider hetzner; the provider here is ssh\n  remove it, or write provider: hetzner",
  ],
  [
    "a key of the other provider, where none is written",
    { relay: { host: "203.0.113.5" } },
    "home-relay:relay.host: belongs to provider ssh; the provider here is hetzner\n  remove it, or write provider: ssh",
  ],
  [
    "sshPort of a machine of one's own",
    { relay: { ...vps, sshPort: 2222 } },
    "home-relay:relay.sshPort: belongs to provider hetzner; the provider here is ssh\n" +
      "  on your own machine you move sshd yourself; say where it listens with port",
  ],
  [
    "a mistyped key of a machine of one's own",
    { relay: { ...vps, ipv: "203.0.113.5" } },
    "home-relay:relay.ipv: is not a setting\n  did you mean ipv4?",
  ],
  [
    "no host of a machine of one's own",
    { relay: { ...vps, host: undefined, ipv4: "203.0.113.5" } },
    "home-relay:relay.host: is missing\n  write it, for example: host: 192.168.1.10",
  ],
  [
    "a name without an address",
    { relay: { ...vps, host: "vps.example.org" } },
    'home-relay:relay.ipv4: is missing, and host is no public IPv4 address; found host: "vps.example.org"\n  write the machine\'s public IPv4 address',
  ],
  [
    "a private host without a public address",
    { relay: { ...vps, host: "10.0.0.5" } },
    'home-relay:relay.ipv4: is missing, and host is no public IPv4 address; found host: "10.0.0.5"\n  write the machine\'s public IPv4 address',
  ],
  [
    "a private ipv4",
    { relay: { ...vps, ipv4: "192.168.1.5" } },
    'home-relay:relay.ipv4: "192.168.1.5" is not an address that the internet can reach\n  write the machine\'s public IPv4 address',
  ],
  [
    "IPv6 for ipv4",
    { relay: { ...vps, ipv4: "2001:db8::1" } },
    'home-relay:relay.ipv4: "2001:db8::1" is not an IPv4 address\n  write the machine\'s public IPv4 address',
  ],
  [
    "a link's own ipv6",
    { relay: { ...vps, ipv6: "fe80::1" } },
    'home-relay:relay.ipv6: "fe80::1" is not an address that the internet can reach\n  write the machine\'s public IPv6 address, or remove the key to do without IPv6',
  ],
  [
    "a network for ipv6",
    { relay: { ...vps, ipv6: "2001:db8::/64" } },
    'home-relay:relay.ipv6: "2001:db8::/64" is not an IP address\n  write the machine\'s public IPv6 address, or remove the key to do without IPv6',
  ],
  [
    "location",
    { relay: { location: "Nürnberg" } },
    'home-relay:relay.location: must be Hetzner\'s name, of lower-case letters, digits and hyphens; found "Nürnberg"\n  write it like nbg1',
  ],
  [
    "serverType",
    { relay: { serverType: "CX 23" } },
    'home-relay:relay.serverType: must be Hetzner\'s name, of lower-case letters, digits and hyphens; found "CX 23"\n  write it like cx23',
  ],
  [
    "image",
    { relay: { image: "debian 12" } },
    'home-relay:relay.image: must be one of debian-13, debian-12; found "debian 12"\n  write debian-12',
  ],
  [
    "sshPort",
    { relay: { sshPort: 0 } },
    "home-relay:relay.sshPort: must be a whole number from 1 to 65535; found 0\n  write a number from 1 to 65535",
  ],
  [
    "another way for SSH",
    { relay: { sshVia: "tunel" } },
    'home-relay:relay.sshVia: must be one of public, tunnel; found "tunel"\n  write tunnel',
  ],
  [
    "SSH through the tunnel for nobody",
    { relay: { sshVia: "tunnel" } },
    "home-relay:relay.sshVia: is tunnel, and no peer may open an SSH connection through it: neither you nor this program could reach the relay\n" +
      "  name the peer that runs this program under sshPeers, like sshPeers: [nas], or remove sshVia",
  ],
  [
    "a peer that is not there",
    { relay: { sshPeers: ["nas", "nsa"] } },
    'home-relay:relay.sshPeers[1]: names no peer of this stack; found "nsa"\n  the peers are: nas',
  ],
  [
    "a peer that is nearly there",
    { relay: { sshPeers: ["nas2"] } },
    'home-relay:relay.sshPeers[0]: names no peer of this stack; found "nas2"\n  did you mean nas?',
  ],
  [
    "a peer named twice",
    { relay: { sshPeers: ["nas", "nas"] } },
    'home-relay:relay.sshPeers[1]: repeats home-relay:relay.sshPeers[0]; found "nas" in both\n  remove one of them',
  ],
  [
    "a peer that is no name",
    { relay: { sshPeers: [1] } },
    "home-relay:relay.sshPeers[0]: must be text; found 1\n  write it like nas",
  ],
  [
    "a reader of the metrics who is not there",
    { relay: { metricsPeers: ["nas2", "nas"] } },
    'home-relay:relay.metricsPeers[0]: names no peer of this stack; found "nas2"\n  did you mean nas?',
  ],
  [
    "a reader of the metrics, at a relay that was there before",
    { relay: { ...vps, metricsPeers: ["prometheus"] } },
    'home-relay:relay.metricsPeers[0]: names no peer of this stack; found "prometheus"\n  the peers are: nas',
  ],
  [
    "readers of the metrics that are no list",
    { relay: { metricsPeers: "nas" } },
    'home-relay:relay.metricsPeers: must be a list; found "nas"\n  write it as ["nas"]',
  ],
  [
    "no adminCidrs",
    { relay: { adminCidrs: [] } },
    "home-relay:relay.adminCidrs: is an empty list: nobody could open an SSH connection to the relay, and neither could this program\n" +
      "  write the addresses that you connect from, or remove the key to admit everybody who has the key",
  ],
  [
    "host bits in adminCidrs",
    { relay: { adminCidrs: ["192.0.2.7/24"] } },
    'home-relay:relay.adminCidrs[0]: "192.0.2.7/24" has bits set after its length; did you mean 192.0.2.0/24?\n' +
      '  write address/length, like "192.0.2.0/24" or "2001:db8::/32"',
  ],
  [
    "a repeated prefix",
    { relay: { adminCidrs: ["192.0.2.7", "192.0.2.7/32"] } },
    'home-relay:relay.adminCidrs[1]: repeats home-relay:relay.adminCidrs[0]; found "192.0.2.7/32" in both\n  remove one of them',
  ],
]);

test("a peer is not called unknown while a name is wrong that may be its own", () => {
  const homes = [{ ...nas, name: "NAS" }];
  expect(problemsOf({ homes, relay: { sshPeers: ["nas"] } })).toEqual([
    expect.stringMatching(/^home-relay:homes\[0\]\.name: must be 1 to 20 /),
  ]);
});

test("takes any number of adminCidrs, which no provider's firewall gets", () => {
  const adminCidrs = Array.from({ length: 101 }, (_, i) => `192.0.2.${i}`);
  expect(parse({ relay: { adminCidrs } }).relay.adminCidrs).toEqual(adminCidrs.map(parsePrefix));
});
