import { expect, test } from "@jest/globals";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import { firewall } from "../../unit/generators/examples.ts";
import { at, inRelayWorld } from "./relayWorld.ts";

const { listenPort } = firewall;
const rules = renderRelayRuleset(firewall);

test("who sends to WireGuard's port is answered, and fills no memory of the relay's", () => {
  const knocks = [at.relay.ipv4, at.relay.ipv6].flatMap((address) =>
    [7001, 7002, 7003].map((from) => `ask outside ${from} ${address} ${listenPort}`),
  );
  expect(
    inRelayWorld(
      { rules },
      "load rules",
      `serve relay ${listenPort} wireguard`,
      ...knocks,
      "on relay cat /proc/sys/net/netfilter/nf_conntrack_count",
      "stop",
    ).split("\n"),
  ).toEqual([
    ...[at.stranger.ipv4, at.stranger.ipv6].flatMap((address) =>
      [7001, 7002, 7003].map((from) => `wireguard sees ${address} ${from}`),
    ),
    "0",
    "",
  ]);
});

/** Two routers' errors: what WireGuard has sent to the stranger is too big for the way, which takes that many bytes. */
const tooBig = (bytes: number) => `
import socket, struct

def summed(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff

def send(kind, protocol, stranger, relay, error):
    sender = socket.socket(kind, socket.SOCK_RAW, protocol)
    sender.bind((stranger, 0))
    sender.sendto(error, (relay, 0))

datagram = struct.pack("!HHHH", ${listenPort}, 7001, 1372, 0)
ends = b"".join(map(socket.inet_aton, ("${at.relay.ipv4}", "${at.stranger.ipv4}")))
about = struct.pack("!BBHHHBBH", 0x45, 0, 1392, 1, 0x4000, 64, 17, 0) + ends + datagram
sum = summed(struct.pack("!BBHI", 3, 4, 0, ${bytes}) + about)
send(socket.AF_INET, socket.IPPROTO_ICMP, "${at.stranger.ipv4}", "${at.relay.ipv4}", struct.pack("!BBHI", 3, 4, sum, ${bytes}) + about)
ends = b"".join(socket.inet_pton(socket.AF_INET6, it) for it in ("${at.relay.ipv6}", "${at.stranger.ipv6}"))
about = struct.pack("!IHBB", 0x60000000, 1372, 17, 64) + ends + datagram
send(socket.AF_INET6, socket.IPPROTO_ICMPV6, "${at.stranger.ipv6}", "${at.relay.ipv6}", struct.pack("!BBHI", 2, 0, 0, ${bytes}) + about)
`;

test("WireGuard hears that what it has sent is too big for the way", () => {
  expect(
    inRelayWorld(
      { rules, "too-big.py": tooBig(1300) },
      "load rules",
      `serve relay ${listenPort} wireguard`,
      `for address in ${at.relay.ipv4} ${at.relay.ipv6}; do ask outside 7001 $address ${listenPort}; done`,
      "on outside python3 $folder/too-big.py",
      `for address in ${at.stranger.ipv4} ${at.stranger.ipv6}; do on relay ip route get $address | grep -o "mtu [0-9]*"; done`,
      "stop",
    ).split("\n"),
  ).toEqual([
    `wireguard sees ${at.stranger.ipv4} 7001`,
    `wireguard sees ${at.stranger.ipv6} 7001`,
    "mtu 1300",
    "mtu 1300",
    "",
  ]);
});

test("a forged error cuts what WireGuard sends in no smaller pieces than a link of today takes", () => {
  expect(
    inRelayWorld(
      { rules, "too-big.py": tooBig(600) },
      "load rules",
      `serve relay ${listenPort} wireguard`,
      "on outside python3 $folder/too-big.py",
      `for address in ${at.stranger.ipv4} ${at.stranger.ipv6}; do on relay ip route get $address | grep -o "mtu [0-9]*" || echo whole; done`,
      "stop",
    ).split("\n"),
  ).toEqual(["whole", "whole", ""]);
});
